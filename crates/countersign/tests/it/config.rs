//! Settings through the real process: layers, sources, errors, secrets.

use crate::bin::Bin;
use serde_json::{Value, json};

#[test]
fn the_layers_and_where_each_value_comes_from() {
    let bin = Bin::new();
    std::fs::write(
        bin.path().join("c.toml"),
        "listen = \"127.0.0.1:9001\"\nissuer = \"http://localhost:9001\"\n[tokens]\nid_token_ttl = \"30m\"\nrefresh_idle = \"1d\"\n",
    )
    .unwrap();
    let env = [("COUNTERSIGN_CONFIG", "c.toml"), ("COUNTERSIGN_TOKENS__REFRESH_IDLE", "2d")];
    let args = ["config", "show", "--json", "--issuer", "http://127.0.0.1:9001"];
    let shown = bin.run_with(&args, "", &env).ok().json();
    let table = [
        ("tokens.access_token_ttl", "15m", "default"),
        ("listen", "127.0.0.1:9001", "c.toml:1"),
        ("tokens.id_token_ttl", "30m", "c.toml:4"),
        ("tokens.refresh_idle", "2d", "COUNTERSIGN_TOKENS__REFRESH_IDLE"),
        ("issuer", "http://127.0.0.1:9001", "--issuer"),
    ];
    for (key, value, source) in table {
        assert_eq!(shown[key], json!({ "value": value, "source": source }), "{key}");
    }
    assert_eq!(shown["store"]["source"], json!("from data_dir"));
    let text = bin.run_with(&["config", "show"], "", &env).ok().out;
    assert!(text.contains("[tokens]\n") && text.contains("refresh_idle = \"2d\""), "{text}");
    // What is shown is a configuration again.
    std::fs::write(bin.path().join("again.toml"), text).unwrap();
    bin.run(&["config", "check", "--config", "again.toml"]).ok();
}

#[test]
fn errors_name_the_key_its_place_and_the_nearest() {
    let bin = Bin::new();
    std::fs::write(bin.path().join("c.toml"), "lisen = \"x\"\n[tokens]\nacces_token_ttl = 5\n").unwrap();
    let ran = bin.run(&["config", "check", "--config", "c.toml"]);
    let ran = ran.failed(
        1,
        "error: config_unknown_key: lisen (c.toml:1): there is no such setting; did you mean listen?",
    );
    let ran =
        ran.failed(1, "tokens.acces_token_ttl (c.toml:3)").failed(1, "did you mean tokens.access_token_ttl?");
    assert!(ran.out.is_empty());
    bin.run_with(&["user", "list"], "", &[("COUNTERSIGN_DATADIR", "x")]).failed(1, "did you mean data_dir?");
    bin.run(&["serve", "--config", "missing.toml"]).failed(1, "config_unreadable: cannot read missing.toml");
    bin.run(&["serve", "--issuer", "http://id.example.com"]).failed(1, "plain http for a public issuer");
    bin.run(&["serve", "--issuer", "https://id.example.com"]).failed(1, "proxy.trusted");
    bin.run(&["serve", "--issuer", "http://localhost:8080/"]).failed(1, "write http://localhost:8080");
    bin.run(&["serve", "--listen", "0.0.0.0:0"]).failed(1, "must be set when listening beyond loopback");
    bin.run(&["serve", "--tls-cert", "c.pem"]).failed(1, "tls.key");
    bin.run(&["serve", "--store", "postgres://x"]).failed(1, "not supported by this version");
    assert!(!bin.data().exists(), "nothing was made");
}

#[test]
fn a_setting_without_effect_is_said_so() {
    let bin = Bin::new();
    let env = [("COUNTERSIGN_OAUTH__REGISTRATION__MODE", "open")];
    let ran = bin.run_with(&["config", "check"], "", &env).ok();
    assert!(ran.err.contains("warning: oauth.registration.mode has no effect"), "{ran:?}");
    let shown = bin.run_with(&["config", "show", "--json"], "", &env).ok().json();
    assert!(shown["oauth.registration.mode"]["note"].is_string(), "{shown}");
    bin.run_with(&["config", "check"], "", &[("COUNTERSIGN_EGRESS__ALLOW", "everybody")])
        .failed(1, "egress.allow (COUNTERSIGN_EGRESS__ALLOW)");
    bin.run_with(&["config", "check"], "", &[("COUNTERSIGN_GATEWAY__ROUTES", "x")])
        .failed(1, "config_unsupported: gateway.routes (COUNTERSIGN_GATEWAY__ROUTES)");
}

#[test]
fn secrets_are_never_shown() {
    let bin = Bin::new();
    let key = "5f".repeat(32);
    std::fs::write(bin.path().join("key"), format!("{key}\n")).unwrap();
    for env in [("COUNTERSIGN_KEYS__MASTER_KEY", key.as_str()), ("COUNTERSIGN_KEYS__MASTER_KEY_FILE", "key")]
    {
        for args in [&["config", "show"][..], &["config", "show", "--json"], &["user", "list"], &["doctor"]] {
            let ran = bin.run_with(args, "", &[env]);
            assert!(!ran.out.contains(&key) && !ran.err.contains(&key), "{args:?}: {ran:?}");
        }
        assert!(bin.run_with(&["config", "show"], "", &[env]).ok().out.contains("master_key = \"***\""));
    }
    // A store that is refused is shown all the same, so that it can be found: not its password.
    let store = [("COUNTERSIGN_STORE", "postgres://me:hunter2@db.example/x")];
    for args in [&["config", "show"][..], &["config", "show", "--json"], &["config", "check"], &["doctor"]] {
        let ran = bin.run_with(args, "", &store);
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{args:?}: {ran:?}");
    }
    // Nor that of another server, which has a setting of its own.
    let urls = [
        ("COUNTERSIGN_ISSUER", "ftp://me:hunter2@id.example"),
        ("COUNTERSIGN_MAIL__SINK", "smtp"),
        ("COUNTERSIGN_MAIL__FROM", "a@id.example"),
        ("COUNTERSIGN_MAIL__SMTP_URL", "smtps://me:hunter2@mail.example"),
        ("COUNTERSIGN_SMS__SINK", "http"),
        ("COUNTERSIGN_SMS__PRESET", "webhook"),
        ("COUNTERSIGN_SMS__SECRET", "hunter2"),
        ("COUNTERSIGN_SMS__URL", "https://me:hunter2@sms.example/send?key=hunter2"),
        ("COUNTERSIGN_PASSWORD__BREACHED_URL", "https://:hunter2@range.example"),
        ("COUNTERSIGN_GATEWAY__RETURN_HOSTS", "me:hunter2@app.example"),
        ("COUNTERSIGN_UPSTREAM__ACME__CLIENT_ID", "us"),
        ("COUNTERSIGN_UPSTREAM__ACME__ISSUER", "https://:hunter2@acme.example"),
    ];
    for args in [&["config", "show"][..], &["config", "show", "--json"], &["config", "check"], &["doctor"]] {
        let ran = bin.run_with(args, "", &urls);
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{args:?}: {ran:?}");
    }
    let refused = bin.run_with(&["config", "check"], "", &urls).failed(1, "config_invalid").err;
    for key in [
        "issuer",
        "mail.smtp_url",
        "sms.url",
        "password.breached_url",
        "upstream.acme.issuer",
        "gateway.return_hosts",
    ] {
        assert!(refused.contains(&format!("config_invalid: {key} ")), "{key}: {refused}");
    }
    let sinks =
        [("COUNTERSIGN_MAIL__SINK", "smtp://me:hunter2@x"), ("COUNTERSIGN_SMS__SINK", "me:hunter2@x")];
    let refused = bin.run_with(&["config", "check"], "", &sinks).failed(1, "config_invalid").err;
    assert!(!refused.contains("hunter2"), "{refused}");
    assert!(!bin.data().join("master.key").exists(), "a given key is not written down");
    let bad = format!("{}x", &key[1..]);
    let ran = bin.run_with(&["user", "list"], "", &[("COUNTERSIGN_KEYS__MASTER_KEY", &bad)]);
    let ran = ran.failed(1, "master_key_form");
    assert!(!ran.err.contains(&bad));
}

#[test]
fn the_schema_is_a_document() {
    let schema: Value = Bin::new().run(&["config", "schema"]).ok().json();
    assert!(schema["properties"]["keys"]["properties"]["publish_ahead"].is_object(), "{schema}");
}
