//! Strict JWS, JWK and claims engine.
//!
//! Owns: parsing, signature checks through a provider, and the policy every token is judged by.
//! Does no I/O, reads no clock, holds no globals; cryptography is the provider's (aws-lc-rs).

pub mod algorithm;
pub mod base64url;
pub mod claims;
pub mod dangerous;
pub mod document;
mod header;
mod json;
mod judge;
pub mod jwe;
pub mod jwk;
pub mod key;
mod key_set;
pub mod material;
pub mod nested;
pub mod policy;
pub mod provider;
mod text;
pub mod time;
pub mod verify;

pub use algorithm::Algorithm;
pub use claims::{AccessToken, Audience, IdToken};
pub use jwk::{Jwk, JwkSet};
pub use key::{KeyError, Prepared, SigningKey, VerifyingKey};
pub use key_set::KeySet;
pub use policy::{Policy, TokenType};
pub use time::Timestamp;
pub use verify::{Scratch, Verified, VerifyError, verify, verify_with};
