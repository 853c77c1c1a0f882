//! Every claim is judged; none is optional.

use crate::issuer::{AUDIENCE, Issuer, START, key};
use countersign_token::{AccessToken, Algorithm, Audience, SigningKey};
use countersign_verifier::Refusal;
use serde_json::{Value, json};
use std::time::Duration;

fn code(outcome: Result<countersign_verifier::Identity, Refusal>) -> &'static str {
    match outcome {
        Ok(_) => "accepted",
        Err(Refusal::InvalidToken(error)) => error.code,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_token_speaks_for_its_subject() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let who = issuer.verifier().verify(&issuer.token(&key)).await.unwrap();
    assert_eq!((who.subject(), who.client_id(), who.is_machine()), ("u_1", "web", false));
    assert_eq!(who.scopes().collect::<Vec<_>>(), ["users:read", "users:write"]);
    assert!(who.has_scope("users:read") && !who.has_scope("users") && !who.has_scope(""));
    assert!(who.has_role("editor") && !who.has_role("admin"));
    assert_eq!(who.kid(), Some(key.kid()));
}

#[tokio::test]
async fn wrong_claims_are_refused() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    type Change = fn(&mut AccessToken);
    let changes: [(&str, Change); 7] = [
        ("wrong_issuer", |c| c.iss.push('/')),
        ("wrong_audience", |c| c.aud = Audience(vec!["urn:api:orders".into()])),
        ("wrong_audience", |c| c.aud = Audience(Vec::new())),
        ("expired", |c| c.exp = START),
        ("not_yet_valid", |c| drop(c.more.insert("nbf".into(), json!(START + 3)))),
        // Another machine's clock may go a little ahead.
        ("accepted", |c| c.iat = START + 2),
        ("accepted", |c| c.aud = Audience(vec!["urn:api:orders".into(), AUDIENCE.into()])),
    ];
    for (expected, change) in changes {
        let mut claims = issuer.claims();
        change(&mut claims);
        assert_eq!(code(verifier.verify(&key.sign("at+jwt", &claims).unwrap()).await), expected);
    }
}

#[tokio::test]
async fn claims_left_out_or_malformed_are_refused() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let good = serde_json::to_value(issuer.claims()).unwrap();
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        let token = key.sign("at+jwt", &claims).unwrap();
        assert_ne!(code(verifier.verify(&token).await), "accepted", "without {name}");
    }
    for (name, value) in [
        ("iss", json!([issuer.url])),
        ("sub", json!(7)),
        ("sub", Value::Null),
        ("aud", json!({ "0": AUDIENCE })),
        ("aud", json!([AUDIENCE, 7])),
        ("exp", json!("1800000900")),
        ("exp", json!(true)),
        ("iat", json!("x")),
        ("nbf", json!("x")),
        ("scope", json!(["users:read"])),
        ("roles", json!("admin")),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        let token = key.sign("at+jwt", &claims).unwrap();
        assert_ne!(code(verifier.verify(&token).await), "accepted", "{name}: {value}");
    }
}

#[tokio::test]
async fn other_kinds_of_token_and_forgeries_are_refused() {
    let (known, stranger) = (key(), key());
    let issuer = Issuer::start(&[&known]).await;
    let verifier = issuer.verifier();
    for typ in ["JWT", "mfa+jwt", "login-link+jwt", "logout+jwt"] {
        let token = known.sign(typ, &issuer.claims()).unwrap();
        assert_eq!(code(verifier.verify(&token).await), "wrong_type", "{typ}");
    }
    assert_eq!(code(verifier.verify(&issuer.token(&stranger)).await), "unknown_key");

    let token = issuer.token(&known);
    let (body, signature) = token.rsplit_once('.').unwrap();
    let other = issuer.token(&stranger);
    let (_, foreign) = other.rsplit_once('.').unwrap();
    assert_eq!(code(verifier.verify(&format!("{body}.{foreign}")).await), "bad_signature");
    for bad in [String::new(), "x".into(), "a.b.c".into(), format!("{body}."), format!("{token}.{signature}")]
    {
        assert_ne!(code(verifier.verify(&bad).await), "accepted", "{bad}");
    }
}

#[tokio::test]
async fn only_the_algorithms_asked_for_count() {
    let (ec, ed) = (key(), SigningKey::generate(Algorithm::Ed25519).unwrap());
    let issuer = Issuer::start(&[&ec, &ed]).await;
    let verifier = issuer.builder().algorithms([Algorithm::Ed25519]).build().unwrap();
    assert_eq!(code(verifier.verify(&issuer.token(&ed)).await), "accepted");
    assert_eq!(code(verifier.verify(&issuer.token(&ec)).await), "wrong_algorithm");
}

#[tokio::test]
async fn time_moves_and_leeway_is_explicit() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let strict = issuer.verifier();
    let lenient = issuer.builder().leeway(Duration::from_secs(5)).build().unwrap();
    let token = issuer.token(&key);
    for (pass, expected) in [
        (899, ["accepted", "accepted"]),
        (1, ["expired", "accepted"]),
        (4, ["expired", "accepted"]),
        (1, ["expired", "expired"]),
    ] {
        issuer.clock.pass(pass);
        assert_eq!([code(strict.verify(&token).await), code(lenient.verify(&token).await)], expected);
    }
}
