//! Key set documents, public and private keys.
//!
//! `cargo fuzz run jwks` (with `--sanitizer none` on a stable compiler).

#![no_main]

use countersign_token::{Jwk, KeySet, SigningKey};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    if let Ok((keys, left_out)) = KeySet::from_jwks(data) {
        let laxer: Value = serde_json::from_slice(data).expect("serde_json takes all that is taken here");
        let entries = laxer["keys"].as_array().expect("an array of keys");
        assert_eq!(keys.len() + left_out.len(), entries.len());
        for key in keys.iter() {
            assert!(!key.algorithm().is_symmetric());
            assert!(!key.verify_signature(data, b""));
        }
    }
    if let Ok(jwk) = serde_json::from_slice::<Jwk>(data) {
        let _ = jwk.thumbprint();
    }
    if let Ok(key) = SigningKey::from_private_jwk(data, None) {
        let token = key.sign("JWT", &serde_json::json!({})).expect("a key that was read signs");
        assert_eq!(token.split('.').count(), 3);
    }
});
