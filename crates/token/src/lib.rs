//! Strict JWS, JWK and claims engine.
//!
//! Owns: parsing, signature checks through a provider, and the policy every token is judged by.
//! Does no I/O, reads no clock, holds no globals; cryptography is the provider's (aws-lc-rs).

pub mod algorithm;
pub mod claims;
pub mod jwk;
pub mod key;
pub mod policy;
pub mod time;
pub mod verify;

pub use algorithm::Algorithm;
pub use claims::{AccessToken, Audience, IdToken};
pub use jwk::{Jwk, JwkSet};
pub use key::{KeyError, KeySet, Prepared, SigningKey, VerifyingKey};
pub use policy::{Policy, TokenType};
pub use time::Timestamp;
pub use verify::{Verified, VerifyError, verify};

/// Ways around the policy. Nothing here may decide whether somebody gets in.
pub mod dangerous {
    /// Splits and decodes a compact token without checking anything: `(header, claims)`.
    pub fn decode(_token: &str) -> Result<(serde_json::Value, serde_json::Value), crate::VerifyError> {
        todo!()
    }
}

/// base64url without padding, strict: canonical, no padding, no whitespace.
pub mod base64url {
    /// Encodes.
    pub fn encode(bytes: impl AsRef<[u8]>) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
    }
    /// Decodes; `None` when padded, non-canonical or outside the alphabet.
    pub fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok()
    }
}
