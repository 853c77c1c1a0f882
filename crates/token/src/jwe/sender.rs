//! Keys that messages are encrypted to, and how a message is made (RFC 7516 5.1).

use super::key::{Kind, narrowed};
use super::{ContentEncryption, Exchange, KEK_BYTES, KeyManagement, other_info};
use crate::algorithm::KeyType;
use crate::provider::jwe::{Cipher, Peer, Secret, Wrap};
use crate::provider::{self, PublicKey};
use crate::{Jwk, KeyError, base64url};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// The header of every message made here, in this order.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    enc: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cty: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epk: Option<Jwk>,
}

/// The parsed key.
#[derive(Clone)]
enum Public {
    Rsa(Arc<dyn Wrap>),
    Agreement(Arc<dyn Peer>),
    Secret(Arc<Secret>),
}

/// A recipient's key: encrypts under exactly one `alg`. Cheap to clone.
#[derive(Clone)]
pub struct EncryptionKey {
    kind: Kind,
    encryptions: Arc<[ContentEncryption]>,
    kid: Option<Arc<str>>,
    public: Public,
    cipher: &'static dyn Cipher,
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKey")
            .field("kind", &self.kind)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl EncryptionKey {
    pub(super) fn of(cipher: &'static dyn Cipher, kind: Kind, key: &PublicKey) -> Result<Self, KeyError> {
        let public = match kind {
            Kind::Ec(curve, _) => Public::Agreement(cipher.peer(Exchange::Ec(curve), key)?),
            Kind::X25519(_) => Public::Agreement(cipher.peer(Exchange::X25519, key)?),
            Kind::Rsa | Kind::Secret(_) => Public::Rsa(cipher.wrap(key)?),
        };
        Ok(Self { kind, encryptions: kind.encryptions(), kid: None, public, cipher })
    }

    pub(super) fn shared(cipher: &'static dyn Cipher, kind: Kind, secret: Arc<Secret>) -> Self {
        Self { kind, encryptions: kind.encryptions(), kid: None, public: Public::Secret(secret), cipher }
    }

    /// From a public JWK. Its `alg` wins; without one `fallback` must name it. A signature key is refused.
    /// For a shared secret take [`super::DecryptionKey::encryption_key`].
    pub fn from_jwk(jwk: &Jwk, fallback: Option<KeyManagement>) -> Result<Self, KeyError> {
        jwk.check_use("enc", &["encrypt", "wrapKey", "deriveKey", "deriveBits"])?;
        if jwk.is_of(KeyType::Oct(0)) {
            return Err(KeyError::new("symmetric_key", "a secret is not a public key"));
        }
        let kind = Kind::of(jwk, fallback, None)?;
        let key = Self::of(&provider::DEFAULT, kind, &jwk.material(kind.key_type())?)?;
        Ok(Self { kid: jwk.kid.as_deref().map(Into::into), ..key })
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { kid: Some(kid.into()), ..self }
    }

    /// The same key for these only, the preferred first. An error when none of them is left.
    pub fn with_encryptions(self, only: &[ContentEncryption]) -> Result<Self, KeyError> {
        Ok(Self { encryptions: narrowed(&self.encryptions, only)?, ..self })
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> KeyManagement {
        self.kind.algorithm()
    }

    /// Key id, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Encrypts under the first of its content encryptions. `typ` says what the whole is, `cty` what the
    /// content is (RFC 7516 4.1.11, 4.1.12). Every message has a random content key and IV of its own; a
    /// shared secret with `A128GCM` or `A256GCM` must not encrypt more than 2^32 messages, since its IVs
    /// are random (NIST SP 800-38D 8.3).
    pub fn encrypt(
        &self,
        typ: Option<&str>,
        cty: Option<&str>,
        plaintext: &[u8],
    ) -> Result<String, KeyError> {
        let enc = self.encryptions.first().copied().unwrap_or(ContentEncryption::A256Gcm);
        let content = self.content_key(enc)?;
        let (alg, kid) = (self.algorithm().name(), self.kid());
        let epk = content.epk.as_ref().map(Jwk::bare);
        let header = Header { alg, enc: enc.name(), typ, cty, kid, epk };
        let header = serde_json::to_vec(&header)
            .map_err(|e| KeyError::new("bad_claims", crate::text::shown(&e.to_string(), 120)))?;
        let mut iv = vec![0; enc.iv_bytes()];
        self.cipher.random(&mut iv)?;
        let mut token = String::with_capacity((header.len() + plaintext.len()) / 3 * 4 + 512);
        base64url::append(&header, &mut token);
        let (text, tag) = self.cipher.encrypt(enc, &content.key, &iv, token.as_bytes(), plaintext)?;
        for part in [content.encrypted.as_slice(), &iv, &text, &tag] {
            token.push('.');
            base64url::append(part, &mut token);
        }
        Ok(token)
    }

    fn content_key(&self, enc: ContentEncryption) -> Result<ContentKey, KeyError> {
        let random = || {
            let mut key = Secret::new(vec![0; enc.key_bytes()]);
            self.cipher.random(&mut key).map(|()| key)
        };
        match &self.public {
            Public::Secret(key) => {
                Ok(ContentKey { key: Secret::clone(key), encrypted: Vec::new(), epk: None })
            }
            Public::Rsa(recipient) => {
                let key = random()?;
                Ok(ContentKey { encrypted: recipient.wrap(&key)?, key, epk: None })
            }
            Public::Agreement(recipient) => {
                let (epk, secret) = recipient.agree()?;
                let derived = |name: &str, bytes| {
                    let info = other_info(name, b"", b"", bytes).ok_or_else(|| {
                        KeyError::new("provider", "the key derivation has too much to name")
                    })?;
                    self.cipher.derive(&secret, &info, bytes)
                };
                match self.algorithm() {
                    KeyManagement::EcdhEs => {
                        let key = derived(enc.name(), enc.key_bytes())?;
                        Ok(ContentKey { key, encrypted: Vec::new(), epk: Some(epk) })
                    }
                    alg => {
                        let (key, by) = (random()?, derived(alg.name(), KEK_BYTES)?);
                        Ok(ContentKey { encrypted: self.cipher.wrap_aes(&by, &key)?, key, epk: Some(epk) })
                    }
                }
            }
        }
    }
}

/// The content key and how it is sent.
struct ContentKey {
    key: Secret,
    encrypted: Vec<u8>,
    epk: Option<PublicKey>,
}
