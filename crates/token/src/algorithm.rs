//! One row per algorithm; nothing below lists them again.

use serde::{Deserialize, Serialize};

/// A JWS algorithm (RFC 7518 3.1, RFC 8037, RFC 9864; with the feature `ml-dsa` RFC 9964).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 9864; also read under the older name `EdDSA`.
    Ed25519,
    /// ECDSA P-256, SHA-256.
    Es256,
    /// ECDSA P-384, SHA-384.
    Es384,
    /// ECDSA P-521, SHA-512.
    Es512,
    /// RSASSA-PKCS1-v1_5, SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5, SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5, SHA-512.
    Rs512,
    /// RSASSA-PSS, SHA-256.
    Ps256,
    /// RSASSA-PSS, SHA-384.
    Ps384,
    /// RSASSA-PSS, SHA-512.
    Ps512,
    /// HMAC SHA-256.
    Hs256,
    /// HMAC SHA-384.
    Hs384,
    /// HMAC SHA-512.
    Hs512,
    /// ML-DSA-44 (FIPS 204, RFC 9964).
    #[cfg(feature = "ml-dsa")]
    MlDsa44,
    /// ML-DSA-65 (FIPS 204, RFC 9964).
    #[cfg(feature = "ml-dsa")]
    MlDsa65,
    /// ML-DSA-87 (FIPS 204, RFC 9964).
    #[cfg(feature = "ml-dsa")]
    MlDsa87,
}

/// What kind of key an algorithm takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeyType {
    /// `OKP`, curve Ed25519.
    Okp,
    /// `OKP`, curve X25519: for agreements, never for signatures (RFC 8037 3.2).
    X25519,
    /// `EC` on one curve.
    Ec(Curve),
    /// `RSA`.
    Rsa,
    /// `oct`: a shared secret of at least this many bytes, the length of the hash (RFC 7518 3.2).
    Oct(usize),
    /// `AKP`: a key that names its algorithm (RFC 9964 3).
    Akp {
        /// Bytes of the public key.
        public: usize,
        /// Bytes of a signature.
        signature: usize,
    },
}

/// A curve of RFC 7518 6.2.1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl Curve {
    /// Every curve, in the order of the table.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Bytes of a coordinate; a signature is two of them (RFC 7518 3.4, 6.2.1.2).
    pub fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// The row of an algorithm: name, older name, key.
struct Row(&'static str, Option<&'static str>, KeyType);

impl Algorithm {
    /// Every algorithm, in the order of the table.
    pub const ALL: &[Self] = &[
        Self::Ed25519,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        #[cfg(feature = "ml-dsa")]
        Self::MlDsa44,
        #[cfg(feature = "ml-dsa")]
        Self::MlDsa65,
        #[cfg(feature = "ml-dsa")]
        Self::MlDsa87,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// Those whose public half can be published.
    pub const ASYMMETRIC: &[Self] = Self::ALL.split_at(Self::ALL.len() - Self::SHARED).0;

    /// How many at the end of the table are HMAC.
    const SHARED: usize = 3;

    const fn row(self) -> Row {
        match self {
            Self::Ed25519 => Row("Ed25519", Some("EdDSA"), KeyType::Okp),
            Self::Es256 => Row("ES256", None, KeyType::Ec(Curve::P256)),
            Self::Es384 => Row("ES384", None, KeyType::Ec(Curve::P384)),
            Self::Es512 => Row("ES512", None, KeyType::Ec(Curve::P521)),
            Self::Rs256 => Row("RS256", None, KeyType::Rsa),
            Self::Rs384 => Row("RS384", None, KeyType::Rsa),
            Self::Rs512 => Row("RS512", None, KeyType::Rsa),
            Self::Ps256 => Row("PS256", None, KeyType::Rsa),
            Self::Ps384 => Row("PS384", None, KeyType::Rsa),
            Self::Ps512 => Row("PS512", None, KeyType::Rsa),
            Self::Hs256 => Row("HS256", None, KeyType::Oct(32)),
            Self::Hs384 => Row("HS384", None, KeyType::Oct(48)),
            Self::Hs512 => Row("HS512", None, KeyType::Oct(64)),
            // Lengths: FIPS 204 4, table 2.
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa44 => Row("ML-DSA-44", None, KeyType::Akp { public: 1312, signature: 2420 }),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa65 => Row("ML-DSA-65", None, KeyType::Akp { public: 1952, signature: 3309 }),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa87 => Row("ML-DSA-87", None, KeyType::Akp { public: 2592, signature: 4627 }),
        }
    }

    /// The registered name (`Ed25519`, `ES256`, ...).
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Reads a registered name; `EdDSA` reads as `Ed25519`. `None` for anything else, `none` included.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.is_named(name))
    }

    /// Whether a header may call this algorithm so: its name or its older one.
    pub fn is_named(self, name: &str) -> bool {
        let Row(registered, older, _) = self.row();
        registered == name || older == Some(name)
    }

    /// The key it takes.
    pub fn key_type(self) -> KeyType {
        self.row().2
    }

    /// HMAC: one secret on both sides, never published.
    pub fn is_symmetric(self) -> bool {
        matches!(self.key_type(), KeyType::Oct(_))
    }

    /// Signing costs 0.5 ms and more (RSA; ML-DSA when it tries again): callers move it off their event loop.
    pub fn signs_slowly(self) -> bool {
        matches!(self.key_type(), KeyType::Rsa | KeyType::Akp { .. })
    }
}

impl TryFrom<String> for Algorithm {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("unknown JWS algorithm {name:?}"))
    }
}

impl From<Algorithm> for String {
    fn from(a: Algorithm) -> Self {
        a.name().to_owned()
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
