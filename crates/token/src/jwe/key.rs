//! Keys that open messages. A key has exactly one `alg`, and a list of `enc`.

use super::compact::wrong;
use super::header::Header;
use super::{ContentEncryption, EncryptionKey, Exchange, KeyManagement, other_info};
use crate::algorithm::{Curve, KeyType};
use crate::jwk::{Members, check_rsa};
use crate::key::check_scalar;
use crate::provider::jwe::{Cipher, Holder, Opening, Secret, Unwrap};
use crate::provider::{self, PrivateKey, PublicKey};
use crate::{Jwk, KeyError, VerifyError, base64url, json};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What kind of key to make or read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// RSA, for RSA-OAEP-256.
    Rsa,
    /// A curve of RFC 7518, for an agreement.
    Ec(Curve, KeyManagement),
    /// X25519, for an agreement.
    X25519(KeyManagement),
    /// A shared secret that is the content key of this one algorithm.
    Secret(ContentEncryption),
}

impl Kind {
    /// Its algorithm.
    pub fn algorithm(self) -> KeyManagement {
        match self {
            Self::Rsa => KeyManagement::RsaOaep256,
            Self::Ec(_, alg) | Self::X25519(alg) => alg,
            Self::Secret(_) => KeyManagement::Dir,
        }
    }

    /// The curve of its agreement, if it is for one.
    fn exchange(self) -> Option<Exchange> {
        match self {
            Self::Ec(curve, _) => Some(Exchange::Ec(curve)),
            Self::X25519(_) => Some(Exchange::X25519),
            Self::Rsa | Self::Secret(_) => None,
        }
    }

    fn check(self) -> Result<Self, KeyError> {
        match self.exchange().is_none_or(|_| self.algorithm().agrees()) {
            true => Ok(self),
            false => Err(KeyError::new("wrong_algorithm", format!("{} needs no curve", self.algorithm()))),
        }
    }

    /// Of a JWK: its `alg`, else `fallback`. A secret's `alg` names the content's algorithm (RFC 7520 5.6),
    /// or is `dir` where its length leaves only one.
    pub(super) fn of(
        jwk: &Jwk,
        fallback: Option<KeyManagement>,
        secret_bytes: Option<usize>,
    ) -> Result<Self, KeyError> {
        let named = jwk.alg.as_deref();
        let fits = |enc: &ContentEncryption| secret_bytes == Some(enc.key_bytes());
        if let Some(enc) = named.and_then(ContentEncryption::parse) {
            return match jwk.is_of(KeyType::Oct(0)) && fits(&enc) {
                true => Ok(Self::Secret(enc)),
                false => {
                    let detail = format!("{enc} takes a secret of {} bytes", enc.key_bytes());
                    Err(KeyError::new("wrong_algorithm", detail))
                }
            };
        }
        let alg = match named {
            Some(name) => KeyManagement::parse(name).ok_or_else(|| {
                KeyError::new("unsupported", format!("algorithm {}", crate::text::shown(name, 24)))
            })?,
            None => fallback
                .ok_or_else(|| KeyError::new("wrong_algorithm", "the key does not name its algorithm"))?,
        };
        let curve = Curve::ALL.into_iter().find(|curve| jwk.is_of(KeyType::Ec(*curve)));
        let mut secrets = ContentEncryption::ALL.into_iter().filter(fits);
        let kind = match (alg, curve, secrets.next(), secrets.next()) {
            (KeyManagement::RsaOaep256, ..) if jwk.is_of(KeyType::Rsa) => Some(Self::Rsa),
            (alg, Some(curve), ..) if alg.agrees() => Some(Self::Ec(curve, alg)),
            (alg, ..) if alg.agrees() && jwk.is_of(KeyType::X25519) => Some(Self::X25519(alg)),
            (KeyManagement::Dir, _, Some(only), None) if jwk.is_of(KeyType::Oct(0)) => {
                Some(Self::Secret(only))
            }
            _ => None,
        };
        kind.ok_or_else(|| {
            KeyError::new("wrong_algorithm", format!("{alg} does not fit the key's type, curve or length"))
        })
    }

    /// The type of its key.
    pub(super) fn key_type(self) -> KeyType {
        match self {
            Self::Rsa => KeyType::Rsa,
            Self::Ec(curve, _) => KeyType::Ec(curve),
            Self::X25519(_) => KeyType::X25519,
            Self::Secret(enc) => KeyType::Oct(enc.key_bytes()),
        }
    }

    /// What it may be used for at first: for a secret one algorithm, else all.
    pub(super) fn encryptions(self) -> Arc<[ContentEncryption]> {
        match self {
            Self::Secret(enc) => Arc::new([enc]),
            _ => Arc::new(ContentEncryption::ALL),
        }
    }
}

/// A list that a caller gave, which must leave something.
pub(super) fn narrowed(
    has: &[ContentEncryption],
    to: &[ContentEncryption],
) -> Result<Arc<[ContentEncryption]>, KeyError> {
    let left: Arc<[_]> = to.iter().copied().filter(|enc| has.contains(enc)).collect();
    match left.is_empty() {
        true => Err(KeyError::new("wrong_algorithm", "no content encryption is left for the key")),
        false => Ok(left),
    }
}

/// The parsed key.
#[derive(Clone)]
enum Private {
    Rsa(Arc<dyn Unwrap>),
    Agreement(Exchange, Arc<dyn Holder>),
    Secret,
}

/// A private key or secret that opens messages under exactly one `alg`. Cheap to clone.
#[derive(Clone)]
pub struct DecryptionKey {
    kind: Kind,
    encryptions: Arc<[ContentEncryption]>,
    kid: Arc<str>,
    private: Private,
    stored: Arc<Secret>,
    /// `None` for a secret.
    public: Option<Arc<PublicKey>>,
    cipher: &'static dyn Cipher,
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey")
            .field("kind", &self.kind)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl DecryptionKey {
    fn opening<T: ?Sized>(
        cipher: &'static dyn Cipher,
        kind: Kind,
        opening: Opening<T>,
        private: impl FnOnce(Arc<T>) -> Private,
    ) -> Result<Self, KeyError> {
        if let PublicKey::Rsa { n, e } = &opening.public {
            check_rsa(n, e)?;
        }
        let kid = Jwk::bare(&opening.public).thumbprint();
        let kid = kid.ok_or_else(|| KeyError::new("provider", "the key has no thumbprint"))?;
        Ok(Self {
            kind,
            encryptions: kind.encryptions(),
            kid: kid.into(),
            private: private(opening.key),
            stored: Arc::new(opening.stored),
            public: Some(Arc::new(opening.public)),
            cipher,
        })
    }

    fn secret(
        cipher: &'static dyn Cipher,
        kind: Kind,
        enc: ContentEncryption,
        secret: Secret,
    ) -> Result<Self, KeyError> {
        let (due, came) = (enc.key_bytes(), secret.len());
        if came != due {
            let detail = format!("a secret of {came} bytes; {due} due for {enc}");
            return Err(KeyError::new("weak_key", detail));
        }
        // Names the secret, and tells nothing of it.
        let kid = base64url::encode(&*cipher.derive(&secret, b"kid", 16)?);
        let (encryptions, stored) = (kind.encryptions(), Arc::new(secret));
        Ok(Self {
            kind,
            encryptions,
            kid: kid.into(),
            private: Private::Secret,
            stored,
            public: None,
            cipher,
        })
    }

    fn new(cipher: &'static dyn Cipher, kind: Kind, key: Option<PrivateKey<'_>>) -> Result<Self, KeyError> {
        match (kind.check()?, kind.exchange(), key) {
            (_, Some(curve), key) => Self::opening(cipher, kind, cipher.holder(curve, key)?, |holder| {
                Private::Agreement(curve, holder)
            }),
            (Kind::Secret(enc), _, Some(PrivateKey::Stored(secret))) => {
                Self::secret(cipher, kind, enc, secret.to_vec().into())
            }
            (Kind::Secret(enc), _, None) => {
                let mut secret = Zeroizing::new(vec![0; enc.key_bytes()]);
                cipher.random(&mut secret)?;
                Self::secret(cipher, kind, enc, secret)
            }
            (_, _, key) => Self::opening(cipher, kind, cipher.unwrap(key)?, Private::Rsa),
        }
    }

    /// Makes a new key (RSA: 2048 bits; a secret: as many random bytes as its algorithm takes).
    pub fn generate(kind: Kind) -> Result<Self, KeyError> {
        Self::new(&provider::DEFAULT, kind, None)
    }

    /// Reads what [`Self::private_bytes`] answered: PKCS#8, or the secret.
    pub fn from_private_bytes(kind: Kind, bytes: &[u8]) -> Result<Self, KeyError> {
        Self::new(&provider::DEFAULT, kind, Some(PrivateKey::Stored(bytes)))
    }

    /// Reads a private JWK (RFC 7517, 7518 6, 8037). Its `alg` wins; without one `fallback` must name it.
    /// A secret's `alg` is that of its content (`A256GCM`, ...; RFC 7520 5.6). A signature key is refused.
    pub fn from_private_jwk(document: &[u8], fallback: Option<KeyManagement>) -> Result<Self, KeyError> {
        let members: Members = json::read(document).map_err(|e| KeyError::new("malformed", e.detail()))?;
        let (jwk, parts) = members.private()?;
        jwk.check_use("enc", &["decrypt", "unwrapKey", "deriveKey", "deriveBits"])?;
        let secret_bytes = parts.first().map(|part| part.len());
        let kind = Kind::of(&jwk, fallback, secret_bytes)?;
        let public = match kind {
            Kind::Secret(_) => None,
            _ => Some(jwk.material(kind.key_type())?),
        };
        let private = match (kind.key_type(), &public, parts.as_slice()) {
            (KeyType::Rsa, Some(public), [d, p, q, dp, dq, qi]) => {
                PrivateKey::Rsa(public, [d, p, q, dp, dq, qi])
            }
            (KeyType::Ec(curve), Some(public), [d]) => {
                check_scalar(d, curve.coordinate_bytes())?;
                PrivateKey::Scalar(public, d)
            }
            (KeyType::X25519, Some(public), [d]) => {
                check_scalar(d, 32)?;
                PrivateKey::Scalar(public, d)
            }
            (_, None, [k]) => PrivateKey::Stored(k),
            _ => return Err(KeyError::new("malformed", "private members are missing")),
        };
        let key = Self::new(&provider::DEFAULT, kind, Some(private))?;
        Ok(match &jwk.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { kid: kid.into(), ..self }
    }

    /// The same key for these only, the preferred first. An error when none of them is left.
    pub fn with_encryptions(self, only: &[ContentEncryption]) -> Result<Self, KeyError> {
        Ok(Self { encryptions: narrowed(&self.encryptions, only)?, ..self })
    }

    /// PKCS#8, or the secret.
    pub fn private_bytes(&self) -> Secret {
        Secret::clone(&self.stored)
    }

    /// What kind of key it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> KeyManagement {
        self.kind.algorithm()
    }

    /// RFC 7638 thumbprint; for a secret a digest that tells nothing of it; or what the JWK or
    /// [`Self::with_kid`] said.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half with `kid`, `alg` and `use: enc`; `None` for a secret.
    pub fn public_jwk(&self) -> Option<Jwk> {
        Some(Jwk {
            kid: Some(self.kid().to_owned()),
            alg: Some(self.algorithm().name().to_owned()),
            use_: Some("enc".to_owned()),
            ..Jwk::bare(self.public.as_deref()?)
        })
    }

    /// The key that encrypts what this one opens.
    pub fn encryption_key(&self) -> Result<EncryptionKey, KeyError> {
        let key = match &self.public {
            Some(public) => EncryptionKey::of(self.cipher, self.kind, public)?,
            None => EncryptionKey::shared(self.cipher, self.kind, Arc::clone(&self.stored)),
        };
        key.with_kid(self.kid()).with_encryptions(&self.encryptions)
    }

    pub(super) fn cipher(&self) -> &'static dyn Cipher {
        self.cipher
    }

    /// The content encryption that a header names, if the key is for it.
    pub(super) fn encryption(&self, name: &str) -> Result<ContentEncryption, VerifyError> {
        let named = self.encryptions.iter().find(|enc| enc.name() == name);
        named.copied().ok_or_else(|| {
            let due: Vec<_> = self.encryptions.iter().map(|enc| enc.name()).collect();
            wrong("enc", &due.join(" or "), name)
        })
    }

    /// The content key. Where it cannot be had, a random one: the tag then refuses the message exactly as
    /// it refuses an altered one (RFC 7516 11.5).
    pub(super) fn content_key(
        &self,
        header: &Header<'_>,
        enc: ContentEncryption,
        encrypted: &[u8],
    ) -> Result<Secret, VerifyError> {
        if self.algorithm().sends_no_key() && !encrypted.is_empty() {
            let detail = format!("{} sends no encrypted key", self.algorithm());
            return Err(VerifyError::new("malformed", None, detail));
        }
        let mut stand_in = Secret::new(vec![0; enc.key_bytes()]);
        let no_key = |e: KeyError| VerifyError::new("decryption_failed", None, e.detail);
        self.cipher.random(&mut stand_in).map_err(no_key)?;
        let key = match &self.private {
            Private::Secret => Some(Secret::clone(&self.stored)),
            Private::Rsa(key) => key.unwrap(encrypted),
            Private::Agreement(curve, holder) => {
                let sender = sender(header, self.kind.key_type(), *curve)?;
                holder.agree(&sender).and_then(|secret| self.agreed(header, enc, &secret, encrypted))
            }
        };
        Ok(key.filter(|key| key.len() == enc.key_bytes()).unwrap_or(stand_in))
    }

    /// RFC 7518 4.6: the derived key is the content key, or unwraps it.
    fn agreed(
        &self,
        header: &Header<'_>,
        enc: ContentEncryption,
        secret: &[u8],
        encrypted: &[u8],
    ) -> Option<Secret> {
        let derived = |name: &str, bytes| {
            let info = other_info(name, &header.apu, &header.apv, bytes)?;
            self.cipher.derive(secret, &info, bytes).ok()
        };
        match self.algorithm() {
            KeyManagement::EcdhEs => derived(enc.name(), enc.key_bytes()),
            alg => self.cipher.unwrap_aes(&derived(alg.name(), super::KEK_BYTES)?, encrypted),
        }
    }
}

/// `epk`: due, of the key's own curve, and of its length.
fn sender(header: &Header<'_>, due: KeyType, curve: Exchange) -> Result<PublicKey, VerifyError> {
    let refused = |detail: String| VerifyError::new("malformed", Some("epk"), detail);
    let epk = header.epk.as_ref().ok_or_else(|| refused("the header has none".to_owned()))?;
    if !epk.is_of(due) {
        return Err(refused(format!("expected a key of {}", curve.name())));
    }
    epk.material(due).map_err(|e| refused(e.detail))
}
