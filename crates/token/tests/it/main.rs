//! The engine from outside, as its users see it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod document;
mod forge;
mod jwe;
mod jwe_misuse;
mod material;
mod misuse;
mod misuse_claims;
mod misuse_keys;
#[cfg(feature = "ml-dsa")]
mod ml_dsa;
mod nested;
mod oracle;
mod policy;
mod properties;
mod rfc;
mod rfc_jwe;
mod round_trip;
mod smoke;
mod types;
mod wycheproof;
mod wycheproof_jwe;
