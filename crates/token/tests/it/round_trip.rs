//! What is signed is accepted, by every algorithm and through every form a key can be kept in.

use countersign_token::{
    AccessToken, Algorithm, Audience, KeySet, Policy, Scratch, SigningKey, Timestamp, TokenType,
    VerifyingKey, verify, verify_with,
};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn claims() -> AccessToken {
    let Value::Object(more) = json!({"cnf": {"jkt": "abc"}, "n\"ame": "Žofie\n"}) else { unreachable!() };
    AccessToken {
        iss: "https://id.example".to_owned(),
        sub: "u_1".to_owned(),
        aud: Audience(vec!["https://api.example".to_owned()]),
        exp: NOW.seconds() + 900,
        iat: NOW.seconds(),
        jti: "j".to_owned(),
        client_id: "web".to_owned(),
        scope: "read write".to_owned(),
        auth_time: Some(NOW.seconds() - 5),
        roles: vec!["admin".to_owned()],
        more,
        ..AccessToken::default()
    }
}

fn policy(alg: Algorithm) -> Policy {
    Policy::issuer("https://id.example")
        .audience(["https://other.example", "https://api.example"])
        .token_type(TokenType::Access)
        .algorithms(&[alg])
}

#[test]
fn every_algorithm_round_trips() {
    for alg in Algorithm::ALL.iter().copied() {
        let key = SigningKey::generate(alg).unwrap();
        let token = key.sign("at+jwt", &claims()).unwrap();
        let keys = KeySet::new([key.verifying_key().unwrap()]);
        let verified = verify::<AccessToken>(&token, &keys, &policy(alg), NOW).unwrap();
        assert_eq!(verified.claims, claims(), "{alg}");
        assert_eq!(verified.kid.as_deref(), Some(key.kid()));

        let again = SigningKey::from_private_bytes(alg, &key.private_bytes()).unwrap();
        assert_eq!(again.kid(), key.kid());
        let token = again.sign("AT+JWT", &claims()).unwrap();
        let mut scratch = Scratch::default();
        verify_with::<Value>(&token, &keys, &policy(alg), NOW, &mut scratch).unwrap();

        let other = SigningKey::generate(alg).unwrap().with_kid(key.kid());
        let forged = other.sign("at+jwt", &claims()).unwrap();
        let refused = verify::<Value>(&forged, &keys, &policy(alg), NOW).unwrap_err();
        assert_eq!(refused.code, "bad_signature", "{alg}");
    }
}

#[test]
fn public_keys_travel_as_jwks() {
    let signers: Vec<_> = Algorithm::ALL
        .iter()
        .copied()
        .filter(|alg| !alg.is_symmetric())
        .map(|alg| SigningKey::generate(alg).unwrap())
        .collect();
    let jwks: Vec<_> = signers.iter().map(|key| key.public_jwk().unwrap()).collect();
    let document = serde_json::to_vec(&json!({ "keys": jwks })).unwrap();
    let (keys, left_out) = KeySet::from_jwks(&document).unwrap();
    assert_eq!((keys.len(), left_out), (signers.len(), vec![]));
    for key in signers {
        let token = key.sign("application/at+jwt", &claims()).unwrap();
        verify::<Value>(&token, &keys, &policy(key.algorithm()), NOW).unwrap();
    }
}

#[test]
fn a_secret_has_the_same_id_on_both_sides() {
    let secret = [7; 32];
    let key = SigningKey::from_private_bytes(Algorithm::Hs256, &secret).unwrap();
    let verifying = VerifyingKey::from_secret(Algorithm::Hs256, None, &secret).unwrap();
    assert_eq!(verifying.kid(), Some(key.kid()));
    assert!(key.public_jwk().is_none());
}

#[test]
fn what_can_be_published_is_all_but_hmac() {
    let public: Vec<_> = Algorithm::ALL.iter().copied().filter(|alg| !alg.is_symmetric()).collect();
    assert_eq!(Algorithm::ASYMMETRIC, public);
}
