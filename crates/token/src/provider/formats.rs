//! The seam to the formats that keys are kept in outside of JOSE.

use super::PublicKey;
use super::jwe::Secret;
use crate::KeyError;

/// How a private key is written (DER).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrivateForm {
    /// PKCS#8 (RFC 5958): every type of key.
    Pkcs8,
    /// `RSAPrivateKey` (RFC 8017 A.1.2).
    Pkcs1,
    /// `ECPrivateKey` (RFC 5915).
    Sec1,
}

/// The public half, and the private members as a JWK has them: `d`; or `d p q dp dq qi`; or the seed.
pub type Halves = (PublicKey, Vec<Secret>);

/// Reads and writes DER for the engine.
pub trait Formats: Send + Sync {
    /// Reads a private key, checked.
    fn read_private(&self, form: PrivateForm, der: &[u8]) -> Result<Halves, KeyError>;
    /// Writes PKCS#8. The halves must belong together.
    fn write_private(&self, public: &PublicKey, private: &[Secret]) -> Result<Secret, KeyError>;
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 4.1); the key itself is not checked yet.
    fn read_public(&self, der: &[u8]) -> Result<PublicKey, KeyError>;
    /// Writes a `SubjectPublicKeyInfo`.
    fn write_public(&self, public: &PublicKey) -> Result<Vec<u8>, KeyError>;
}
