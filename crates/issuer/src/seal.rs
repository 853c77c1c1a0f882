//! Sealing under the master key: rows at rest (envelope), blobs handed to browsers, form tokens.

use crate::model::{Digest, Sealed, Secret};
use crate::port::Entropy;
use countersign_token::Timestamp;
use zeroize::Zeroizing;

/// Holds the master key. One purpose, one derived key (HKDF-SHA-256).
#[derive(Clone)]
pub struct Sealer {}

impl Sealer {
    /// From the 32 bytes of the master key.
    pub fn new(_master: Zeroizing<[u8; 32]>) -> Self {
        todo!()
    }
    /// Seals a row's secret: AES-256-GCM under a row key wrapped by the master key; `identity` (table and
    /// row id) is additional data, so a sealed value cannot be moved to another row.
    pub fn seal(&self, _identity: &str, _plain: &[u8], _entropy: &dyn Entropy) -> Sealed {
        todo!()
    }
    /// Opens it; `None`: another master key, another row, or altered.
    pub fn open(&self, _identity: &str, _sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        todo!()
    }
    /// Seals a typed blob for a browser, bound to `binding` (the flow cookie's value), base64url.
    pub fn blob(
        &self,
        _purpose: &'static str,
        _binding: &str,
        _made_at: Timestamp,
        _plain: &[u8],
        _entropy: &dyn Entropy,
    ) -> String {
        todo!()
    }
    /// Opens a blob of that purpose and binding made at most `life` ago; answers when it was made.
    pub fn open_blob(
        &self,
        _purpose: &'static str,
        _binding: &str,
        _blob: &str,
    ) -> Option<(Timestamp, Zeroizing<Vec<u8>>)> {
        todo!()
    }
    /// The anti-forgery token of a browser's forms: HMAC over the cookie value it is bound to.
    pub fn form_token(&self, _binding: &str) -> String {
        todo!()
    }
    /// Is it that browser's? Constant time.
    pub fn form_token_matches(&self, _binding: &str, _token: &str) -> bool {
        todo!()
    }
    /// Keyed digest of a client secret or API key (a stolen store cannot be guessed against).
    pub fn client_secret(&self, _client: &str, _secret: &Secret) -> Digest {
        todo!()
    }
}
