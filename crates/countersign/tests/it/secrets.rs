//! No secret in any output or log, and files only their owner can read.

use crate::bin::{Bin, GOOD};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

#[test]
fn logs_and_messages_hold_no_secret() {
    let bin = Bin::new();
    std::fs::write(bin.path().join("trace.toml"), "[log]\nlevel = \"trace\"\n").unwrap();
    let mut server = bin.serve_with(&["--config", "trace.toml"]);
    let client_secret = "s3cret-0123456789abcdef-0123456789abcdef";
    let mut said = Vec::new();
    said.push(bin.apply(
        "client",
        &json!({ "client_id": "app", "client_secret": client_secret, "redirect_uris": ["http://127.0.0.1/cb"],
                 "token_endpoint_auth_method": "client_secret_post", "first_party": true, "direct": true,
                 "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
                 "refresh_without_offline_access": true, "scope": "openid" }),
    ));
    said.push(
        bin.pipe(&["user", "add", "ada@example.com", "--password-stdin", "--json"], &format!("{GOOD}\n")),
    );
    let login = json!({ "username": "ada@example.com", "password": GOOD, "client_id": "app", "client_secret": client_secret });
    let tokens = server.post_json("/auth/login", &login);
    let wrong = server.post_json(
        "/auth/login",
        &json!({ "username": "ada@example.com", "password": "wr0ng-guess-77", "client_id": "app" }),
    );
    assert!(wrong.status >= 400);
    let body = format!("grant_type=client_credentials&client_id=app&client_secret={client_secret}");
    let machine = server.post_form("/oauth/token", &body);
    server.get(&format!("/oauth/authorize?client_id=app&code=C0de-in-query&access_token={client_secret}"));
    let mut secrets = vec![
        GOOD.to_owned(),
        client_secret.to_owned(),
        "wr0ng-guess-77".to_owned(),
        "C0de-in-query".to_owned(),
    ];
    for answer in [tokens, machine] {
        let json = answer.json();
        for name in ["access_token", "refresh_token", "id_token"] {
            if let Some(token) = json[name].as_str() {
                said.push(bin.pipe(&["token", "verify"], token));
                said.push(bin.pipe(&["revoke", "--token", "-"], token));
                secrets.push(token.to_owned());
                // Not even the part that makes it good.
                secrets.push(token.rsplit('.').next().unwrap().to_owned());
            }
        }
    }
    assert!(secrets.len() > 6, "tokens were issued");
    secrets.push(std::fs::read_to_string(bin.data().join("master.key")).unwrap().trim().to_owned());
    said.push(bin.run(&["doctor"]));
    said.push(bin.run(&["config", "show"]));
    let events = bin.run(&["audit", "search", "--json", "--limit", "1000"]).ok();
    assert!(events.out.contains("login.failed") && events.out.contains("client.signed_in"), "{events:?}");
    assert!(!events.out.contains("eyJ"), "a token in {events:?}");
    said.push(events);
    said.push(bin.run(&["audit", "tail"]).ok());
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    assert!(log.contains("listening") && log.contains("stopped"), "{log}");
    for secret in &secrets {
        assert!(!log.contains(secret), "the log holds {secret:?}");
        for ran in &said {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{secret:?} in {ran:?}");
        }
    }
}

#[test]
fn files_are_their_owners() {
    let bin = Bin::new();
    bin.run(&["user", "list"]).ok();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bin.data()), 0o700);
    for entry in std::fs::read_dir(bin.data()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
