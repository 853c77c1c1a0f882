//! One row per algorithm; nothing below lists them again.

use serde::{Deserialize, Serialize};

/// A JWS algorithm (RFC 7518 3.1, RFC 8037, RFC 9864).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 9864; also read under the older name `EdDSA`.
    Ed25519,
    /// ECDSA P-256, SHA-256.
    Es256,
    /// ECDSA P-384, SHA-384.
    Es384,
    /// ECDSA P-521, SHA-512.
    Es512,
    /// RSASSA-PKCS1-v1_5, SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5, SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5, SHA-512.
    Rs512,
    /// RSASSA-PSS, SHA-256.
    Ps256,
    /// RSASSA-PSS, SHA-384.
    Ps384,
    /// RSASSA-PSS, SHA-512.
    Ps512,
    /// HMAC SHA-256.
    Hs256,
    /// HMAC SHA-384.
    Hs384,
    /// HMAC SHA-512.
    Hs512,
}

impl Algorithm {
    /// The registered name (`Ed25519`, `ES256`, ...).
    pub fn name(self) -> &'static str {
        todo!()
    }
    /// Reads a registered name; `EdDSA` reads as `Ed25519`. `None` for anything else, `none` included.
    pub fn parse(_name: &str) -> Option<Self> {
        todo!()
    }
    /// HMAC: one secret on both sides, never published.
    pub fn is_symmetric(self) -> bool {
        todo!()
    }
    /// Signing costs 0.5 ms and more (RSA): callers move it off their event loop.
    pub fn signs_slowly(self) -> bool {
        todo!()
    }
}

impl TryFrom<String> for Algorithm {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("unknown JWS algorithm {name:?}"))
    }
}

impl From<Algorithm> for String {
    fn from(a: Algorithm) -> Self {
        a.name().to_owned()
    }
}
