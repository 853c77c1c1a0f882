//! Keys, parsed once. A key has exactly one algorithm; a token's header only selects a key.

use crate::algorithm::{Algorithm, KeyType};
use crate::jwk::Members;
use crate::provider::{self, Pair, PrivateKey, Provider, PublicKey, Signer, Verifier};
use crate::{Jwk, TokenType, base64url, json};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Why a key was refused.
///
/// Codes: `malformed`, `unsupported`, `weak_key`, `bad_key` (not on its curve, bad exponent, refused by
/// the provider), `wrong_use`, `wrong_algorithm`, `private_key`, `symmetric_key`, `duplicate_kid`,
/// `too_large`, `provider` (signing or storing failed), `bad_claims` (they do not serialise).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct KeyError {
    /// Stable code, such as `weak_key`.
    pub code: &'static str,
    /// For people; never key material.
    pub detail: String,
}

impl KeyError {
    /// With a stable code; `detail` must hold no key material.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// The header of every token made here, in this order.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

/// A private key or HMAC secret that signs under exactly one algorithm. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey {
    alg: Algorithm,
    kid: Arc<str>,
    pair: Arc<Pair>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A signing input whose signature is still to be made: for callers that sign in a pool.
#[derive(Debug)]
pub struct Prepared {
    /// Header and claims, room for the signature.
    token: String,
    key: SigningKey,
}

impl Prepared {
    /// Makes the signature and answers the compact token.
    pub fn finish(mut self) -> Result<String, KeyError> {
        let signature = self.key.signature(self.token.as_bytes())?;
        self.token.push('.');
        base64url::append(&signature, &mut self.token);
        Ok(self.token)
    }
}

impl SigningKey {
    fn new(alg: Algorithm, pair: Pair) -> Result<Self, KeyError> {
        if let Some(PublicKey::Rsa { n, e }) = &pair.public {
            crate::jwk::check_rsa(n, e)?;
        }
        let kid = match &pair.public {
            Some(public) => Jwk::of(alg, public).thumbprint(),
            None => Some(secret_kid(pair.signer.as_ref())?),
        };
        let kid = kid.ok_or_else(|| KeyError::new("provider", "the key has no thumbprint"))?;
        Ok(Self { alg, kid: kid.into(), pair: Arc::new(pair) })
    }

    /// Makes a new key (RSA: 2048 bits; HMAC: as many random bytes as the hash).
    pub fn generate(alg: Algorithm) -> Result<Self, KeyError> {
        Self::generate_with(&provider::DEFAULT, alg)
    }

    /// As [`Self::generate`], by another provider.
    pub fn generate_with(provider: &dyn Provider, alg: Algorithm) -> Result<Self, KeyError> {
        Self::new(alg, provider.generate(alg)?)
    }

    /// Reads what [`Self::private_bytes`] answered: PKCS#8, or the secret for HMAC.
    pub fn from_private_bytes(alg: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_private_bytes_with(&provider::DEFAULT, alg, bytes)
    }

    /// As [`Self::from_private_bytes`], by another provider.
    pub fn from_private_bytes_with(
        provider: &dyn Provider,
        alg: Algorithm,
        bytes: &[u8],
    ) -> Result<Self, KeyError> {
        check_secret(alg, bytes)?;
        Self::new(alg, provider.private(alg, PrivateKey::Stored(bytes))?)
    }

    /// Reads a private JWK (RFC 7517, 7518 6, 8037). `alg` in the JWK wins, as in
    /// [`VerifyingKey::from_jwk`]; its `kid`, if one, is kept.
    pub fn from_private_jwk(document: &[u8], fallback: Option<Algorithm>) -> Result<Self, KeyError> {
        let members: Members = json::read(document).map_err(|e| KeyError::new("malformed", e.detail()))?;
        let (jwk, parts) = members.private()?;
        jwk.check_use("sig", &["sign"])?;
        let alg = jwk.algorithm(fallback)?;
        let provider = &provider::DEFAULT;
        let pair = match (alg.key_type(), parts.as_slice()) {
            (KeyType::Oct(_), [k]) => {
                check_secret(alg, k)?;
                provider.private(alg, PrivateKey::Stored(k))?
            }
            (KeyType::Rsa, [d, p, q, dp, dq, qi]) => provider
                .private(alg, PrivateKey::Rsa(&jwk.material(alg.key_type())?, [d, p, q, dp, dq, qi]))?,
            (KeyType::Okp, [d]) => {
                check_scalar(d, 32)?;
                provider.private(alg, PrivateKey::Scalar(&jwk.material(alg.key_type())?, d))?
            }
            (KeyType::Ec(curve), [d]) => {
                check_scalar(d, curve.coordinate_bytes())?;
                provider.private(alg, PrivateKey::Scalar(&jwk.material(alg.key_type())?, d))?
            }
            (KeyType::Akp { .. }, [seed]) => {
                // RFC 9964 5: the seed, and nothing but its length can be checked.
                check_scalar(seed, 32)?;
                provider.private(alg, PrivateKey::Scalar(&jwk.material(alg.key_type())?, seed))?
            }
            _ => return Err(KeyError::new("malformed", "private members are missing")),
        };
        let key = Self::new(alg, pair)?;
        Ok(match jwk.kid {
            Some(kid) => key.with_kid(&kid),
            None => key,
        })
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { kid: kid.into(), ..self }
    }

    /// PKCS#8, or the secret for HMAC.
    pub fn private_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.pair.stored.clone()
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// RFC 7638 thumbprint; for HMAC a digest that tells nothing of the secret; or what
    /// [`Self::with_kid`] set.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half with `kid`, `alg` and `use: sig`; `None` for HMAC.
    pub fn public_jwk(&self) -> Option<Jwk> {
        let public = self.pair.public.as_ref()?;
        Some(Jwk { kid: Some(self.kid().to_owned()), ..Jwk::of(self.alg, public) })
    }

    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        self.verifying_key_with(&provider::DEFAULT)
    }

    /// As [`Self::verifying_key`], by another provider.
    pub fn verifying_key_with(&self, provider: &dyn Provider) -> Result<VerifyingKey, KeyError> {
        match &self.pair.public {
            Some(public) => VerifyingKey::of(provider, self.alg, Some(self.kid()), public),
            None => VerifyingKey::shared(provider, self.alg, Some(self.kid()), &self.pair.stored),
        }
    }

    /// The signature of any bytes.
    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = Vec::with_capacity(512);
        self.pair.signer.sign(message, &mut signature)?;
        Ok(signature)
    }

    /// Signs claims as a compact JWS with header `{alg, typ, kid}`.
    pub fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, KeyError> {
        self.prepare(typ, claims)?.finish()
    }

    /// Serialises header and claims; the signature is made by [`Prepared::finish`].
    pub fn prepare<T: Serialize>(&self, typ: &str, claims: &T) -> Result<Prepared, KeyError> {
        let unfit =
            |e: serde_json::Error| KeyError::new("bad_claims", crate::text::shown(&e.to_string(), 120));
        let header = Header { alg: self.alg.name(), typ, kid: self.kid() };
        let mut bytes = Vec::with_capacity(1024);
        serde_json::to_writer(&mut bytes, &header).map_err(unfit)?;
        let split = bytes.len();
        serde_json::to_writer(&mut bytes, claims).map_err(unfit)?;
        let (header, claims) = bytes.split_at_checked(split).unwrap_or_default();
        if claims.first() != Some(&b'{') {
            return Err(KeyError::new("bad_claims", "claims are not an object"));
        }
        let mut token = String::with_capacity(bytes.len() / 3 * 4 + 720);
        base64url::append(header, &mut token);
        token.push('.');
        base64url::append(claims, &mut token);
        Ok(Prepared { token, key: self.clone() })
    }
}

/// RFC 7518 6.2.2.1, RFC 8037 2: a fixed length.
pub(crate) fn check_scalar(d: &[u8], len: usize) -> Result<(), KeyError> {
    match d.len() == len {
        true => Ok(()),
        false => Err(KeyError::new("malformed", format!("d: {len} bytes due, {} came", d.len()))),
    }
}

/// RFC 7518 3.2: a secret at least as long as the hash. Other keys pass.
fn check_secret(alg: Algorithm, secret: &[u8]) -> Result<(), KeyError> {
    match alg.key_type() {
        KeyType::Oct(min) if secret.len() < min => {
            let came = secret.len();
            Err(KeyError::new("weak_key", format!("a secret of {came} bytes; {min} due for {alg}")))
        }
        _ => Ok(()),
    }
}

/// A key id of a secret: a digest of a MAC, so it tells nothing that a token does not tell.
fn secret_kid(signer: &dyn Signer) -> Result<String, KeyError> {
    let mut mac = Vec::new();
    signer.sign(b"kid", &mut mac)?;
    let digest = provider::DEFAULT.sha256(&mac);
    Ok(base64url::encode(digest.first_chunk::<16>().unwrap_or(&[0; 16])))
}

/// A public key or HMAC secret, parsed once, that verifies under exactly one algorithm. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey {
    alg: Algorithm,
    kid: Option<Arc<str>>,
    /// Of every signature, in bytes.
    signature_bytes: usize,
    verifier: Arc<dyn Verifier>,
    /// The encoded headers that [`SigningKey`] writes for this key, one for each of
    /// [`TokenType::USUAL`]: a token that begins with one needs no parsing to know what it says.
    usual: Arc<[String]>,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl VerifyingKey {
    fn new(alg: Algorithm, kid: Option<&str>, signature_bytes: usize, verifier: Arc<dyn Verifier>) -> Self {
        let usual = |typ: TokenType| {
            let header = Header { alg: alg.name(), typ: typ.name(), kid: kid? };
            serde_json::to_vec(&header).ok().map(base64url::encode)
        };
        let usual = TokenType::USUAL.into_iter().filter_map(usual).collect();
        Self { alg, kid: kid.map(Into::into), signature_bytes, verifier, usual }
    }

    /// Whether the encoded header is the usual one of that type for this key: then it is well formed and
    /// names this key, this algorithm and the type.
    pub(crate) fn has_usual_header(&self, typ: TokenType, header: &str) -> bool {
        let at = TokenType::USUAL.into_iter().position(|usual| usual == typ);
        at.and_then(|at| self.usual.get(at)).is_some_and(|usual| usual == header)
    }

    fn of(
        provider: &dyn Provider,
        alg: Algorithm,
        kid: Option<&str>,
        public: &PublicKey,
    ) -> Result<Self, KeyError> {
        let signature_bytes = match public {
            PublicKey::Ed25519(_) => 64,
            PublicKey::X25519(_) => 0,
            PublicKey::Ec { x, y } => x.len() + y.len(),
            PublicKey::Rsa { n, .. } => n.len(),
            PublicKey::MlDsa(_) => match alg.key_type() {
                KeyType::Akp { signature, .. } => signature,
                _ => 0,
            },
        };
        Ok(Self::new(alg, kid, signature_bytes, provider.public(alg, public)?))
    }

    fn shared(
        provider: &dyn Provider,
        alg: Algorithm,
        kid: Option<&str>,
        secret: &[u8],
    ) -> Result<Self, KeyError> {
        let KeyType::Oct(signature_bytes) = alg.key_type() else {
            return Err(KeyError::new("wrong_algorithm", format!("{alg} takes no secret")));
        };
        check_secret(alg, secret)?;
        Ok(Self::new(alg, kid, signature_bytes, provider.secret(alg, secret)?))
    }

    /// From a public JWK. `alg` in the JWK wins; without it `fallback` must name one that fits the key
    /// type, or the key's curve must leave only one.
    pub fn from_jwk(jwk: &Jwk, fallback: Option<Algorithm>) -> Result<Self, KeyError> {
        Self::from_jwk_with(&provider::DEFAULT, jwk, fallback)
    }

    /// As [`Self::from_jwk`], by another provider.
    pub fn from_jwk_with(
        provider: &dyn Provider,
        jwk: &Jwk,
        fallback: Option<Algorithm>,
    ) -> Result<Self, KeyError> {
        jwk.check_use("sig", &["verify"])?;
        let alg = jwk.algorithm(fallback)?;
        Self::of(provider, alg, jwk.kid.as_deref(), &jwk.material(alg.key_type())?)
    }

    /// From an HMAC secret, at least as long as the hash. Without a `kid` it gets the one that
    /// [`SigningKey::kid`] gives the same secret.
    pub fn from_secret(alg: Algorithm, kid: Option<&str>, secret: &[u8]) -> Result<Self, KeyError> {
        match kid {
            Some(_) => Self::shared(&provider::DEFAULT, alg, kid, secret),
            None => SigningKey::from_private_bytes(alg, secret)
                .and_then(|key| Self::shared(&provider::DEFAULT, alg, Some(key.kid()), secret)),
        }
    }

    /// Key id, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// Whether `signature` is this key's signature of `message`: of the exact length and correct.
    pub fn verify_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes && self.verifier.verify(message, signature)
    }
}
