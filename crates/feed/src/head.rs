//! The signed head: "these are all rules of this epoch, as of this moment".

use crate::{Chain, Salt};
use countersign_token::{
    Algorithm, Jwk, KeyError, KeySet, Policy, SigningKey, Timestamp, TokenType, VerifyError, VerifyingKey,
    base64url, verify,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `typ` of a head.
pub const TYP: &str = "revhead+jwt";

/// How far a head's `as_of` may be ahead of the follower's wall clock, and how long after its `exp` it counts.
pub const SKEW: Duration = Duration::from_secs(5);

/// Claims of a head.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The issuer whose tokens the rules are about.
    pub iss: String,
    /// `<iss>/rev`.
    pub aud: String,
    /// The feed: random, made with the store; base64url.
    pub feed: FeedId,
    /// Goes up when the store was put back from a backup; the log then starts again.
    pub epoch: u64,
    /// Rules in the log of this epoch.
    pub seq: u64,
    /// Milliseconds since 1970: every revocation acknowledged before is among the first `seq` rules.
    pub as_of: i64,
    /// The chain over those rules.
    pub chain: Chain,
    /// A snapshot of the same epoch, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snap: Option<SnapRef>,
    /// The salt of names.
    pub salt: Salt,
    /// Heads come this often, in milliseconds.
    pub hb_ms: u64,
    /// What the issuer recommends.
    pub policy: Staleness,
    /// SHA-256 of the JWKS document as the issuer serves it now, base64url: another value means fetch the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Chain>,
    /// Thumbprint of the feed key to come, from 24 h before it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_key: Option<String>,
    /// Seconds; a head is not believed afterwards.
    pub exp: i64,
}

/// A snapshot, named by its content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapRef {
    /// It covers the first so many rules.
    pub seq: u64,
    /// Where it is.
    pub url: String,
    /// SHA-256 of its bytes, base64url.
    pub sha256: Chain,
}

/// How old knowledge of revocations may get, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Staleness {
    /// Beyond this: an alarm.
    pub soft: u64,
    /// Beyond this: the rule of the route (refuse, accept young tokens, ask the issuer).
    pub hard: u64,
}

impl Default for Staleness {
    fn default() -> Self {
        Self { soft: 5, hard: 60 }
    }
}

/// Names a feed: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeedId(pub [u8; 16]);

impl TryFrom<String> for FeedId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = base64url::decode(text).and_then(|b| b.try_into().ok());
        bytes.map(Self).ok_or("16 bytes, base64url")
    }
}

impl From<FeedId> for String {
    fn from(feed: FeedId) -> Self {
        base64url::encode(feed.0)
    }
}

impl Head {
    /// What heads of an issuer carry in `aud`.
    pub fn audience(issuer: &str) -> String {
        format!("{issuer}/rev")
    }

    /// Signs it.
    pub fn sign(&self, key: &SigningKey) -> Result<String, KeyError> {
        key.sign(TYP, self)
    }

    /// Heads are ordered: only a later one counts.
    pub fn order(&self) -> (u64, u64, i64) {
        (self.epoch, self.seq, self.as_of)
    }
}

/// The feed keys believed, for one issuer.
#[derive(Clone, Debug)]
pub struct Pins {
    keys: KeySet,
    fresh: Policy,
    kept: Policy,
}

impl Pins {
    /// Pins these keys of the metadata. Feed keys sign with Ed25519; others are left out, and so are keys whose
    /// id is not their thumbprint: a known id must not stand for another key.
    pub fn new(issuer: &str, keys: &[Jwk]) -> Self {
        let read = |jwk: &Jwk| {
            let named = jwk.kid.is_some() && jwk.kid == jwk.thumbprint();
            VerifyingKey::from_jwk(jwk, Some(Algorithm::Ed25519)).ok().filter(|_| named)
        };
        let keys = KeySet::new(keys.iter().filter_map(read));
        let policy = Policy::issuer(issuer)
            .audience([Head::audience(issuer)])
            .token_type(TokenType::Named(TYP))
            .algorithms(&[Algorithm::Ed25519]);
        Self { keys, fresh: policy.clone().leeway(SKEW), kept: policy.expired_is_fine() }
    }

    /// Whether a key of that thumbprint is pinned.
    pub fn has(&self, kid: &str) -> bool {
        self.keys.get(kid).is_some()
    }

    /// The keys with these thumbprints only.
    #[must_use]
    pub fn only(&self, which: impl Fn(&str) -> bool) -> Self {
        let keys = self.keys.iter().filter(|key| key.kid().is_some_and(&which)).cloned();
        Self { keys: KeySet::new(keys), fresh: self.fresh.clone(), kept: self.kept.clone() }
    }

    /// No key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Reads a head from the network: signature, type, issuer, audience, `exp`.
    pub fn read(&self, jws: &str, now: Timestamp) -> Result<Head, VerifyError> {
        verify::<Head>(jws, &self.keys, &self.fresh, now).map(|v| v.claims)
    }

    /// Reads a head that was kept on disk, whose `exp` may have passed: its rules count, its age shows.
    pub fn read_kept(&self, jws: &str, now: Timestamp) -> Result<Head, VerifyError> {
        verify::<Head>(jws, &self.keys, &self.kept, now).map(|v| v.claims)
    }
}
