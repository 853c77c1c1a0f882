//! JWE: every algorithm there and back, no changed message, no key of another purpose.

use crate::jwe_misuse::b64;
use countersign_token::algorithm::Curve;
use countersign_token::jwe::{
    self, ContentEncryption as Enc, DecryptionKey, DecryptionKeys, EncryptionKey, KeyManagement as Alg, Kind,
};
use countersign_token::provider::jwe::Secret;

use countersign_token::{Algorithm, Jwk, KeySet, SigningKey, VerifyError, VerifyingKey, base64url};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(crate) const TEXT: &[u8] = b"meet me at nine";

/// One key of every kind.
pub(crate) const KINDS: [Kind; 12] = [
    Kind::Rsa,
    Kind::Ec(Curve::P256, Alg::EcdhEs),
    Kind::Ec(Curve::P384, Alg::EcdhEs),
    Kind::Ec(Curve::P521, Alg::EcdhEs),
    Kind::X25519(Alg::EcdhEs),
    Kind::Ec(Curve::P256, Alg::EcdhEsA256Kw),
    Kind::Ec(Curve::P384, Alg::EcdhEsA256Kw),
    Kind::Ec(Curve::P521, Alg::EcdhEsA256Kw),
    Kind::X25519(Alg::EcdhEsA256Kw),
    Kind::Secret(Enc::A256Gcm),
    Kind::Secret(Enc::A128Gcm),
    Kind::Secret(Enc::A128CbcHs256),
];

/// Made once: an RSA key costs a second without optimisation.
static KEYS: LazyLock<Vec<DecryptionKey>> =
    LazyLock::new(|| KINDS.into_iter().map(|kind| DecryptionKey::generate(kind).unwrap()).collect());

pub(crate) fn key(kind: Kind) -> DecryptionKey {
    KEYS.iter().find(|key| key.kind() == kind).unwrap().clone()
}

pub(crate) fn open(token: &str, key: &DecryptionKey) -> Result<jwe::Decrypted, VerifyError> {
    jwe::decrypt(token, &DecryptionKeys::new([key.clone()]), jwe::MAX_BYTES)
}

/// Every algorithm pair that a key allows.
fn pairs() -> impl Iterator<Item = (DecryptionKey, Enc)> {
    KEYS.iter().flat_map(|key| {
        let fits = |enc: &Enc| key.clone().with_encryptions(&[*enc]).is_ok();
        Enc::ALL.into_iter().filter(fits).map(|enc| (key.clone(), enc))
    })
}

#[test]
fn every_pair_there_and_back() {
    let mut ran = 0;
    for (key, enc) in pairs() {
        let sender = key.encryption_key().unwrap().with_encryptions(&[enc]).unwrap();
        for text in [&b""[..], b"x", &[7; 16], &[9; 4000]] {
            let token = sender.encrypt(Some("note"), Some("text/plain"), text).unwrap();
            let opened = open(&token, &key).unwrap();
            assert_eq!(*opened.plaintext, text, "{:?} {enc}", key.kind());
            assert_eq!((opened.enc, opened.alg, opened.kid.as_str()), (enc, key.algorithm(), key.kid()));
            assert_eq!((opened.typ.as_deref(), opened.cty.as_deref()), (Some("note"), Some("text/plain")));
            assert_ne!(token, sender.encrypt(Some("note"), Some("text/plain"), text).unwrap());
        }
        ran += 1;
    }
    assert_eq!(ran, 9 * 3 + 3);
}

#[test]
fn a_key_survives_its_stored_form_and_its_jwk() {
    for key in KEYS.iter() {
        let again = DecryptionKey::from_private_bytes(key.kind(), &key.private_bytes()).unwrap();
        assert_eq!(again.kid(), key.kid());
        let token = key.encryption_key().unwrap().encrypt(None, None, TEXT).unwrap();
        assert_eq!(*open(&token, &again).unwrap().plaintext, TEXT);
        let Some(jwk) = key.public_jwk() else { continue };
        assert_eq!(jwk.thumbprint().as_deref(), Some(key.kid()));
        let text = serde_json::to_string(&jwk).unwrap();
        let sender = EncryptionKey::from_jwk(&serde_json::from_str(&text).unwrap(), None).unwrap();
        let token = sender.encrypt(None, None, TEXT).unwrap();
        assert_eq!(*open(&token, key).unwrap().plaintext, TEXT);
    }
}

/// The content encryption that the key prefers.
fn sender_default(key: &DecryptionKey) -> Enc {
    let token = key.encryption_key().unwrap().encrypt(None, None, b"").unwrap();
    open(&token, key).unwrap().enc
}

/// Any one bit of any part, and any part exchanged for another message's.
#[test]
fn no_changed_message_opens() {
    for (key, enc) in pairs() {
        let sender = key.encryption_key().unwrap().with_encryptions(&[enc]).unwrap();
        let token = sender.encrypt(None, None, TEXT).unwrap();
        let parts: Vec<Vec<u8>> = token.split('.').map(|part| base64url::decode(part).unwrap()).collect();
        let other = sender.encrypt(None, None, b"meet me at five").unwrap();
        let written = |parts: &[Vec<u8>]| parts.iter().map(base64url::encode).collect::<Vec<_>>().join(".");
        assert!(open(&written(&parts), &key).is_ok());
        // Each bit under one content encryption, one of every second byte under the others.
        let each = if enc == sender_default(&key) { 1 } else { 16 };
        for at in 0..parts.len() {
            for bit in (0..parts[at].len() * 8).step_by(each) {
                let mut changed = parts.clone();
                changed[at][bit / 8] ^= 1 << (bit % 8);
                let error = open(&written(&changed), &key).unwrap_err();
                assert!(at == 0 || error.code == "decryption_failed", "{at} {bit}: {error}");
            }
            let mut shorter = parts.clone();
            if shorter[at].pop().is_some() {
                open(&written(&shorter), &key).unwrap_err();
            }
            let mut longer = parts.clone();
            longer[at].push(0);
            open(&written(&longer), &key).unwrap_err();
            let mut mixed: Vec<_> = token.split('.').collect();
            let from = other.split('.').nth(at).unwrap();
            if mixed[at] != from {
                mixed[at] = from;
                assert_eq!(open(&mixed.join("."), &key).unwrap_err().code, "decryption_failed");
            }
        }
    }
}

#[test]
fn another_key_does_not_open() {
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Rsa) {
        let other = DecryptionKey::generate(kind).unwrap().with_kid(key(kind).kid());
        let token = key(kind).encryption_key().unwrap().encrypt(None, None, TEXT).unwrap();
        let error = open(&token, &other).unwrap_err();
        assert_eq!((error.code, error.claim), ("decryption_failed", None), "{kind:?}");
    }
}

#[test]
fn keys_of_signatures_do_not_encrypt_and_the_other_way_round() {
    let jwk = |changes: Value| {
        let own = key(Kind::Ec(Curve::P256, Alg::EcdhEs)).public_jwk().unwrap();
        let mut jwk = serde_json::to_value(own).unwrap();
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk.as_object_mut().unwrap().retain(|_, value| *value != json!("absent"));
        jwk
    };
    let code = |changes: Value| {
        let jwk: Jwk = serde_json::from_value(jwk(changes)).unwrap();
        EncryptionKey::from_jwk(&jwk, None).map(drop).map_err(|e| e.code)
    };
    assert_eq!(code(json!({})), Ok(()));
    assert_eq!(code(json!({"use": "absent"})), Ok(()));
    assert_eq!(code(json!({"use": "absent", "key_ops": ["deriveBits"]})), Ok(()));
    let rows = [
        (json!({"use": "sig"}), "wrong_use"),
        (json!({"use": "both"}), "wrong_use"),
        (json!({"key_ops": ["verify"]}), "wrong_use"),
        (json!({"alg": "ES256"}), "unsupported"),
        (json!({"alg": "ECDH-ES+A128KW"}), "unsupported"),
        (json!({"alg": "RSA-OAEP-256"}), "wrong_algorithm"),
        (json!({"alg": "dir"}), "wrong_algorithm"),
        (json!({"alg": "A256GCM"}), "wrong_algorithm"),
        (json!({"alg": "absent"}), "wrong_algorithm"),
        (json!({"crv": "P-384"}), "malformed"),
        (json!({"crv": "secp256k1"}), "wrong_algorithm"),
        (json!({"y": b64(&[1; 32])}), "bad_key"),
    ];
    for (changes, due) in rows {
        assert_eq!(code(changes.clone()), Err(due), "{changes}");
    }
    let signing = SigningKey::generate(Algorithm::Es256).unwrap();
    let public = signing.public_jwk().unwrap();
    assert_eq!(EncryptionKey::from_jwk(&public, Some(Alg::EcdhEs)).unwrap_err().code, "wrong_use");
    for kind in KINDS {
        let Some(jwk) = key(kind).public_jwk() else { continue };
        assert_eq!(VerifyingKey::from_jwk(&jwk, None).unwrap_err().code, "wrong_use", "{kind:?}");
        let unnamed = Jwk { use_: None, ..jwk };
        assert_eq!(VerifyingKey::from_jwk(&unnamed, None).unwrap_err().code, "unsupported", "{kind:?}");
        let set = serde_json::to_vec(&json!({"keys": [unnamed]})).unwrap();
        assert_eq!(KeySet::from_jwks(&set).unwrap().0.len(), 0);
    }
    // A signature key of the same material opens nothing.
    let stored = signing.private_bytes();
    let pair = DecryptionKey::from_private_bytes(Kind::Ec(Curve::P384, Alg::EcdhEs), &stored);
    assert_eq!(pair.unwrap_err().code, "bad_key");
}

#[test]
fn private_keys() {
    let code = |jwk: Value, fallback| {
        DecryptionKey::from_private_jwk(&serde_json::to_vec(&jwk).unwrap(), fallback).map_err(|e| e.code)
    };
    let secret = |alg: &str, len: usize| json!({"kty": "oct", "alg": alg, "k": b64(&vec![7; len])});
    assert_eq!(code(secret("A256GCM", 32), None).unwrap().kind(), Kind::Secret(Enc::A256Gcm));
    assert_eq!(code(secret("A128CBC-HS256", 32), None).unwrap().kind(), Kind::Secret(Enc::A128CbcHs256));
    assert_eq!(code(secret("dir", 16), None).unwrap().kind(), Kind::Secret(Enc::A128Gcm));
    let rows = [
        (secret("A256GCM", 31), "wrong_algorithm"),
        (secret("A128GCM", 32), "wrong_algorithm"),
        // Two algorithms take 32 bytes: the key must say which.
        (secret("dir", 32), "wrong_algorithm"),
        (secret("dir", 15), "wrong_algorithm"),
        (secret("HS256", 32), "unsupported"),
        (secret("A256KW", 32), "unsupported"),
        (json!({"kty": "oct", "alg": "A256GCM"}), "malformed"),
        (json!({"kty": "oct", "k": b64(&[7; 32])}), "wrong_algorithm"),
        (json!({"kty": "oct", "alg": "A256GCM", "use": "sig", "k": b64(&[7; 32])}), "wrong_use"),
        (json!({"kty": "oct", "alg": "A256GCM", "key_ops": ["sign"], "k": b64(&[7; 32])}), "wrong_use"),
    ];
    for (jwk, due) in rows {
        assert_eq!(code(jwk.clone(), None).unwrap_err(), due, "{jwk}");
    }
    // RFC 7748 6.1: Alice's private key beside Bob's public one.
    let alice = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo";
    let bob = "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08";
    let mixed = json!({"kty": "OKP", "crv": "X25519", "alg": "ECDH-ES", "x": bob, "d": alice});
    assert_eq!(code(mixed, None).unwrap_err(), "bad_key");
    let whole = json!({"kty": "OKP", "crv": "X25519", "d": alice, "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"});
    assert_eq!(code(whole.clone(), Some(Alg::EcdhEs)).unwrap().algorithm(), Alg::EcdhEs);
    assert_eq!(code(whole.clone(), Some(Alg::RsaOaep256)).unwrap_err(), "wrong_algorithm");
    assert_eq!(code(whole, None).unwrap_err(), "wrong_algorithm");
    for (kind, bytes) in [(Kind::Secret(Enc::A256Gcm), 31), (Kind::Secret(Enc::A128Gcm), 32)] {
        let error = DecryptionKey::from_private_bytes(kind, &vec![7; bytes]).unwrap_err();
        assert_eq!(error.code, "weak_key");
    }
    let curved = DecryptionKey::generate(Kind::Ec(Curve::P256, Alg::Dir)).unwrap_err();
    assert_eq!(curved.code, "wrong_algorithm");
    assert!(key(Kind::Rsa).with_encryptions(&[]).is_err());
    let narrow = key(Kind::Rsa).with_encryptions(&[Enc::A128CbcHs256]).unwrap();
    let token = key(Kind::Rsa).encryption_key().unwrap().encrypt(None, None, TEXT).unwrap();
    assert_eq!(open(&token, &narrow).unwrap_err().claim, Some("enc"));
    let _: Secret = narrow.private_bytes();
}
