//! The seam to the cryptography of JWE.
//!
//! The engine builds and reads messages and decides what a key may be used for; a provider wraps, agrees,
//! derives, encrypts. What fails on the receiving side fails without a reason, so that none can be told.

use super::{PrivateKey, PublicKey};
use crate::KeyError;
use crate::jwe::{ContentEncryption, Exchange};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes that are wiped when dropped.
pub type Secret = Zeroizing<Vec<u8>>;

/// A recipient's RSA key.
pub trait Wrap: Send + Sync {
    /// RSAES OAEP with SHA-256 (RFC 7518 4.3).
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// The recipient's own half of it.
pub trait Unwrap: Send + Sync {
    /// What was wrapped; `None` for everything else, length and padding included.
    fn unwrap(&self, wrapped: &[u8]) -> Option<Secret>;
}

/// A recipient's key for agreements.
pub trait Peer: Send + Sync {
    /// Makes a key pair for one message: its public half, and the shared secret.
    fn agree(&self) -> Result<(PublicKey, Secret), KeyError>;
}

/// The recipient's own half of it.
pub trait Holder: Send + Sync {
    /// The shared secret; `None` when the sender's key is of another curve, not on it, or of small order.
    fn agree(&self, sender: &PublicKey) -> Option<Secret>;
}

/// A parsed private key: what opens, what to store, what to publish.
pub struct Opening<T: ?Sized> {
    /// Opens.
    pub key: Arc<T>,
    /// PKCS#8.
    pub stored: Secret,
    /// The public half.
    pub public: PublicKey,
}

/// Ciphertext and tag.
pub type Sealed = (Vec<u8>, [u8; 16]);

/// Cryptography of JWE for the engine.
pub trait Cipher: Send + Sync {
    /// Fills with random bytes.
    fn random(&self, room: &mut [u8]) -> Result<(), KeyError>;
    /// Parses a recipient's RSA key.
    fn wrap(&self, key: &PublicKey) -> Result<Arc<dyn Wrap>, KeyError>;
    /// Parses an RSA key, or makes one of 2048 bits.
    fn unwrap(&self, key: Option<PrivateKey<'_>>) -> Result<Opening<dyn Unwrap>, KeyError>;
    /// Parses a recipient's key of that curve; refuses points off it.
    fn peer(&self, curve: Exchange, key: &PublicKey) -> Result<Arc<dyn Peer>, KeyError>;
    /// Parses a key of that curve, or makes one.
    fn holder(&self, curve: Exchange, key: Option<PrivateKey<'_>>) -> Result<Opening<dyn Holder>, KeyError>;
    /// The single-step key derivation of NIST SP 800-56A by SHA-256 (RFC 7518 4.6.2).
    fn derive(&self, secret: &[u8], info: &[u8], bytes: usize) -> Result<Secret, KeyError>;
    /// AES-256 key wrap (RFC 3394).
    fn wrap_aes(&self, by: &[u8], key: &[u8]) -> Result<Vec<u8>, KeyError>;
    /// What was wrapped; `None` for everything else.
    fn unwrap_aes(&self, by: &[u8], wrapped: &[u8]) -> Option<Secret>;
    /// Encrypts and protects. Key and `iv` are of the algorithm's length.
    fn encrypt(
        &self,
        enc: ContentEncryption,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        text: &[u8],
    ) -> Result<Sealed, KeyError>;
    /// Checks the tag, in constant time and before anything else, then decrypts.
    fn decrypt(
        &self,
        enc: ContentEncryption,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        sealed: (&[u8], &[u8]),
    ) -> Option<Secret>;
}
