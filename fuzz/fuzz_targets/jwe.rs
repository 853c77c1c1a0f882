//! Compact JWE: the text as it comes, and header and content under a good tag; documents and nested tokens
//! on top of them.
//!
//! `cargo fuzz run jwe` (with `--sanitizer none` on a stable compiler).

#![no_main]

use countersign_token::document::{self, DocumentType};
use countersign_token::jwe::{
    ContentEncryption, DecryptionKey, DecryptionKeys, KeyManagement, Kind, MAX_BYTES, decrypt,
};
use countersign_token::material::Material;
use countersign_token::nested::{self, EncryptedPolicy};
use countersign_token::provider::AwsLc;
use countersign_token::provider::jwe::Cipher;
use countersign_token::{Algorithm, KeySet, Policy, Timestamp, TokenType, base64url};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;

const SECRET: [u8; 32] = [7; 32];
const ENC: ContentEncryption = ContentEncryption::A256Gcm;

/// A secret whose messages can be made here, and a key for agreements.
static KEYS: LazyLock<DecryptionKeys> = LazyLock::new(|| {
    let secret = DecryptionKey::from_private_bytes(Kind::Secret(ENC), &SECRET).expect("a key").with_kid("k");
    let inbox =
        DecryptionKey::generate(Kind::X25519(KeyManagement::EcdhEsA256Kw)).expect("a key").with_kid("x");
    DecryptionKeys::new([secret, inbox])
});
static POLICY: LazyLock<EncryptedPolicy> = LazyLock::new(|| {
    Policy::issuer("https://id.example")
        .any_audience()
        .token_type(TokenType::Id)
        .algorithms(&[Algorithm::Es256])
        .encrypted_to(KEYS.clone())
});

/// Two parts at the first NUL: header and content.
fn sealed(data: &[u8]) -> Option<String> {
    let at = data.iter().position(|byte| *byte == 0)?;
    let header = base64url::encode(&data[..at]);
    let (text, tag) =
        AwsLc.encrypt(ENC, &SECRET, &[1; 12], header.as_bytes(), &data[at + 1..]).expect("sealed");
    let [iv, text, tag] = [&[1; 12][..], &text, &tag].map(base64url::encode);
    Some(format!("{header}..{iv}.{text}.{tag}"))
}

fn judge(text: &str) {
    match decrypt(text, &KEYS, MAX_BYTES) {
        Ok(opened) => {
            assert_eq!(
                (opened.kid.as_str(), opened.enc),
                ("k", ENC),
                "opened by a key that nobody encrypted to"
            );
            let header = base64url::decode(text.split('.').next().expect("a header")).expect("base64url");
            let laxer: Value =
                serde_json::from_slice(&header).expect("serde_json takes all that is taken here");
            assert_eq!((&laxer["alg"], &laxer["enc"]), (&"dir".into(), &"A256GCM".into()));
            for name in ["crit", "zip", "b64", "jwk"] {
                assert!(laxer.get(name).is_none(), "{name} was taken");
            }
        }
        Err(error) => assert!(error.to_string().len() < 400),
    }
    let typ = DocumentType::new("letter").expect("a type");
    let _ = document::open(text, &KEYS, &typ, MAX_BYTES);
    let due = document::Policy::new(&typ, &[Algorithm::Es256]);
    assert!(document::open_then_verify(text, &KEYS, &KeySet::default(), &due).is_err());
    assert!(nested::verify::<Value>(text, &KeySet::default(), &POLICY, Timestamp::from_seconds(0)).is_err());
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        judge(text);
        if let Ok(key) = Material::read(text) {
            let _ = key.to_pem();
        }
    }
    if let Some(text) = sealed(data) {
        judge(&text);
    }
});
