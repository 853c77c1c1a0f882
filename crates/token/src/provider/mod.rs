//! The seam to cryptography: one trait, so that another provider can be passed in.
//!
//! The engine decides what a key may be (type, size, algorithm) and what a token must be; a provider
//! only parses key material and makes and checks signatures. Keys are parsed once and held parsed.

mod aws_lc;
pub(crate) mod der;
pub mod formats;
pub mod jwe;

pub use aws_lc::AwsLc;

use crate::{Algorithm, KeyError};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The provider used where none is passed in.
pub static DEFAULT: AwsLc = AwsLc;

/// Public key material as a JWK carries it, decoded and checked for length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicKey {
    /// 32 bytes (RFC 8037).
    Ed25519(Vec<u8>),
    /// 32 bytes, for agreements only (RFC 8037 3.2).
    X25519(Vec<u8>),
    /// Coordinates, each of the curve's fixed length.
    Ec {
        /// X.
        x: Vec<u8>,
        /// Y.
        y: Vec<u8>,
    },
    /// Big-endian integers without leading zeros.
    Rsa {
        /// Modulus.
        n: Vec<u8>,
        /// Exponent.
        e: Vec<u8>,
    },
    /// Encoded as FIPS 204 does (RFC 9964 3).
    MlDsa(Vec<u8>),
}

/// Private key material, decoded.
pub enum PrivateKey<'a> {
    /// PKCS#8; for HMAC the secret itself.
    Stored(&'a [u8]),
    /// `d` beside the public half, of a private JWK (`EC`, `OKP`); of an `AKP` the seed.
    Scalar(&'a PublicKey, &'a [u8]),
    /// `d, p, q, dp, dq, qi` beside the public half, of a private JWK (`RSA`).
    Rsa(&'a PublicKey, [&'a [u8]; 6]),
}

/// A parsed private key: what signs, what to store, what to publish.
pub struct Pair {
    /// Signs under the one algorithm.
    pub signer: Arc<dyn Signer>,
    /// PKCS#8, or the secret for HMAC.
    pub stored: Zeroizing<Vec<u8>>,
    /// `None` for HMAC.
    pub public: Option<PublicKey>,
}

/// A parsed private key.
pub trait Signer: Send + Sync {
    /// Appends the JWS signature (RFC 7518 3) of `message` to `out`.
    fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError>;
}

/// A parsed public key or secret.
pub trait Verifier: Send + Sync {
    /// Whether `signature` is a JWS signature of `message`; false for every malformed one.
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool;
}

/// Cryptography for the engine.
pub trait Provider: Send + Sync {
    /// Makes a key: RSA 2048 bits, HMAC as many random bytes as the hash.
    fn generate(&self, alg: Algorithm) -> Result<Pair, KeyError>;
    /// Parses a private key.
    fn private(&self, alg: Algorithm, key: PrivateKey<'_>) -> Result<Pair, KeyError>;
    /// Parses a public key; refuses points off the curve.
    fn public(&self, alg: Algorithm, key: &PublicKey) -> Result<Arc<dyn Verifier>, KeyError>;
    /// Takes an HMAC secret.
    fn secret(&self, alg: Algorithm, secret: &[u8]) -> Result<Arc<dyn Verifier>, KeyError>;
    /// SHA-256, for thumbprints (RFC 7638) and key ids.
    fn sha256(&self, data: &[u8]) -> [u8; 32];
}
