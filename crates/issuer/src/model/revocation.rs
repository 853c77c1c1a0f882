//! Revocation rules: a token is revoked if any live rule matches. Rules only get added and expire.

use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};

/// What a rule names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// One token.
    Jti,
    /// A client session.
    Sid,
    /// A user (or a machine's `sub`).
    Sub,
    /// A client.
    Cid,
    /// A signing key.
    Kid,
    /// Everything of this issuer.
    Iss,
    /// Subjects in a bucket: those whose name in the feed begins with these 16 bits.
    Bucket,
}

impl RuleKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Jti, Self::Sid, Self::Sub, Self::Cid, Self::Kid, Self::Iss, Self::Bucket];

    /// The name on the wire and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Sid => "sid",
            Self::Sub => "sub",
            Self::Cid => "cid",
            Self::Kid => "kid",
            Self::Iss => "iss",
            Self::Bucket => "subpfx",
        }
    }
}

/// Tokens with `iat` <= this are covered, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cutoff(pub i64);

impl Cutoff {
    /// Whatever its `iat`.
    pub const ALWAYS: Self = Self(i64::MAX);
}

/// One rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// What is named.
    pub kind: RuleKind,
    /// Its id (`jti`, `sid`, user id, client id, `kid`; the issuer for [`RuleKind::Iss`], a number for
    /// [`RuleKind::Bucket`]).
    pub id: String,
    /// Which of its tokens.
    pub cutoff: Cutoff,
    /// The latest `exp` a covered token can have; the rule drops out then.
    pub until: Timestamp,
}
