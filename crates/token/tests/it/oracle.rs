//! An independent implementation (`jwt-simple`, pure Rust) reads what is written here, and the other way
//! round, for every algorithm it has.

use countersign_token::{
    AccessToken, Algorithm, Audience, KeySet, Policy, SigningKey, Timestamp, TokenType, VerifyingKey, verify,
};
use jwt_simple::prelude::*;
use serde_json::Value;
use std::collections::HashSet;

const NOW: i64 = 1_800_000_000;

fn ours() -> AccessToken {
    AccessToken {
        iss: "https://id.example".to_owned(),
        sub: "u_1".to_owned(),
        aud: Audience(vec!["https://api.example".to_owned(), "https://b.example".to_owned()]),
        exp: NOW + 900,
        iat: NOW,
        jti: "j".to_owned(),
        client_id: "web".to_owned(),
        scope: "read".to_owned(),
        ..AccessToken::default()
    }
}

fn options() -> VerificationOptions {
    VerificationOptions {
        allowed_issuers: Some(HashSet::from(["https://id.example".to_owned()])),
        allowed_audiences: Some(HashSet::from(["https://api.example".to_owned()])),
        required_signature_type: Some("at+jwt".to_owned()),
        artificial_time: Some(UnixTimeStamp::from_secs(u64::try_from(NOW).unwrap())),
        ..VerificationOptions::default()
    }
}

/// The peer's claims, made at the same instant.
fn theirs() -> JWTClaims<Value> {
    let mut claims = Claims::with_custom_claims(
        serde_json::json!({"client_id": "web", "scope": "read"}),
        Duration::from_secs(900),
    )
    .with_issuer("https://id.example")
    .with_audience("https://api.example")
    .with_subject("u_1")
    .with_jwt_id("j");
    let now = u64::try_from(NOW).unwrap();
    claims.issued_at = Some(UnixTimeStamp::from_secs(now));
    claims.invalid_before = claims.issued_at;
    claims.expires_at = Some(UnixTimeStamp::from_secs(now + 900));
    claims
}

fn header() -> HeaderOptions {
    HeaderOptions { signature_type: Some("at+jwt".to_owned()), ..HeaderOptions::default() }
}

fn accept(alg: Algorithm, key: VerifyingKey, token: &str) {
    let policy = Policy::issuer("https://id.example")
        .audience(["https://api.example"])
        .token_type(TokenType::Access)
        .algorithms(&[alg]);
    let keys = KeySet::new([key]);
    let claims = verify::<AccessToken>(token, &keys, &policy, Timestamp::from_seconds(NOW)).unwrap().claims;
    assert_eq!((claims.client_id.as_str(), claims.exp), ("web", NOW + 900), "{alg}");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let forged = format!("{header}.{}.{signature}", claims.replacen('e', "f", 1));
    let error = verify::<Value>(&forged, &keys, &policy, Timestamp::from_seconds(NOW)).unwrap_err();
    assert_eq!(error.code, "bad_signature");
}

/// Both ways for one asymmetric algorithm; the peer's key pair is made from ours (`from_der`).
macro_rules! both_ways {
    ($alg:expr, $pair:ty, $public:ty, $read:expr) => {{
        let key = SigningKey::generate($alg).unwrap();
        let jwk = serde_json::to_string(&key.public_jwk().unwrap()).unwrap();
        let public = <$public>::from_jwk(&jwk).unwrap();
        let token = key.sign("at+jwt", &ours()).unwrap();
        let claims = public.verify_token::<Value>(&token, Some(options())).unwrap();
        assert_eq!(claims.subject.as_deref(), Some("u_1"), "{}", $alg);
        assert_eq!(Some(public.jwk_thumbprint()), key.public_jwk().unwrap().thumbprint());

        let read: fn(&[u8]) -> $pair = $read;
        let pair = read(&key.private_bytes()).with_key_id(key.kid());
        let token = pair.sign_with_options(theirs(), &header()).unwrap();
        accept($alg, key.verifying_key().unwrap(), &token);
    }};
}

#[test]
fn elliptic_curves() {
    use jwt_simple::prelude::{ECDSAP256KeyPairLike as _, ECDSAP256PublicKeyLike as _};
    use jwt_simple::prelude::{ECDSAP384KeyPairLike as _, ECDSAP384PublicKeyLike as _};
    both_ways!(Algorithm::Es256, ES256KeyPair, ES256PublicKey, |der| ES256KeyPair::from_der(der).unwrap());
    both_ways!(Algorithm::Es384, ES384KeyPair, ES384PublicKey, |der| ES384KeyPair::from_der(der).unwrap());
}

#[test]
fn ed25519() {
    both_ways!(Algorithm::Ed25519, Ed25519KeyPair, Ed25519PublicKey, |der| {
        Ed25519KeyPair::from_der(der).unwrap()
    });
}

#[test]
fn rsa() {
    both_ways!(Algorithm::Rs256, RS256KeyPair, RS256PublicKey, |der| RS256KeyPair::from_der(der).unwrap());
    both_ways!(Algorithm::Rs384, RS384KeyPair, RS384PublicKey, |der| RS384KeyPair::from_der(der).unwrap());
    both_ways!(Algorithm::Rs512, RS512KeyPair, RS512PublicKey, |der| RS512KeyPair::from_der(der).unwrap());
    both_ways!(Algorithm::Ps256, PS256KeyPair, PS256PublicKey, |der| PS256KeyPair::from_der(der).unwrap());
    both_ways!(Algorithm::Ps384, PS384KeyPair, PS384PublicKey, |der| PS384KeyPair::from_der(der).unwrap());
    both_ways!(Algorithm::Ps512, PS512KeyPair, PS512PublicKey, |der| PS512KeyPair::from_der(der).unwrap());
}

/// Both ways for HMAC.
macro_rules! shared {
    ($alg:expr, $key:ty) => {{
        let key = SigningKey::generate($alg).unwrap();
        let peer = <$key>::from_bytes(&key.private_bytes()).with_key_id(key.kid());
        let token = key.sign("at+jwt", &ours()).unwrap();
        let claims = peer.verify_token::<Value>(&token, Some(options())).unwrap();
        assert_eq!(claims.subject.as_deref(), Some("u_1"));
        let token = peer.authenticate_with_options(theirs(), &header()).unwrap();
        accept($alg, key.verifying_key().unwrap(), &token);
    }};
}

#[test]
fn hmac() {
    shared!(Algorithm::Hs256, HS256Key);
    shared!(Algorithm::Hs384, HS384Key);
    shared!(Algorithm::Hs512, HS512Key);
}
