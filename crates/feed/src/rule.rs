//! Rules and the names they go by on the wire.
//!
//! A token is revoked if any live rule covers it. Rules are only added and expire by themselves, so one that
//! comes twice, late or out of order does no harm.

use crate::FormatError;
use countersign_token::provider::{DEFAULT, Provider};
use countersign_token::{Timestamp, base64url};
use serde::{Deserialize, Serialize};

/// What a rule names. The discriminants stand on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Everything of the issuer.
    Iss = 1,
    /// A signing key.
    Kid = 2,
    /// A client.
    Cid = 3,
    /// A subject: a user, or a machine.
    Sub = 4,
    /// A client session.
    Sid = 5,
    /// One token.
    Jti = 6,
    /// A bucket of subjects: those whose name ([`Names::sub`]) begins with the 16 bits in `h`.
    Bucket = 7,
    /// No rule about tokens, but the issuer's word that `Bucket` rules which stand before it in the same epoch,
    /// with a cutoff no lower than this one's, cover every token covered by the `Sub`, `Sid` and `Jti` rules
    /// that stand before it too and have no later `until` than this one's. So those may be dropped: a `Sub`
    /// rule only if its bucket is there with no earlier `until` and no lower cutoff than the rule's (of a rule
    /// that covers always: than this one's, since no later token exists), a `Sid` or `Jti` rule, whose bucket
    /// cannot be told from its name, only if some such bucket is there with no earlier `until`.
    Coarse = 8,
}

impl Kind {
    /// Every kind, in the order of the wire.
    pub const ALL: [Self; 8] =
        [Self::Iss, Self::Kid, Self::Cid, Self::Sub, Self::Sid, Self::Jti, Self::Bucket, Self::Coarse];

    /// Reads a discriminant.
    pub fn read(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iss => "iss",
            Self::Kid => "kid",
            Self::Cid => "cid",
            Self::Sub => "sub",
            Self::Sid => "sid",
            Self::Jti => "jti",
            Self::Bucket => "subpfx",
            Self::Coarse => "coarse",
        }
    }
}

/// Tokens with `iat` at or below this are covered, in whole seconds; the largest value covers them all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cutoff(pub u32);

impl Cutoff {
    /// Whatever its `iat`.
    pub const ALWAYS: Self = Self(u32::MAX);

    /// Whether a token of that `iat` is covered.
    pub fn covers(self, iat: i64) -> bool {
        self == Self::ALWAYS || iat <= i64::from(self.0)
    }
}

/// How long a rule stays after its `until`, in seconds: a verifier may allow 60 s of leeway after `exp`, and
/// its clock may be behind by [`crate::head::SKEW`].
pub const LINGER: i64 = 65;

/// One rule as it stands on the wire: 17 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rule {
    /// What is named.
    pub kind: Kind,
    /// Its name: [`Names`]; for [`Kind::Bucket`] the 16 bits, for [`Kind::Coarse`] zero.
    pub h: u64,
    /// Which of its tokens.
    pub cutoff: Cutoff,
    /// Whole seconds: the latest `exp` of a covered token. The rule drops out [`LINGER`] later.
    pub until: u32,
}

impl Rule {
    /// Bytes of a rule: kind, name, cutoff, until; numbers big-endian.
    pub const BYTES: usize = 17;

    /// Writes it.
    pub fn bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        let (kind, rest) = out.split_at_mut(1);
        kind.copy_from_slice(&[self.kind as u8]);
        let (h, rest) = rest.split_at_mut(8);
        h.copy_from_slice(&self.h.to_be_bytes());
        let (cutoff, until) = rest.split_at_mut(4);
        cutoff.copy_from_slice(&self.cutoff.0.to_be_bytes());
        until.copy_from_slice(&self.until.to_be_bytes());
        out
    }

    /// Reads one.
    pub fn read(bytes: &[u8; Self::BYTES]) -> Result<Self, FormatError> {
        let [kind, h0, h1, h2, h3, h4, h5, h6, h7, c0, c1, c2, c3, u0, u1, u2, u3] = *bytes;
        let kind = Kind::read(kind)
            .ok_or_else(|| FormatError::new("unsupported", format!("a rule of kind {kind}")))?;
        let rule = Self {
            kind,
            h: u64::from_be_bytes([h0, h1, h2, h3, h4, h5, h6, h7]),
            cutoff: Cutoff(u32::from_be_bytes([c0, c1, c2, c3])),
            until: u32::from_be_bytes([u0, u1, u2, u3]),
        };
        let narrow = match kind {
            Kind::Bucket => rule.h <= u64::from(u16::MAX),
            Kind::Coarse => rule.h == 0,
            _ => true,
        };
        if narrow { Ok(rule) } else { Err(FormatError::new("malformed", format!("a {} rule", kind.name()))) }
    }

    /// Whether it has dropped out: [`LINGER`] has passed since `until`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        i64::from(self.until).saturating_add(LINGER) <= now.seconds()
    }

    /// A moment as `until`: whole seconds, rounded up.
    pub fn until_of(moment: Timestamp) -> u32 {
        let seconds = moment.millis().saturating_add(999).div_euclid(1000);
        u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
    }
}

/// Random, per feed, in every head: names of one feed say nothing in another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt(pub [u8; 16]);

impl TryFrom<String> for Salt {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = base64url::decode(text).and_then(|b| b.try_into().ok());
        bytes.map(Self).ok_or("16 bytes, base64url")
    }
}

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        base64url::encode(salt.0)
    }
}

impl Salt {
    /// The name of an id: the first 8 bytes of SHA-256 over salt, kind, the issuer's length in two bytes,
    /// issuer and id. Never zero.
    pub fn name(&self, kind: Kind, issuer: &str, id: &str) -> u64 {
        let length = u16::try_from(issuer.len()).unwrap_or(u16::MAX);
        let mut text = Vec::with_capacity(16 + 1 + 2 + issuer.len() + id.len());
        text.extend_from_slice(&self.0);
        text.push(kind as u8);
        text.extend_from_slice(&length.to_be_bytes());
        text.extend_from_slice(issuer.as_bytes());
        text.extend_from_slice(id.as_bytes());
        let digest = DEFAULT.sha256(&text);
        u64::from_be_bytes(*digest.first_chunk().unwrap_or(&[1; 8])).max(1)
    }

    /// The names of everything a rule can say of a token.
    pub fn names(&self, token: &Subject<'_>) -> Names {
        let name = |kind, id| self.name(kind, token.iss, id);
        Names {
            salt: *self,
            iss: name(Kind::Iss, ""),
            kid: token.kid.map(|kid| name(Kind::Kid, kid)),
            cid: name(Kind::Cid, token.client_id),
            sub: name(Kind::Sub, token.sub),
            sid: token.sid.map(|sid| name(Kind::Sid, sid)),
            jti: token.jti.map(|jti| name(Kind::Jti, jti)),
        }
    }
}

/// What of a token rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// `iss`.
    pub iss: &'a str,
    /// The key that verified.
    pub kid: Option<&'a str>,
    /// `client_id`.
    pub client_id: &'a str,
    /// `sub`.
    pub sub: &'a str,
    /// `sid`.
    pub sid: Option<&'a str>,
    /// `jti`.
    pub jti: Option<&'a str>,
}

/// A token's names under one salt, computed once and kept beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Names {
    /// The salt they were made with.
    pub salt: Salt,
    /// Of the issuer (with an empty id).
    pub iss: u64,
    /// Of the key.
    pub kid: Option<u64>,
    /// Of the client.
    pub cid: u64,
    /// Of the subject; its first 16 bits are the bucket.
    pub sub: u64,
    /// Of the client session.
    pub sid: Option<u64>,
    /// Of the token.
    pub jti: Option<u64>,
}

impl Names {
    /// The bucket of the subject.
    pub fn bucket(&self) -> u64 {
        self.sub >> 48
    }
}
