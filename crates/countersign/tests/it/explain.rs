//! `token explain`: names key, claim and rule, against an issuer, a key file and this store.

use crate::bin::{Bin, Ran};
use crate::live::{logged_in, set_up};
use serde_json::{Value, json};

/// Name, verdict, due, came of every check.
fn checks(ran: &Ran) -> Vec<(String, String, String, String)> {
    let text = |check: &Value, member: &str| check[member].as_str().unwrap().to_owned();
    let all = ran.json()["checks"].as_array().unwrap().clone();
    all.iter().map(|c| (text(c, "name"), text(c, "verdict"), text(c, "expected"), text(c, "came"))).collect()
}

fn check(ran: &Ran, name: &str) -> (String, String, String) {
    let (_, verdict, due, came) = checks(ran).into_iter().find(|c| c.0 == name).unwrap();
    (verdict, due, came)
}

fn refused(ran: &Ran) -> Vec<String> {
    checks(ran).into_iter().filter(|c| c.1 == "refused").map(|c| c.0).collect()
}

/// What ran, and that nothing it said holds the token.
fn explain(bin: &Bin, token: &str, args: &[&str]) -> Ran {
    let args: Vec<&str> = ["token", "explain"].iter().chain(args).copied().collect();
    let ran = bin.pipe(&args, token);
    for part in token.split('.').filter(|part| part.len() > 20) {
        assert!(!ran.out.contains(part) && !ran.err.contains(part), "{ran:?}");
    }
    ran
}

#[test]
fn this_store_names_claim_key_and_rule() {
    let (bin, server) = set_up();
    let tokens = logged_in(&server);
    let token = tokens["access_token"].as_str().unwrap();
    let header = bin.pipe(&["token", "inspect", "--json"], token).ok().json();
    let (kid, jti) = (header["header"]["kid"].as_str().unwrap(), header["claims"]["jti"].as_str().unwrap());

    let good = explain(&bin, token, &["--json"]).ok();
    assert_eq!(good.json()["accepted"], json!(true));
    assert!(refused(&good).is_empty(), "{good:?}");
    assert!(good.err.contains(&format!("valid: every check is good; key {kid} (ES256)")), "{good:?}");
    explain(&bin, token, &["--audience", "urn:api:orders"]).ok();

    let other =
        explain(&bin, token, &["--audience", "urn:api:bills", "--json"]).failed(1, "refused: `aud` is");
    assert_eq!(refused(&other), ["aud"]);
    let (_, due, came) = check(&other, "aud");
    assert_eq!((due.as_str(), came.as_str()), ("urn:api:bills", "\"urn:api:orders\""));
    assert!(other.err.contains("wants urn:api:bills; key ") && other.err.contains(kid), "{other:?}");

    bin.run(&["revoke", "--jti", jti]).ok();
    let revoked =
        explain(&bin, token, &["--json"]).failed(1, "refused: revoked by a rule on the token itself");
    let told = revoked.json();
    assert_eq!((&told["code"], &told["accepted"]), (&json!("revoked"), &json!(false)));
    assert_eq!((&told["revocation"]["kind"], &told["revocation"]["id"]), (&json!("jti"), &json!(jti)));
    assert_eq!(refused(&revoked), ["rules"]);
    assert_eq!(
        (&told["revocation"]["event"], &told["revocation"]["by"]),
        (&json!("token.revoked"), &json!("an operator"))
    );
    assert!(told["revocation"]["rule"].as_u64().is_some_and(|number| number > 0), "{told}");
    assert!(
        revoked.err.contains("of the feed's epoch 1, made by an operator (token.revoked)"),
        "{revoked:?}"
    );

    // Of a session that the app ended: the session is named, and who ended it.
    let tokens = logged_in(&server);
    let (token, sid) = (tokens["access_token"].as_str().unwrap(), tokens["session_id"].as_str().unwrap());
    let out = server.send("POST", "/auth/logout", &format!("authorization: Bearer {token}\r\n"), "");
    assert_eq!(out.status, 204, "{out:?}");
    let ended = explain(&bin, token, &["--json"]).failed(1, "revoked by a rule on its session").json();
    assert_eq!((&ended["revocation"]["kind"], &ended["revocation"]["id"]), (&json!("sid"), &json!(sid)));
    assert_eq!(ended["revocation"]["event"], json!("client_session.ended"));
    assert_eq!(ended["revocation"]["by"], json!("client app"));

    // As a service sees it: by the feed.
    let service = ["--issuer", &server.issuer, "--audience", "urn:api:orders", "--json"];
    let seen = explain(&bin, token, &service).failed(1, "revoked by a rule on its session").json();
    assert_eq!((&seen["code"], &seen["revocation"]["kind"]), (&json!("revoked"), &json!("sid")));
    assert!(seen["feed_age_ms"].as_u64().is_some(), "{seen}");
}

#[test]
fn a_changed_signature_and_an_unknown_key_are_told_apart() {
    let (bin, server) = set_up();
    let tokens = logged_in(&server);
    let token = tokens["access_token"].as_str().unwrap();
    let (body, signature) = token.rsplit_once('.').unwrap();
    let turned = if signature.starts_with('A') { "B" } else { "A" };
    let changed = format!("{body}.{turned}{}", &signature[1..]);
    let ran = explain(&bin, &changed, &["--json"]).failed(1, "the signature is not that of its key");
    assert_eq!(
        (ran.json()["code"].as_str(), refused(&ran)),
        (Some("bad_signature"), vec!["signature".to_owned()])
    );
    assert_eq!(check(&ran, "rules").0, "unchecked", "names that nobody signed say nothing");

    let jwks = bin.path().join("jwks.json");
    std::fs::write(&jwks, r#"{"keys":[]}"#).unwrap();
    let offline = |audience: &str| {
        let jwks = jwks.to_str().unwrap();
        explain(&bin, token, &["--jwks", jwks, "--issuer", &server.issuer, "--audience", audience, "--json"])
    };
    let ran = offline("urn:api:orders").failed(1, "refused: key: kid ");
    assert_eq!(
        (ran.json()["code"].as_str(), check(&ran, "signature").0.as_str()),
        (Some("unknown_key"), "unchecked")
    );
    std::fs::write(&jwks, bin.run(&["key", "export"]).ok().out).unwrap();
    offline("urn:api:orders").ok();
    offline("urn:api:bills").failed(1, "`aud` is");
}

#[test]
fn what_is_no_token_is_explained_too() {
    let (bin, _server) = set_up();
    let ran = explain(&bin, "a.b.c", &["--json"]).failed(1, "refused: form: malformed");
    assert_eq!(checks(&ran).len(), 1);
    let table = explain(&bin, "a.b.c", &[]).failed(1, "refused");
    assert!(table.out.starts_with("CHECK  VERDICT  DUE"), "{table:?}");
}
