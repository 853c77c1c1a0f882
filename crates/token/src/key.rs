//! Keys, parsed once. A key has exactly one algorithm; a token's header only selects a key.

use crate::{Algorithm, Jwk};
use serde::Serialize;
use zeroize::Zeroizing;

/// Why a key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct KeyError {
    /// Stable code, such as `weak_key`.
    pub code: &'static str,
    /// For people; never key material.
    pub detail: String,
}

/// A private key or HMAC secret that signs under exactly one algorithm. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey {}

/// A signing input whose signature is still to be made: for callers that sign in a pool.
pub struct Prepared {}

impl Prepared {
    /// Makes the signature and answers the compact token.
    pub fn finish(self) -> Result<String, KeyError> {
        todo!()
    }
}

impl SigningKey {
    /// Makes a new key (RSA: 2048 bits; HMAC: as many random bytes as the hash).
    pub fn generate(_alg: Algorithm) -> Result<Self, KeyError> {
        todo!()
    }
    /// Reads what [`Self::private_bytes`] answered: PKCS#8, or the secret for HMAC.
    pub fn from_private_bytes(_alg: Algorithm, _bytes: &[u8]) -> Result<Self, KeyError> {
        todo!()
    }
    /// PKCS#8, or the secret for HMAC.
    pub fn private_bytes(&self) -> Zeroizing<Vec<u8>> {
        todo!()
    }
    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }
    /// RFC 7638 thumbprint; for HMAC a digest that tells nothing of the secret... set by the caller.
    pub fn kid(&self) -> &str {
        todo!()
    }
    /// The public half with `kid`, `alg` and `use: sig`; `None` for HMAC.
    pub fn public_jwk(&self) -> Option<Jwk> {
        todo!()
    }
    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        todo!()
    }
    /// Signs claims as a compact JWS with header `{alg, typ, kid}`.
    pub fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, KeyError> {
        self.prepare(typ, claims)?.finish()
    }
    /// Serialises header and claims; the signature is made by [`Prepared::finish`].
    pub fn prepare<T: Serialize>(&self, _typ: &str, _claims: &T) -> Result<Prepared, KeyError> {
        todo!()
    }
}

/// A public key or HMAC secret, parsed once, that verifies under exactly one algorithm. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey {}

impl VerifyingKey {
    /// From a public JWK. `alg` in the JWK wins; without it `fallback` must name one that fits the key type.
    pub fn from_jwk(_jwk: &Jwk, _fallback: Option<Algorithm>) -> Result<Self, KeyError> {
        todo!()
    }
    /// From an HMAC secret, at least as long as the hash.
    pub fn from_secret(_alg: Algorithm, _kid: Option<&str>, _secret: &[u8]) -> Result<Self, KeyError> {
        todo!()
    }
    /// Key id, if it has one.
    pub fn kid(&self) -> Option<&str> {
        todo!()
    }
    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }
}

/// Keys to choose from by the header's `kid`. Cheap to clone.
#[derive(Clone, Default)]
pub struct KeySet {}

impl KeySet {
    /// From parsed keys.
    pub fn new(_keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        todo!()
    }
    /// From a JWKS document. Keys that cannot be used (encryption, unknown type, weak) are left out and
    /// named in the second value; a duplicate `kid` or a private or symmetric key is an error.
    pub fn from_jwks(_document: &[u8]) -> Result<(Self, Vec<KeyError>), KeyError> {
        todo!()
    }
    /// The key of that id.
    pub fn get(&self, _kid: &str) -> Option<&VerifyingKey> {
        todo!()
    }
    /// How many.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
