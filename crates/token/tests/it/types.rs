//! A claim that is there and of the wrong type is malformed, never absent: every claim, every type.

use crate::forge::{HEADER, NOW, World, forge, policy, with};
use countersign_token::{AccessToken, Algorithm, IdToken, verify};

const VALUES: [(&str, &str); 16] = [
    ("null", "null"),
    ("true", "bool"),
    ("false", "bool"),
    ("0", "date"),
    ("1800000000", "date"),
    ("1800000000.5", "date"),
    ("18e8", "date"),
    ("-1", "number"),
    ("1e99", "number"),
    ("99999999999999", "number"),
    ("\"\"", "string"),
    ("\"1800000000\"", "string"),
    ("\"https://id.example\"", "string"),
    ("[]", "strings"),
    ("[1800000000]", "array"),
    ("{\"a\":1}", "object"),
];

#[test]
fn every_registered_claim_with_every_type() {
    let world = World::new();
    let rows = [
        ("iss", &["string"][..]),
        ("sub", &["string"]),
        ("aud", &["string", "strings"]),
        ("exp", &["date"]),
        ("nbf", &["date"]),
        ("iat", &["date"]),
        ("jti", &["string"]),
        ("client_id", &["string"]),
        ("auth_time", &["date"]),
    ];
    for (claim, types) in rows {
        for (value, kind) in VALUES {
            let answer = world.judge(&forge(HEADER, with(claim, Some(value))));
            match answer {
                _ if types.contains(&kind) => {
                    let malformed = answer.is_err_and(|e| e.code == "malformed");
                    assert!(!malformed, "{claim} = {value} is well formed");
                }
                Ok(_) => panic!("{claim} = {value} accepted"),
                Err(e) => assert_eq!((e.code, e.claim), ("malformed", Some(claim)), "{claim} = {value}"),
            }
        }
    }
}

#[test]
fn every_claim_of_the_sets_with_every_type() {
    let world = World::new();
    let rows = [
        ("scope", &["string"][..]),
        ("sid", &["string"]),
        ("acr", &["string"]),
        ("nonce", &["string"]),
        ("azp", &["string"]),
        ("at_hash", &["string"]),
        ("amr", &["strings"]),
        ("roles", &["strings"]),
        ("groups", &["strings"]),
    ];
    let access = ["scope", "sid", "acr", "amr", "roles", "groups"];
    let id = ["sid", "acr", "nonce", "azp", "at_hash", "amr"];
    let policy = policy(&[Algorithm::Hs256]);
    for (claim, types) in rows {
        for (value, kind) in VALUES {
            let token = forge(HEADER, crate::forge::plus(&format!("\"{claim}\":{value}")));
            let as_access = verify::<AccessToken>(&token, &world.keys, &policy, NOW);
            let as_id = verify::<IdToken>(&token, &world.keys, &policy, NOW);
            let due = types.contains(&kind);
            assert_eq!(as_access.is_ok(), due || !access.contains(&claim), "access token: {claim} = {value}");
            assert_eq!(as_id.is_ok(), due || !id.contains(&claim), "ID token: {claim} = {value}");
            for error in [as_access.err(), as_id.err()].into_iter().flatten() {
                assert_eq!(error.code, "malformed");
            }
        }
    }
}

#[test]
fn claims_of_the_set_that_are_absent() {
    let world = World::new();
    let policy = policy(&[Algorithm::Hs256]);
    for claim in ["sub", "iat", "jti", "client_id"] {
        let token = forge(HEADER, with(claim, None));
        let error = verify::<AccessToken>(&token, &world.keys, &policy, NOW).unwrap_err();
        assert_eq!((error.code, error.claim), ("missing_claim", Some(claim)));
    }
}

/// The policy's verdict comes first: an expired token is expired, even when it is of another shape.
#[test]
fn the_policy_speaks_before_the_claim_type() {
    let world = World::new();
    let policy = policy(&[Algorithm::Hs256]);
    let token = forge(HEADER, with("exp", Some("5")).replace("\"jti\":\"j\",", ""));
    let error = verify::<AccessToken>(&token, &world.keys, &policy, NOW).unwrap_err();
    assert_eq!(error.code, "expired");
}
