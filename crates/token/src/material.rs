//! Keys as they are kept in files: a JWK (RFC 7517) or PEM (RFC 7468), public or private, one turned into
//! the other.
//!
//! ```
//! use countersign_token::material::Material;
//! use countersign_token::{Algorithm, SigningKey};
//!
//! let key = SigningKey::generate(Algorithm::Es256)?;
//! let pem = Material::of_signing_key(&key)?.to_pem()?;
//! let again = Material::from_pem(&pem)?.with_algorithm("ES256").signing_key(None)?;
//! assert_eq!(again.kid(), key.kid());
//! # Ok::<(), countersign_token::KeyError>(())
//! ```

use crate::algorithm::{Curve, KeyType};
use crate::jwe::{DecryptionKey, KeyManagement, Kind};
use crate::jwk::{self, Members};
use crate::provider::formats::{Formats, PrivateForm};
use crate::provider::jwe::Secret;
use crate::provider::{self, PublicKey};
use crate::{Algorithm, Jwk, KeyError, SigningKey, json};
use rustls_pki_types::pem::{PemObject, SectionKind};
use std::fmt;
use zeroize::Zeroizing;

/// A key with what is said about it, and nothing decided about its use. `Debug` shows the public half.
#[derive(Clone)]
pub struct Material {
    jwk: Jwk,
    /// In the order of [`jwk::private_jwk`].
    private: Option<Vec<Secret>>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("jwk", &self.jwk).field("private", &self.private.is_some()).finish()
    }
}

const FORMATS: &dyn Formats = &provider::DEFAULT;

impl Material {
    /// Reads a JWK, public or private, and checks it: encoding, lengths, and that the halves belong together.
    pub fn from_jwk(document: &[u8]) -> Result<Self, KeyError> {
        let members: Members = json::read(document).map_err(|e| KeyError::new("malformed", e.detail()))?;
        let (jwk, private) = match members.is_private() {
            true => members.private().map(|(jwk, private)| (jwk, Some(private)))?,
            false => (Jwk::try_from(members)?, None),
        };
        let read = Self { jwk, private };
        if read.jwk.kty != "oct" {
            match &read.private {
                Some(private) => drop(FORMATS.write_private(&read.public_key()?, private)?),
                None => drop(read.public_key()?),
            }
        }
        Ok(read)
    }

    /// Reads the first key of a PEM text: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1),
    /// `EC PRIVATE KEY` (SEC 1), `PUBLIC KEY` (SPKI). Certificates and encrypted keys are not read.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()) {
            let (kind, der) =
                section.map_err(|e| KeyError::new("malformed", crate::text::shown(&e.to_string(), 120)))?;
            let der = Zeroizing::new(der);
            let form = match kind {
                SectionKind::PrivateKey => PrivateForm::Pkcs8,
                SectionKind::RsaPrivateKey => PrivateForm::Pkcs1,
                SectionKind::EcPrivateKey => PrivateForm::Sec1,
                SectionKind::PublicKey => return Self::of(&FORMATS.read_public(&der)?, None),
                _ => continue,
            };
            let (public, private) = FORMATS.read_private(form, &der)?;
            return Self::of(&public, Some(private));
        }
        Err(KeyError::new("malformed", "no key that is read here: PKCS#8, PKCS#1, SEC 1 or SPKI"))
    }

    /// Reads a file's text, whichever of the two it is.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        match text.trim_start().starts_with('{') {
            true => Self::from_jwk(text.as_bytes()),
            false => Self::from_pem(text),
        }
    }

    fn of(public: &PublicKey, private: Option<Vec<Secret>>) -> Result<Self, KeyError> {
        let mut jwk = Jwk::bare(public);
        if let PublicKey::MlDsa(key) = public {
            let named = |alg: &&Algorithm| matches!(alg.key_type(), KeyType::Akp { public, .. } if public == key.len());
            let alg = Algorithm::ALL.iter().find(named);
            let alg = alg.ok_or_else(|| KeyError::new("unsupported", "built without ML-DSA"))?;
            jwk.alg = Some(alg.name().to_owned());
        }
        let read = Self { jwk, private };
        read.public_key()?;
        Ok(read)
    }

    /// A signing key, with its `kid`, `alg` and `use`.
    pub fn of_signing_key(key: &SigningKey) -> Result<Self, KeyError> {
        let about = Jwk {
            kid: Some(key.kid().to_owned()),
            alg: Some(key.algorithm().name().to_owned()),
            use_: Some("sig".to_owned()),
            ..Jwk::default()
        };
        Self::stored(about, key.algorithm().is_symmetric(), key.private_bytes())
    }

    /// A key that opens messages, with its `kid`, `alg` and `use`.
    pub fn of_decryption_key(key: &DecryptionKey) -> Result<Self, KeyError> {
        let alg = match key.kind() {
            Kind::Secret(enc) => enc.name(),
            kind => kind.algorithm().name(),
        };
        let about = Jwk {
            kid: Some(key.kid().to_owned()),
            alg: Some(alg.to_owned()),
            use_: Some("enc".to_owned()),
            ..Jwk::default()
        };
        Self::stored(about, matches!(key.kind(), Kind::Secret(_)), key.private_bytes())
    }

    fn stored(about: Jwk, secret: bool, stored: Secret) -> Result<Self, KeyError> {
        if secret {
            let jwk = Jwk { kty: "oct".to_owned(), ..about };
            return Ok(Self { jwk, private: Some(vec![stored]) });
        }
        let (public, private) = FORMATS.read_private(PrivateForm::Pkcs8, &stored)?;
        let Jwk { kid, alg, use_, .. } = about;
        Ok(Self { jwk: Jwk { kid, alg, use_, ..Jwk::bare(&public) }, private: Some(private) })
    }

    /// The same key for that algorithm, by its registered name.
    #[must_use]
    pub fn with_algorithm(self, name: &str) -> Self {
        Self { jwk: Jwk { alg: Some(name.to_owned()), ..self.jwk }, ..self }
    }

    /// The same key for that use: `sig` or `enc`.
    #[must_use]
    pub fn with_use(self, name: &str) -> Self {
        Self { jwk: Jwk { use_: Some(name.to_owned()), ..self.jwk }, ..self }
    }

    /// The same key under that id.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { jwk: Jwk { kid: Some(kid.to_owned()), ..self.jwk }, ..self }
    }

    /// Whether it holds a private half or is a secret.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Whether it is a secret: there is no public half.
    pub fn is_secret(&self) -> bool {
        self.jwk.kty == "oct"
    }

    /// The public half and what is said about the key; of a secret only the latter.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The whole key as a JWK; `None` without a private half.
    pub fn private_jwk(&self) -> Option<Secret> {
        jwk::private_jwk(&self.jwk, self.private.as_ref()?)
    }

    /// PKCS#8, or SPKI without a private half. A secret has no PEM.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        match &self.private {
            Some(private) if !self.is_secret() => {
                Ok(pem("PRIVATE KEY", &FORMATS.write_private(&self.public_key()?, private)?))
            }
            _ => self.to_public_pem(),
        }
    }

    /// SPKI.
    pub fn to_public_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(pem("PUBLIC KEY", &FORMATS.write_public(&self.public_key()?)?))
    }

    /// The key as one that signs. The JWK's `alg` wins over `fallback`.
    pub fn signing_key(&self, fallback: Option<Algorithm>) -> Result<SigningKey, KeyError> {
        SigningKey::from_private_jwk(&self.private_jwk().ok_or_else(no_private_half)?, fallback)
    }

    /// The key as one that opens messages. The JWK's `alg` wins over `fallback`.
    pub fn decryption_key(&self, fallback: Option<KeyManagement>) -> Result<DecryptionKey, KeyError> {
        DecryptionKey::from_private_jwk(&self.private_jwk().ok_or_else(no_private_half)?, fallback)
    }

    fn public_key(&self) -> Result<PublicKey, KeyError> {
        self.jwk.material(key_type(&self.jwk)?)
    }
}

fn no_private_half() -> KeyError {
    KeyError::new("public_key", "a private key is due")
}

/// What the JWK says it is.
fn key_type(jwk: &Jwk) -> Result<KeyType, KeyError> {
    let plain = [KeyType::Rsa, KeyType::Okp, KeyType::X25519, KeyType::Oct(0)];
    let known = plain.into_iter().chain(Curve::ALL.map(KeyType::Ec)).find(|known| jwk.is_of(*known));
    match known {
        Some(known) => Ok(known),
        // An AKP is what its algorithm is; other types have no default here that they could take.
        None => jwk.algorithm(None).map(Algorithm::key_type),
    }
}

/// RFC 7468 3: lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    const LINE: usize = 64;
    let text = Zeroizing::new(base64_simd::STANDARD.encode_to_string(der));
    let mut out = Zeroizing::new(String::with_capacity(text.len() / LINE * (LINE + 1) + 160));
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}
