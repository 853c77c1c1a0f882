//! What a verifier knows of itself: for health checks, metrics and the curious.

use serde::Serialize;
use std::time::Duration;

/// The state of a [`crate::Verifier`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The revocation feed; none while the issuer is not known to have one, or when it is not followed.
    pub feed: Option<FeedStatus>,
    /// The issuer's keys.
    pub keys: KeyStatus,
    /// The cache of verified tokens.
    pub cache: CacheStatus,
}

/// The revocation feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FeedStatus {
    /// A stream or poll is under way and its last answer was good.
    pub connected: bool,
    /// Epoch of the newest proven head; zero when there is none.
    pub epoch: u64,
    /// Rules of that epoch so far, live and over.
    pub seq: u64,
    /// Live rules held.
    pub rules: usize,
    /// How old the knowledge is. None: nothing was ever proven.
    pub age: Option<Duration>,
    /// Older than the soft bound: something is wrong, nothing is refused yet.
    pub soft_exceeded: bool,
    /// Older than the verifier's hard bound: [`crate::OnStale`] decides. A route may have a bound of its own.
    pub hard_exceeded: bool,
    /// Heads of the feed's own key contradict each other. Nothing counts until a later epoch comes.
    pub forked: bool,
    /// The last trouble, for people. Stays until the next good head.
    pub trouble: Option<String>,
}

/// The issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyStatus {
    /// How many; none while none were ever had.
    pub loaded: Option<usize>,
    /// Time since they were fetched; zero for keys given to the builder.
    pub age: Duration,
    /// Why the last fetch failed, if it did.
    pub failure: Option<String>,
}

/// The cache of verified tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheStatus {
    /// Most tokens kept.
    pub capacity: usize,
    /// Tokens kept now; some may be over.
    pub entries: usize,
}

/// Where a feed stands; see [`crate::Verifier::feed_changes`]. Changes with every rule and every change of the
/// connection, not with every head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct FeedChange {
    /// Epoch of the newest proven head.
    pub epoch: u64,
    /// Rules of that epoch so far.
    pub seq: u64,
    /// Hints applied so far: rules of the issuer's own stream that no head had covered yet.
    pub hints: u64,
    /// See [`FeedStatus::connected`].
    pub connected: bool,
    /// See [`FeedStatus::forked`].
    pub forked: bool,
}
