//! What the policy judges: type, issuer, audience, times, sizes, leeway.

use crate::forge::{HEADER, NOW, World, forge, good, policy, with};
use countersign_token::provider::{AwsLc, Pair, PrivateKey, Provider, PublicKey, Verifier};
use countersign_token::{
    AccessToken, Algorithm, KeyError, KeySet, Policy, SigningKey, Timestamp, TokenType, verify,
};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

fn ask(world: &World, policy: &Policy, token: &str, now: Timestamp) -> Result<(), &'static str> {
    verify::<Value>(token, &world.keys, policy, now).map(drop).map_err(|e| e.code)
}

#[test]
fn a_type_is_compared_without_case_and_application() {
    let world = World::new();
    let base = || Policy::issuer("https://id.example").audience(["https://api.example"]);
    let policies = [
        (TokenType::Access, vec!["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"]),
        (TokenType::Id, vec!["JWT", "jwt", "application/jwt", ""]),
        (TokenType::Named("logout+jwt"), vec!["logout+jwt", "LOGOUT+jwt", "application/logout+jwt"]),
        (TokenType::Named("application/link+jwt"), vec!["link+jwt", "application/link+jwt"]),
    ];
    for (due, own) in &policies {
        let policy = base().token_type(*due).algorithms(&[Algorithm::Hs256]);
        for (_, names) in &policies {
            for name in names {
                let header = match *name {
                    "" => HEADER.replace(r#""typ":"at+jwt","#, ""),
                    name => HEADER.replace("at+jwt", name),
                };
                let answer = ask(&world, &policy, &forge(header, good()), NOW);
                let expected = if own.contains(name) { Ok(()) } else { Err("wrong_type") };
                assert_eq!(answer, expected, "{due:?} and {name:?}");
            }
        }
    }
}

#[test]
fn times_and_leeway() {
    let world = World::new();
    let policy = |leeway| policy(&[Algorithm::Hs256]).leeway(Duration::from_secs(leeway));
    // exp 900 s ahead, nbf and iat now; when, leeway, answer.
    let rows = [
        (0, 0, Ok(())),
        (899, 0, Ok(())),
        (900, 0, Err("expired")),
        (900, 1, Ok(())),
        (901, 1, Err("expired")),
        (959, 60, Ok(())),
        (960, 60, Err("expired")),
        (960, 3600, Err("expired")),
        (-1, 0, Err("not_yet_valid")),
        (-1, 1, Ok(())),
        (-2, 1, Err("not_yet_valid")),
        (-60, 60, Ok(())),
        (-61, 3600, Err("not_yet_valid")),
    ];
    let token = forge(HEADER, good());
    for (when, leeway, answer) in rows {
        let now = Timestamp::from_seconds(NOW.seconds() + when);
        assert_eq!(ask(&world, &policy(leeway), &token, now), answer, "{when} s, leeway {leeway} s");
    }
    for (when, early, answer) in [
        (-2, 2, Ok(())),
        (-3, 2, Err("not_yet_valid")),
        (-60, 3600, Ok(())),
        (-61, 3600, Err("not_yet_valid")),
        (900, 60, Err("expired")),
    ] {
        let now = Timestamp::from_seconds(NOW.seconds() + when);
        let policy = policy(0).early(Duration::from_secs(early));
        assert_eq!(ask(&world, &policy, &token, now), answer, "{when} s, early {early} s");
    }
    let just_before = Timestamp::from_millis(NOW.millis() + 899_999);
    assert_eq!(ask(&world, &policy(0), &token, just_before), Ok(()));
    let fraction = forge(HEADER, with("exp", Some("1800000000.5")));
    assert_eq!(ask(&world, &policy(0), &fraction, Timestamp::from_millis(NOW.millis() + 499)), Ok(()));
    assert_eq!(
        ask(&world, &policy(0), &fraction, Timestamp::from_millis(NOW.millis() + 500)),
        Err("expired")
    );
    for extreme in [i64::MIN, i64::MAX] {
        let answer = ask(&world, &policy(60), &token, Timestamp::from_millis(extreme));
        assert!(answer.is_err());
    }
}

#[test]
fn an_expired_hint_is_fine_only_where_it_is_asked_for() {
    let world = World::new();
    let hint = policy(&[Algorithm::Hs256]).expired_is_fine();
    let late = Timestamp::from_seconds(NOW.seconds() + 1_000_000);
    let token = forge(HEADER, good());
    assert_eq!(ask(&world, &hint, &token, late), Ok(()));
    assert_eq!(ask(&world, &world.policy, &token, late), Err("expired"));
    for (value, answer) in
        [(None, Err("missing_claim")), (Some("\"x\""), Err("malformed")), (Some("1"), Ok(()))]
    {
        assert_eq!(ask(&world, &hint, &forge(HEADER, with("exp", value)), late), answer);
    }
    let early = Timestamp::from_seconds(NOW.seconds() - 1);
    assert_eq!(ask(&world, &hint, &token, early), Err("not_yet_valid"));
}

#[test]
fn audiences() {
    let world = World::new();
    let of = |audiences: &[&str]| {
        Policy::issuer("https://id.example")
            .audience(audiences.to_vec())
            .token_type(TokenType::Access)
            .algorithms(&[Algorithm::Hs256])
    };
    let two = forge(HEADER, with("aud", Some(r#"["https:\/\/a.example","https://b.example"]"#)));
    assert_eq!(ask(&world, &of(&["https://a.example"]), &two, NOW), Ok(()));
    assert_eq!(ask(&world, &of(&["x", "https://b.example"]), &two, NOW), Ok(()));
    assert_eq!(ask(&world, &of(&["x"]), &two, NOW), Err("wrong_audience"));
    assert_eq!(ask(&world, &of(&[]), &two, NOW), Err("wrong_audience"), "an empty rule accepts nothing");
    let any = Policy::issuer("https://id.example")
        .any_audience()
        .token_type(TokenType::Access)
        .algorithms(&[Algorithm::Hs256]);
    assert_eq!(ask(&world, &any, &two, NOW), Ok(()));
    for (value, code) in [(None, "missing_claim"), (Some("[]"), "wrong_audience"), (Some("7"), "malformed")] {
        assert_eq!(ask(&world, &any, &forge(HEADER, with("aud", value)), NOW), Err(code));
    }
}

#[test]
fn sizes() {
    let world = World::new();
    let token = forge(HEADER, good());
    let limited = |max| policy(&[Algorithm::Hs256]).max_bytes(max);
    assert_eq!(ask(&world, &limited(token.len()), &token, NOW), Ok(()));
    assert_eq!(ask(&world, &limited(token.len() - 1), &token, NOW), Err("too_large"));
    let long = forge(HEADER, format!("{}{}", good(), " ".repeat(60 * 1024)));
    assert_eq!(ask(&world, &world.policy, &long, NOW), Err("too_large"));
    assert_eq!(ask(&world, &limited(1 << 20), &long, NOW), Ok(()));
}

#[test]
fn without_algorithms_nothing_is_accepted() {
    let world = World::new();
    assert_eq!(ask(&world, &policy(&[]), &forge(HEADER, good()), NOW), Err("wrong_algorithm"));
}

/// A key set that has one id twice keeps the first; the second can never be chosen.
#[test]
fn of_two_keys_with_one_id_the_first_is_used() {
    let one = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("k");
    let two = SigningKey::generate(Algorithm::Ed25519).unwrap().with_kid("k");
    let keys = KeySet::new([one.verifying_key().unwrap(), two.verifying_key().unwrap()]);
    assert_eq!(keys.len(), 1);
    let claims: AccessToken = serde_json::from_str(&good()).unwrap();
    let policy = policy(&[Algorithm::Es256, Algorithm::Ed25519]);
    verify::<Value>(&one.sign("at+jwt", &claims).unwrap(), &keys, &policy, NOW).unwrap();
    let error = verify::<Value>(&two.sign("at+jwt", &claims).unwrap(), &keys, &policy, NOW).unwrap_err();
    assert_eq!(error.code, "wrong_algorithm");
}

#[test]
fn keys_that_are_too_weak_or_of_another_kind() {
    use countersign_token::VerifyingKey;
    let code = |alg, bytes: &[u8]| SigningKey::from_private_bytes(alg, bytes).unwrap_err().code;
    for (alg, len) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        assert_eq!(code(alg, &vec![1; len - 1]), "weak_key");
        assert_eq!(VerifyingKey::from_secret(alg, None, &vec![1; len - 1]).unwrap_err().code, "weak_key");
        assert_eq!(VerifyingKey::from_secret(alg, Some("k"), b"").unwrap_err().code, "weak_key");
        VerifyingKey::from_secret(alg, None, &vec![1; len]).unwrap();
    }
    assert_eq!(VerifyingKey::from_secret(Algorithm::Es256, None, &[1; 64]).unwrap_err().code, "bad_key");
    assert_eq!(
        VerifyingKey::from_secret(Algorithm::Es256, Some("k"), &[1; 64]).unwrap_err().code,
        "wrong_algorithm"
    );
    let es = SigningKey::generate(Algorithm::Es256).unwrap().private_bytes();
    for alg in [Algorithm::Es384, Algorithm::Ed25519, Algorithm::Rs256] {
        assert_eq!(code(alg, &es), "bad_key", "a P-256 key is no {alg} key");
    }
}

#[test]
fn debug_output_holds_no_secret() {
    let secret = [0x5a; 32];
    let key = SigningKey::from_private_bytes(Algorithm::Hs256, &secret).unwrap();
    for text in [format!("{key:?}"), format!("{:?}", key.verifying_key().unwrap())] {
        assert!(!text.contains("90") && !text.to_lowercase().contains("5a5a"), "{text}");
    }
}

/// A provider that says yes to everything: what the engine judges by itself still holds.
struct Credulous;

impl Verifier for Credulous {
    fn verify(&self, _message: &[u8], _signature: &[u8]) -> bool {
        true
    }
}

impl Provider for Credulous {
    fn generate(&self, alg: Algorithm) -> Result<Pair, KeyError> {
        AwsLc.generate(alg)
    }
    fn private(&self, alg: Algorithm, key: PrivateKey<'_>) -> Result<Pair, KeyError> {
        AwsLc.private(alg, key)
    }
    fn public(&self, _alg: Algorithm, _key: &PublicKey) -> Result<Arc<dyn Verifier>, KeyError> {
        Ok(Arc::new(Self))
    }
    fn secret(&self, _alg: Algorithm, _secret: &[u8]) -> Result<Arc<dyn Verifier>, KeyError> {
        Ok(Arc::new(Self))
    }
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        AwsLc.sha256(data)
    }
}

#[test]
fn another_provider_can_be_passed_in_and_the_engine_stays_strict() {
    for (alg, due) in
        [(Algorithm::Es256, 64), (Algorithm::Es512, 132), (Algorithm::Ed25519, 64), (Algorithm::Ps256, 256)]
    {
        let key = SigningKey::generate_with(&Credulous, alg).unwrap();
        let document = serde_json::json!({ "keys": [key.public_jwk().unwrap()] });
        let (keys, _) = KeySet::from_jwks_with(&Credulous, &serde_json::to_vec(&document).unwrap()).unwrap();
        let verifying = keys.get(key.kid()).unwrap();
        assert!(verifying.verify_signature(b"any", &vec![0; due]));
        for len in [0, due - 1, due + 1, 2 * due] {
            assert!(!verifying.verify_signature(b"any", &vec![0; len]), "{alg}: {len} bytes");
        }
        let mut weak = document.clone();
        weak["keys"][0]["x"] = serde_json::json!("AAAA");
        weak["keys"][0]["n"] = serde_json::json!("AQAB");
        let (keys, _) = KeySet::from_jwks_with(&Credulous, &serde_json::to_vec(&weak).unwrap()).unwrap();
        assert!(keys.is_empty());
    }
}
