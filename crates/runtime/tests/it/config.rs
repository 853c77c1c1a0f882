//! Layers, origins, unknown keys, and every rule a configuration can break.

use countersign_issuer::login::Mfa;
use countersign_issuer::model::{Acr, Factor};
use countersign_runtime::config::{
    self, ConfigError, Flag, MailSink, MasterKeySource, Origin, SmtpTls, Sources, StorePath,
};
use serde_json::{Value, json};
use std::path::PathBuf;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

/// A folder with `countersign.toml` of that text.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("countersign.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn value(effective: &config::Effective, key: &str) -> (Value, Origin) {
    let shown = effective.show().into_iter().find(|s| s.key == key).unwrap();
    (shown.value, shown.origin)
}

fn toml(text: &str) -> Result<config::Settings, ConfigError> {
    let (_dir, path) = file(text);
    config::load(&Sources { file: Some(path), ..Sources::default() })?.check()
}

#[test]
fn nothing_given_is_a_working_configuration() {
    let effective = config::load(&Sources::default()).unwrap();
    let settings = effective.check().unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.issuer.issuer, "http://localhost:8080");
    assert_eq!(settings.store, StorePath::Sqlite("./countersign-data/countersign.db".into()));
    assert!(matches!(settings.master_key, MasterKeySource::DataDir(_)));
    assert_eq!(value(&effective, "issuer"), (json!("http://localhost:8080"), Origin::Derived("listen")));
    assert_eq!(value(&effective, "tokens.access_token_ttl"), (json!("15m"), Origin::Default));
    assert_eq!(value(&effective, "keys.master_key"), (Value::Null, Origin::Default));
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let (_dir, path) = file("listen = \"127.0.0.1:1\"\n\n[tokens]\naccess_token_ttl = 60\n");
    let mut sources = Sources { file: Some(path.clone()), ..Sources::default() };
    let at = |line| Origin::File { path: path.clone(), line };
    let seen = |sources: &Sources, key: &str| value(&config::load(sources).unwrap(), key);
    assert_eq!(seen(&sources, "listen"), (json!("127.0.0.1:1"), at(1)));
    assert_eq!(seen(&sources, "tokens.access_token_ttl"), (json!("1m"), at(4)));

    sources.env = env(&[
        ("COUNTERSIGN_LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_TOKENS__ACCESS_TOKEN_TTL", "2m"),
        ("COUNTERSIGN_DIRECT__CLIENTS", "app-a, app-b"),
        ("COUNTERSIGN_PASSWORD__WORKERS", "3"),
        ("COUNTERSIGN_OAUTH__REGISTRATION__MODE", "open"),
    ]);
    let from = |name: &str| Origin::Env(name.to_owned());
    assert_eq!(seen(&sources, "listen"), (json!("127.0.0.1:2"), from("COUNTERSIGN_LISTEN")));
    assert_eq!(seen(&sources, "tokens.access_token_ttl").0, json!("2m"));
    assert_eq!(seen(&sources, "direct.clients").0, json!(["app-a", "app-b"]));
    assert_eq!(seen(&sources, "password.workers").0, json!(3));
    assert_eq!(seen(&sources, "oauth.registration.mode").0, json!("open"));

    sources.flags = vec![Flag { key: "listen", value: "127.0.0.1:3".to_owned(), flag: "--listen" }];
    assert_eq!(seen(&sources, "listen"), (json!("127.0.0.1:3"), Origin::Flag("--listen")));
    let settings = config::load(&sources).unwrap().check().unwrap();
    assert_eq!(settings.issuer.issuer, "http://localhost:3", "the issuer follows the port");
}

#[test]
fn the_file_may_be_named_by_the_environment_and_a_flag_wins() {
    let (_one, first) = file("listen = \"127.0.0.1:1\"");
    let (_two, second) = file("listen = \"127.0.0.1:2\"");
    let mut sources =
        Sources { env: env(&[("COUNTERSIGN_CONFIG", first.to_str().unwrap())]), ..Sources::default() };
    assert_eq!(value(&config::load(&sources).unwrap(), "listen").0, json!("127.0.0.1:1"));
    sources.file = Some(second);
    assert_eq!(value(&config::load(&sources).unwrap(), "listen").0, json!("127.0.0.1:2"));
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let key = "0123456789abcdef".repeat(4);
    let (dir, path) = file("");
    let secret = dir.path().join("master");
    std::fs::write(&secret, format!("{key}\n")).unwrap();
    let name = "COUNTERSIGN_KEYS__MASTER_KEY_FILE";
    let sources = Sources {
        file: Some(path.clone()),
        env: env(&[(name, secret.to_str().unwrap())]),
        ..Sources::default()
    };
    let effective = config::load(&sources).unwrap();
    let origin = Origin::SecretFile { named_by: name.to_owned(), path: secret.clone() };
    assert_eq!(value(&effective, "keys.master_key"), (json!("***"), origin));
    let settings = effective.check().unwrap();
    assert!(matches!(&settings.master_key, MasterKeySource::Given(s) if s.expose() == key));
    assert!(!format!("{settings:?}{:?}", effective.show()).contains(&key));

    std::fs::write(&path, format!("[keys]\nmaster_key_file = {secret:?}\n")).unwrap();
    let from_toml = config::load(&Sources { file: Some(path), ..Sources::default() }).unwrap();
    assert_eq!(value(&from_toml, "keys.master_key").0, json!("***"));

    let both = Sources {
        env: env(&[(name, secret.to_str().unwrap()), ("COUNTERSIGN_KEYS__MASTER_KEY", &key)]),
        ..Sources::default()
    };
    let refused = config::load(&both).unwrap_err().to_string();
    assert!(refused.contains("both set") && !refused.contains(&key), "{refused}");
    let missing = Sources { env: env(&[(name, "/nonexistent/key")]), ..Sources::default() };
    assert!(config::load(&missing).unwrap_err().to_string().contains("cannot read /nonexistent/key"));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_and_its_place() {
    let (_dir, path) = file("[tokens]\nacces_token_ttl = \"5m\"\n[gateway.routes]\nx = \"y\"\n");
    let sources = Sources {
        file: Some(path.clone()),
        env: env(&[("COUNTERSIGN_LISTN", "x"), ("COUNTERSIGN_PORT", "tcp://10.0.0.1:80"), ("HOME", "/")]),
        ..Sources::default()
    };
    let problems = config::load(&sources).unwrap_err().0;
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let at = path.display();
    assert_eq!(
        lines,
        [
            format!(
                "config_unknown_key: tokens.acces_token_ttl ({at}:2): there is no such setting; did you mean \
                 tokens.access_token_ttl?"
            ),
            format!(
                "config_unsupported: gateway.routes ({at}:3): is not supported: this version has no gateway; \
                 remove it"
            ),
            "config_unknown_key: listn (COUNTERSIGN_LISTN): there is no such setting; did you mean listen?"
                .to_owned(),
        ]
    );
}

#[test]
fn settings_of_later_versions_are_checked_and_said_to_do_nothing() {
    let (_dir, path) =
        file("[egress]\nallow = [\"127.0.0.1/32\"]\n[gateway]\nreturn_hosts = [\"app.example:8443\"]\n");
    let effective = config::load(&Sources { file: Some(path), ..Sources::default() }).unwrap();
    let settings = effective.check().unwrap();
    assert_eq!(settings.egress.len(), 1);
    let named: Vec<_> = effective.without_effect().map(|(key, _)| key).collect();
    assert_eq!(named, ["gateway.return_hosts"]);
    assert!(toml("[egress]\nallow = [\"localhost\"]").is_err());
    assert!(toml("[gateway]\nreturn_hosts = [\"https://app.example/\"]").is_err());
}

#[test]
fn every_rule_is_refused_with_its_key() {
    let cases = [
        ("listen = \"8080\"", "listen"),
        ("listen = \"0.0.0.0:8080\"", "issuer"),
        ("listen = \"0.0.0.0:8080\"\nissuer = \"http://localhost:8080\"", "listen"),
        ("issuer = \"https://id.example.com\"", "issuer"),
        ("issuer = \"http://id.example.com\"", "issuer"),
        ("issuer = \"http://id.example.com\"\n[proxy]\ntrusted = [\"10.0.0.1\"]", "issuer"),
        ("issuer = \"http://localhost:8080/\"", "issuer"),
        ("issuer = \"http://LOCALHOST:8080\"", "issuer"),
        ("issuer = \"http://localhost:80\"", "issuer"),
        ("issuer = \"http://localhost:8080?a\"", "issuer"),
        ("issuer = \"http://localhost:8080#a\"", "issuer"),
        ("issuer = \"http://me@localhost:8080\"", "issuer"),
        ("issuer = \"localhost:8080\"", "issuer"),
        ("issuer = \"http://localhost.example.com\"", "issuer"),
        ("issuer = \"http://localhost:8080\"\n[tls]\ncert = \"a\"\nkey = \"b\"", "issuer"),
        ("store = \"postgres://localhost/x\"", "store"),
        ("store = \"sqlite::memory:\"", "store"),
        ("store = \"./x.db\"", "store"),
        ("data_dir = \"\"", "data_dir"),
        ("[tls]\ncert = \"a.pem\"", "tls.cert"),
        ("[tls]\nkey = \"a.pem\"", "tls.key"),
        ("[proxy]\ntrusted = [\"everybody\"]", "proxy.trusted"),
        ("[pages]\ntemplates = \"no such folder\"", "pages.templates"),
        ("[tokens]\naccess_token_ttl = \"0s\"", "tokens.access_token_ttl"),
        ("[tokens]\naccess_token_ttl = \"25h\"", "tokens.access_token_ttl"),
        ("[tokens]\naccess_token_ttl = \"soon\"", "tokens.access_token_ttl"),
        ("[tokens]\naccess_token_ttl = true", "tokens.access_token_ttl"),
        ("[tokens]\nrefresh_retry_window = \"301s\"", "tokens.refresh_retry_window"),
        ("[tokens]\nrefresh_idle = \"31d\"", "tokens.refresh_idle"),
        ("[sessions]\nbrowser_ttl = \"1s\"", "sessions.browser_ttl"),
        ("[keys]\npublish_ahead = \"29m\"", "keys.publish_ahead"),
        ("[keys]\nrotation = \"1h\"", "keys.publish_ahead"),
        ("[keys]\nmaster_key = 5", "keys.master_key"),
        ("[password]\nmin_score = 5", "password.min_score"),
        ("[password]\nmemory = \"18MiB\"", "password.memory"),
        ("[password]\nworkers = 0", "password.workers"),
        ("[password]\nworkers = 9", "password.workers"),
        ("[revocation]\nsoft = \"0s\"", "revocation.soft"),
        ("[revocation]\nsoft = \"1500ms\"", "revocation.soft"),
        ("[revocation]\nhard = \"4s\"", "revocation.hard"),
        ("[revocation]\nhard = \"25h\"", "revocation.hard"),
        ("[revocation]\nmax_rules = 999", "revocation.max_rules"),
        ("[revocation]\nmax_rules = 4000001", "revocation.max_rules"),
        ("[revocation]\nstreams = 0", "revocation.streams"),
        ("[revocation]\nstreams = 9001", "revocation.streams"),
        ("[revocation]\nstreams_per_address = 0", "revocation.streams_per_address"),
        ("[oauth.registration]\nmode = \"yes\"", "oauth.registration.mode"),
        ("[login]\nmfa = \"sometimes\"", "login.mfa"),
        ("[login]\nacr = \"2\"", "login.acr"),
        ("[login]\nacr = \"\"", "login.acr"),
        ("[login]\nfactors = [\"password\", \"fax\"]", "login.factors"),
        ("[login]\nfactors = [\"totp\", \"sms_code\"]", "login.factors"),
        ("[login]\nfactors = []", "login.factors"),
        ("[login]\nfactors = \"password\"", "login.factors"),
        ("[direct]\nclients = [\"u_me\"]", "direct.clients"),
        ("[direct]\nclients = [1]", "direct.clients"),
        ("[log]\nlevel = \"loud\"", "log.level"),
        ("tokens = 5", "tokens"),
    ];
    for (text, key) in cases {
        let refused = toml(text).expect_err(text).0;
        let named: Vec<_> = refused.iter().filter_map(|p| p.key.as_deref()).collect();
        assert_eq!(named, [key], "{text}: {refused:?}");
        assert!(refused.iter().all(|p| p.origin.is_some() && !p.text.is_empty()), "{refused:?}");
    }
    assert!(toml("listen = ").unwrap_err().to_string().contains(":1: not TOML"));
}

#[test]
fn a_request_for_text_messages_that_cannot_work_is_refused_with_its_key() {
    let sms = "[sms]\nsink = \"http\"\npreset = \"custom\"\n";
    let url = "url = 'https://sms.example/send'\n";
    let body = "body = '{\"to\": \"{to}\", \"text\": \"{text}\"}'\n";
    toml(&format!("{sms}{url}{body}")).unwrap();
    toml(&format!("{sms}{url}format = 'form'\nbody = 'to={{digits}}&text={{text}}'")).unwrap();
    for (text, key) in [
        (body.to_owned(), "sms.url"),
        (url.to_owned(), "sms.body"),
        (format!("{url}body = '{{\"to\": \"{{to}}\"}}'"), "sms.body"),
        (format!("{url}body = '{{\"to\": \"{{to}}\", \"text\": {{text}}}}'"), "sms.body"),
        (format!("{url}{body}method = 'GET'"), "sms.body"),
        (format!("{url}{body}method = 'PUT'"), "sms.method"),
        (format!("{url}{body}format = 'xml'"), "sms.format"),
        (format!("url = 'https://{{to}}.example/'\n{body}"), "sms.url"),
        (format!("url = 'https://sms.example/?key={{secret}}'\n{body}"), "sms.url"),
        (format!("url = 'file:///etc/passwd'\n{body}"), "sms.url"),
        (format!("{url}{body}headers = ['X-Text: {{text}}']"), "sms.headers"),
        (format!("{url}{body}headers = ['Authorization: Bearer abc']"), "sms.headers"),
        (format!("{url}{body}headers = ['Host: other']"), "sms.headers"),
        (format!("{url}{body}headers = ['nonsense name: x']"), "sms.headers"),
        (format!("{url}{body}headers = [\"X-A: 1\\r\\nX-B: 2\"]"), "sms.headers"),
    ] {
        let refused = toml(&format!("{sms}{text}")).expect_err(&text).0;
        let mut named: Vec<_> = refused.iter().filter_map(|p| p.key.as_deref()).collect();
        named.dedup();
        assert_eq!(named, [key], "{text}: {refused:?}");
    }
    let preset = "[sms]\nsink = 'http'\npreset = 'webhook'\nurl = 'https://sms.example'\nsecret = 'x'\n";
    toml(preset).unwrap();
    let refused = toml(&format!("{preset}method = 'GET'")).unwrap_err().0;
    assert_eq!(refused[0].key.as_deref(), Some("sms.preset"));
}

#[test]
fn what_a_sign_in_must_be_is_set_by_its_section() {
    let login = |text: &str| toml(text).unwrap().issuer.login;
    let plain = login("");
    assert_eq!((plain.mfa, plain.acr), (Mfa::WhenEnrolled, Acr::One));
    for (text, mfa) in [
        ("never", Mfa::Never),
        ("new_device", Mfa::WhenNewDevice),
        ("enrolled", Mfa::WhenEnrolled),
        ("always", Mfa::Always),
    ] {
        assert_eq!(login(&format!("[login]\nmfa = \"{text}\"")).mfa, mfa, "{text}");
    }
    for (text, acr) in [
        ("urn:countersign:1", Acr::One),
        ("urn:countersign:2", Acr::Two),
        ("urn:countersign:phr", Acr::PhishingResistant),
    ] {
        assert_eq!(login(&format!("[login]\nacr = \"{text}\"")).acr, acr, "{text}");
    }
    let few = login("[login]\nfactors = [\"totp\", \"password\", \"recovery_code\"]");
    assert_eq!(few.first, [Factor::Password]);
    assert_eq!(few.second, [Factor::Totp, Factor::RecoveryCode]);
    assert!(
        plain.first.contains(&Factor::Passkey) && plain.second.contains(&Factor::SmsCode),
        "by default all"
    );
    for (text, says) in [
        ("acr = \"gold\"", "use urn:countersign:1, urn:countersign:2, urn:countersign:phr"),
        ("factors = [\"fax\", \"password\"]", "\"fax\" is not known: use password,"),
        ("factors = [\"totp\"]", "none that a sign-in may begin with"),
    ] {
        let refused = toml(&format!("[login]\n{text}")).unwrap_err().to_string();
        assert!(refused.contains(says) && refused.contains("login."), "{text}: {refused}");
    }
}

#[test]
fn the_feed_is_set_by_its_section() {
    let settings = toml("[revocation]\nsoft = 2\nhard = \"30s\"\nmax_rules = 5000\nstreams = 10").unwrap();
    assert_eq!((settings.issuer.staleness.soft, settings.issuer.staleness.hard), (2, 30));
    assert_eq!((settings.issuer.max_rules, settings.readers.streams), (5000, 10));
    let plain = toml("").unwrap();
    assert_eq!((plain.issuer.staleness.soft, plain.issuer.staleness.hard), (5, 60));
    assert_eq!((plain.issuer.max_rules, plain.readers.streams_per_address), (4_000_000, 2_000));
}

#[test]
fn public_issuers_stand_behind_tls_or_a_declared_proxy() {
    for text in [
        "issuer = \"https://id.example.com\"\n[proxy]\ntrusted = [\"10.0.0.0/8\"]",
        "issuer = \"https://id.example.com/tenant\"\nlisten = \"0.0.0.0:443\"\n[tls]\ncert = \"c\"\nkey = \"k\"",
        "issuer = \"http://auth.localhost:9000\"\nlisten = \"127.0.0.1:9000\"",
        "issuer = \"http://[::1]:9000\"\nlisten = \"[::1]:9000\"",
        "issuer = \"http://localhost:8080\"\nlisten = \"0.0.0.0:8080\"\n[proxy]\ntrusted = [\"172.17.0.1\"]",
        "listen = \"localhost:8081\"",
    ] {
        toml(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

#[test]
fn a_mail_server_is_spoken_to_with_tls_unless_it_is_on_this_machine() {
    let mail = |url: &str| {
        let text = format!("[mail]\nsink = \"smtp\"\nfrom = \"a@id.example\"\nsmtp_url = \"{url}\"");
        toml(&text).map(|settings| match settings.mail.unwrap().sink {
            MailSink::Smtp(server) => (server.tls, server.port),
            other => panic!("{other:?}"),
        })
    };
    for (url, due) in [
        ("smtps://mail.example", (SmtpTls::Wrapped, 465)),
        ("smtps://localhost", (SmtpTls::Wrapped, 465)),
        ("smtp://mail.example", (SmtpTls::StartTls, 587)),
        ("smtp://mail.example:25?tls=required", (SmtpTls::StartTls, 25)),
        ("smtp://192.0.2.1", (SmtpTls::StartTls, 587)),
        ("smtp://localhost.example", (SmtpTls::StartTls, 587)),
        ("smtp://localhost:25", (SmtpTls::None, 25)),
        ("smtp://127.0.0.1", (SmtpTls::None, 587)),
        ("smtp://[::1]", (SmtpTls::None, 587)),
        ("smtp://localhost?tls=required", (SmtpTls::StartTls, 587)),
    ] {
        assert_eq!(mail(url).expect(url), due, "{url}");
    }
    for url in [
        "smtp://mail.example?tls=none",
        "smtp://mail.example?",
        "smtps://mail.example?tls=required",
        "smtp://me@x",
    ] {
        let refused = mail(url).expect_err(url).0;
        assert_eq!(refused[0].key.as_deref(), Some("mail.smtp_url"), "{url}");
    }
}

/// Whoever reaches `/dev/outbox` reads everybody's codes.
#[test]
fn the_development_outbox_is_for_this_machine_alone() {
    let tls = "[tls]\ncert = \"c\"\nkey = \"k\"";
    for sink in ["mail", "sms"] {
        let outbox = format!("[{sink}]\nsink = \"outbox\"");
        toml(&outbox).unwrap();
        toml(&format!("issuer = \"https://localhost:8443\"\nlisten = \"127.0.0.1:8443\"\n{tls}\n{outbox}"))
            .unwrap();
        for open in [
            format!("issuer = \"https://localhost:8443\"\nlisten = \"0.0.0.0:8443\"\n{tls}\n{outbox}"),
            format!(
                "issuer = \"http://localhost:8080\"\nlisten = \"[::]:8080\"\n[proxy]\ntrusted = [\"10.0.0.1\"]\n{outbox}"
            ),
            format!("issuer = \"https://id.example.com\"\n{tls}\n{outbox}"),
        ] {
            let refused = toml(&open).expect_err(&open).0;
            let named: Vec<_> = refused.iter().filter_map(|p| p.key.as_deref()).collect();
            assert_eq!(named, [format!("{sink}.sink")], "{open}: {refused:?}");
        }
    }
}

#[test]
fn the_schema_describes_every_setting() {
    let schema = config::schema();
    assert_eq!(schema["properties"]["tokens"]["properties"]["access_token_ttl"]["default"], json!("15m"));
    assert_eq!(schema["additionalProperties"], json!(false));
    let described = |section: &Value| {
        let Some(properties) = section["properties"].as_object() else { return };
        for (name, inner) in properties {
            assert!(inner["description"].is_string(), "{name} has no description");
        }
    };
    described(&schema);
    for (_, section) in schema["properties"].as_object().unwrap() {
        described(section);
    }
}

#[test]
fn providers_are_set_by_sections_of_their_own_names() {
    let (_dir, path) = file(
        "[upstream.google]\npreset = \"google\"\nclient_id = \"abc\"\nmail_domains = [\"Example.com\"]\n\
         [upstream.work]\npreset = \"microsoft\"\nissuer = \"https://login.microsoftonline.com/common/v2.0\"\n\
         client_id = \"def\"\nroles = [\"groups = staff -> reader\"]\n",
    );
    let secret = env(&[("COUNTERSIGN_UPSTREAM__GOOGLE__CLIENT_SECRET", "hunter2")]);
    let effective = config::load(&Sources { file: Some(path), env: secret, ..Sources::default() }).unwrap();
    let settings = effective.check().unwrap().issuer.upstreams;
    let [google, work] = settings.as_slice() else { panic!("{settings:?}") };
    assert_eq!(
        (google.display_name.as_str(), google.issuer.as_str()),
        ("Google", "https://accounts.google.com")
    );
    assert_eq!(google.mail_domains, ["example.com"]);
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert_eq!(work.named, "https://login.microsoftonline.com/{tenantid}/v2.0");
    assert_eq!(work.roles[0].role, "reader");
    assert_eq!(value(&effective, "upstream.google.client_secret").0, json!("***"));
    assert_eq!(value(&effective, "upstream.work.client_id").0, json!("def"));
    assert!(matches!(value(&effective, "upstream.work.client_id").1, Origin::File { line: 8, .. }));
}

#[test]
fn a_provider_that_cannot_work_is_refused_with_its_key() {
    for (text, key) in [
        ("[upstream.x]\nclient_id = \"a\"", "upstream.x.issuer"),
        ("[upstream.x]\nissuer = \"https://id.example\"", "upstream.x.client_id"),
        ("[upstream.x]\nissuer = \"https://id.example/\"\nclient_id = \"a\"", "upstream.x.issuer"),
        ("[upstream.x]\nissuer = \"id.example\"\nclient_id = \"a\"", "upstream.x.issuer"),
        ("[upstream.X]\nissuer = \"https://id.example\"\nclient_id = \"a\"", "upstream.X.issuer"),
        (
            "[upstream.x]\npreset = \"google\"\nclient_id = \"a\"\nalgorithms = [\"HS256\"]",
            "upstream.x.algorithms",
        ),
        (
            "[upstream.x]\npreset = \"google\"\nclient_id = \"a\"\nalgorithms = [\"none\"]",
            "upstream.x.algorithms",
        ),
        ("[upstream.x]\npreset = \"google\"\nclient_id = \"a\"\nroles = [\"staff\"]", "upstream.x.roles"),
        ("[upstream.x]\npreset = \"apple\"\nclient_id = \"a\"", "upstream.x.private_key"),
        ("[upstream.x]\npreset = \"github\"\nclient_id = \"a\"\nteam_id = \"t\"", "upstream.x.private_key"),
        (
            "[upstream.x]\npreset = \"microsoft\"\nissuer = \"https://login.microsoftonline.com/common/v2.0\"\n\
             client_id = \"a\"\ntrust_email = true",
            "upstream.x.trust_email",
        ),
        ("[upstream.x]\nclient_idd = \"a\"", "upstream.x.client_idd"),
        ("upstream = 3", "upstream"),
        ("[upstream]\nx = 3", "upstream.x"),
    ] {
        let refused = toml(text).unwrap_err();
        let keys: Vec<_> = refused.0.iter().filter_map(|p| p.key.as_deref()).collect();
        assert!(keys.contains(&key), "{text}: {keys:?}");
    }
}
