//! One row per algorithm of JWE (RFC 7518 4.1, 5.1); nothing below lists them again.

/// How the content key reaches the recipient: the header's `alg`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyManagement {
    /// RSAES OAEP with SHA-256 and MGF1 with SHA-256 (RFC 7518 4.3).
    RsaOaep256,
    /// Elliptic curve Diffie-Hellman, whose derived key is the content key (RFC 7518 4.6, RFC 8037 3.2).
    EcdhEs,
    /// The same, whose derived key wraps a random content key by AES-256 (RFC 7518 4.4, 4.6).
    EcdhEsA256Kw,
    /// A shared secret is the content key (RFC 7518 4.5).
    Dir,
}

impl KeyManagement {
    /// Every algorithm, in the order of the table.
    pub const ALL: [Self; 4] = [Self::RsaOaep256, Self::EcdhEs, Self::EcdhEsA256Kw, Self::Dir];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::Dir => "dir",
        }
    }

    /// Reads a registered name; `None` for anything else.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// The content key is not sent: the token's second part is empty (RFC 7516 5.2, step 10).
    pub(crate) fn sends_no_key(self) -> bool {
        matches!(self, Self::EcdhEs | Self::Dir)
    }

    /// The sender makes a key pair for each message.
    pub(crate) fn agrees(self) -> bool {
        matches!(self, Self::EcdhEs | Self::EcdhEsA256Kw)
    }
}

impl std::fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How the content is encrypted and protected: the header's `enc`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ContentEncryption {
    /// AES-256 in Galois/Counter Mode (RFC 7518 5.3).
    A256Gcm,
    /// AES-128 in Galois/Counter Mode (RFC 7518 5.3).
    A128Gcm,
    /// AES-128 in CBC mode, then HMAC SHA-256 cut to 128 bits (RFC 7518 5.2.3).
    A128CbcHs256,
}

impl ContentEncryption {
    /// Every algorithm, in the order a sender prefers them.
    pub const ALL: [Self; 3] = [Self::A256Gcm, Self::A128Gcm, Self::A128CbcHs256];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::A256Gcm => "A256GCM",
            Self::A128Gcm => "A128GCM",
            Self::A128CbcHs256 => "A128CBC-HS256",
        }
    }

    /// Reads a registered name; `None` for anything else.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|enc| enc.name() == name)
    }

    /// Bytes of the content key.
    pub fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
        }
    }

    /// Bytes of the initialisation vector.
    pub fn iv_bytes(self) -> usize {
        match self {
            Self::A128Gcm | Self::A256Gcm => 12,
            Self::A128CbcHs256 => 16,
        }
    }
}

/// Bytes of the authentication tag, for every [`ContentEncryption`] of the table.
pub(crate) const TAG_BYTES: usize = 16;

impl std::fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The curve of an agreement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exchange {
    /// A curve of RFC 7518 6.2.1.1.
    Ec(crate::algorithm::Curve),
    /// RFC 7748, as RFC 8037 carries it.
    X25519,
}

impl Exchange {
    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ec(curve) => curve.name(),
            Self::X25519 => "X25519",
        }
    }
}
