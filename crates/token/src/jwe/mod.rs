//! JSON Web Encryption, compact form (RFC 7516), with the algorithms of [`KeyManagement`] and
//! [`ContentEncryption`].
//!
//! The key decides: it has one `alg` and a list of `enc`, and a header only selects the key. There is no
//! RSA1_5, no RSA-OAEP with SHA-1, no password, no compression and no second recipient.
//!
//! Encryption says nothing about who sent a message: anybody can encrypt to a public key. Sign first and
//! encrypt the signed text, as [`crate::document::sign_then_seal`] and a nested JWT do.
//!
//! ```
//! use countersign_token::jwe::{self, DecryptionKey, DecryptionKeys, KeyManagement};
//!
//! let own = DecryptionKey::generate(jwe::Kind::X25519(KeyManagement::EcdhEs))?;
//! let token = own.encryption_key()?.encrypt(None, None, b"meet me at nine")?;
//! let opened = jwe::decrypt(&token, &DecryptionKeys::new([own]), jwe::MAX_BYTES)?;
//! assert_eq!(*opened.plaintext, b"meet me at nine");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod compact;
mod header;
mod key;
mod keys;
mod sender;

pub use algorithm::{ContentEncryption, Exchange, KeyManagement};
pub use compact::{Decrypted, MAX_BYTES, decrypt};
pub use key::{DecryptionKey, Kind};
pub use keys::DecryptionKeys;
pub use sender::EncryptionKey;

/// Bytes of the key that wraps a content key: AES-256.
const KEK_BYTES: usize = 32;

/// `OtherInfo` of the key derivation (RFC 7518 4.6.2): names the algorithm that the key is for, both
/// parties as the header has them, and the length in bits.
fn other_info(algorithm: &str, apu: &[u8], apv: &[u8], key_bytes: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(32 + apu.len() + apv.len());
    for part in [algorithm.as_bytes(), apu, apv] {
        out.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&u32::try_from(key_bytes.checked_mul(8)?).ok()?.to_be_bytes());
    Some(out)
}
