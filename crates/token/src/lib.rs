//! Strict JWS, JWE, JWK and claims engine.
//!
//! Owns: parsing, signatures and encryption through a provider, and the policy every token is judged by.
//! Does no I/O, reads no clock, holds no globals; cryptography is the provider's (aws-lc-rs).
//!
//! | for | see |
//! |---|---|
//! | tokens | [`SigningKey::sign`], [`verify()`], [`Policy`], [`KeySet`] |
//! | tokens that are encrypted too | [`nested`] |
//! | any other bytes, signed or sealed | [`document`] |
//! | messages | [`jwe`] |
//! | keys in files | [`material`] |
//!
//! The feature `ml-dsa` adds ML-DSA-44, -65 and -87 (RFC 9964); nothing else changes with it.

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
