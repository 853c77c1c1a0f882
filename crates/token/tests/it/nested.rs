//! Nested JWTs: what is inside is judged as any token, and nothing gets in without it.

use crate::forge::{HEADER, NOW, World, forge, good, policy, with};
use crate::jwe::key;
use countersign_token::jwe::{ContentEncryption, DecryptionKeys, EncryptionKey, KeyManagement, Kind};
use countersign_token::nested::{self, EncryptedPolicy};
use countersign_token::{Algorithm, VerifyError};
use serde_json::Value;

struct Nest {
    world: World,
    to: EncryptionKey,
    policy: EncryptedPolicy,
}

impl Nest {
    fn new() -> Self {
        let own = key(Kind::Secret(ContentEncryption::A256Gcm));
        let to = own.encryption_key().unwrap();
        let policy = policy(&[Algorithm::Hs256]).encrypted_to(DecryptionKeys::new([own]));
        Self { world: World::new(), to, policy }
    }

    fn judge(&self, token: &str) -> Result<Value, VerifyError> {
        nested::verify(token, &self.world.keys, &self.policy, NOW).map(|verified| verified.claims)
    }

    fn code(&self, token: &str) -> (&'static str, Option<&'static str>) {
        let error = self.judge(token).unwrap_err();
        (error.code, error.claim)
    }
}

#[test]
fn every_kind_of_key() {
    let world = World::new();
    for kind in crate::jwe::KINDS {
        let own = key(kind);
        let token = nested::encrypt(&forge(HEADER, good()), &own.encryption_key().unwrap()).unwrap();
        let policy = policy(&[Algorithm::Hs256]).encrypted_to(DecryptionKeys::new([own]));
        let verified = nested::verify::<Value>(&token, &world.keys, &policy, NOW).unwrap();
        assert_eq!((verified.claims["sub"].as_str(), verified.kid.as_deref()), (Some("u_1"), Some("k1")));
        world.judge(&token).unwrap_err();
    }
}

#[test]
fn the_inside_is_judged_by_its_policy() {
    let nest = Nest::new();
    let wrapped = |header: &str, claims: String| nested::encrypt(&forge(header, claims), &nest.to).unwrap();
    nest.judge(&wrapped(HEADER, good())).unwrap();
    assert_eq!(nest.code(&wrapped(HEADER, with("exp", Some("1")))), ("expired", Some("exp")));
    assert_eq!(nest.code(&wrapped(HEADER, with("aud", Some("\"x\"")))), ("wrong_audience", Some("aud")));
    assert_eq!(nest.code(&wrapped(HEADER, with("iss", None))), ("missing_claim", Some("iss")));
    let id = HEADER.replace("at+jwt", "JWT");
    assert_eq!(nest.code(&wrapped(&id, good())), ("wrong_type", Some("typ")));
    let other = HEADER.replace("k1", "es");
    assert_eq!(nest.code(&wrapped(&other, good())), ("wrong_algorithm", Some("alg")));
    let forged = forge(HEADER, good()).replace(".ey", ".eY");
    let token = nested::encrypt(&forged, &nest.to).unwrap();
    assert_eq!(nest.code(&token), ("bad_signature", None));
    // RFC 8725 2.3: a token without a signature is no better for being encrypted.
    let unsigned = crate::forge::input(HEADER.replace("HS256", "none"), good());
    let token = nested::encrypt(&format!("{unsigned}."), &nest.to).unwrap();
    assert_eq!(nest.code(&token), ("wrong_algorithm", Some("alg")));
}

#[test]
fn what_is_inside_must_be_a_token() {
    let nest = Nest::new();
    let inside = forge(HEADER, good());
    let with_cty = |cty| nest.to.encrypt(Some("JWT"), cty, inside.as_bytes()).unwrap();
    for cty in ["JWT", "jwt", "application/jwt"] {
        nest.judge(&with_cty(Some(cty))).unwrap();
    }
    for cty in [None, Some("at+jwt"), Some("JOSE"), Some("json"), Some("")] {
        assert_eq!(nest.code(&with_cty(cty)), ("wrong_type", Some("cty")), "{cty:?}");
    }
    // Claims that are encrypted and not signed, bytes, nothing.
    for inside in [good().as_bytes(), b"\xff", b"", b"a.b"] {
        let token = nest.to.encrypt(Some("JWT"), Some("JWT"), inside).unwrap();
        assert_eq!(nest.code(&token).0, "malformed");
    }
    // One level, not two.
    let once = nested::encrypt(&inside, &nest.to).unwrap();
    assert_eq!(nest.code(&nested::encrypt(&once, &nest.to).unwrap()).0, "malformed");
}

#[test]
fn encryption_is_required_unless_it_is_said_otherwise() {
    let nest = Nest::new();
    let plain = forge(HEADER, good());
    assert_eq!(nest.code(&plain), ("not_encrypted", None));
    assert_eq!(nest.code(""), ("not_encrypted", None));
    let lax = Nest { policy: nest.policy.clone().or_only_signed(), ..Nest::new() };
    lax.judge(&plain).unwrap();
    lax.judge(&nested::encrypt(&plain, &nest.to).unwrap()).unwrap();
    assert_eq!(lax.code(&forge(HEADER, with("exp", Some("1")))), ("expired", Some("exp")));
    let stranger = key(Kind::X25519(KeyManagement::EcdhEs)).encryption_key().unwrap();
    assert_eq!(lax.code(&nested::encrypt(&plain, &stranger).unwrap()), ("unknown_key", Some("kid")));
    let small = policy(&[Algorithm::Hs256]).max_bytes(100);
    let small = small.encrypted_to(DecryptionKeys::new([key(Kind::Secret(ContentEncryption::A256Gcm))]));
    let nest = Nest { policy: small, ..nest };
    assert_eq!(nest.code(&nested::encrypt(&plain, &nest.to).unwrap()), ("too_large", None));
}
