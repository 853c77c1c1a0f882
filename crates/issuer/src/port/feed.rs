//! The revocation feed as it is kept: rules waiting for their number, the log, snapshots, and who has it.

use super::{At, StoreResult};
use crate::model::{ClientId, Cutoff, EventDraft, Rule};
use async_trait::async_trait;
use countersign_feed::head::FeedId;
use countersign_feed::{self as wire, Chain, Salt};
use countersign_token::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Where a log stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The epoch.
    pub epoch: u64,
    /// Rules in its log.
    pub seq: u64,
    /// The chain over them.
    pub chain: Chain,
}

/// The feed as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedState {
    /// Its id.
    pub id: FeedId,
    /// The salt of its names.
    pub salt: Salt,
    /// The end of its log.
    pub at: Position,
    /// The newest snapshot of this epoch: rules covered, SHA-256.
    pub snapshot: Option<(u64, Chain)>,
}

/// A rule as a transaction wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Its row.
    pub row: i64,
    /// The rule.
    pub rule: Rule,
    /// When it was written, unless its cutoff is final (it had a number in an earlier epoch).
    pub written_at: Option<Timestamp>,
}

/// What waits for numbers, oldest first, and the log it is to follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Load {
    /// The feed.
    pub state: FeedState,
    /// The rules.
    pub waiting: Vec<Waiting>,
    /// There are more of them.
    pub more: bool,
}

/// A row that got its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbered {
    /// The row.
    pub row: i64,
    /// Its number.
    pub seq: u64,
    /// Its cutoff as published.
    pub cutoff: Cutoff,
}

/// What comes next in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// The end of the log this was decided on.
    pub after: Position,
    /// The store's clock when it was read.
    pub read_at: Timestamp,
    /// What comes.
    pub rules: Vec<wire::Rule>,
    /// Which rows these are; entries of the log that are no row's are left out.
    pub rows: Vec<Numbered>,
    /// The chain at the end of each block that these rules fill, in order.
    pub fills: Vec<Chain>,
    /// The chain at the end.
    pub chain: Chain,
}

impl Append {
    /// Where the log stands afterwards.
    pub fn end(&self) -> Position {
        let added = u64::try_from(self.rules.len()).unwrap_or(u64::MAX);
        Position { epoch: self.after.epoch, seq: self.after.seq.saturating_add(added), chain: self.chain }
    }
}

/// A numbered rule about somebody's tokens, or a bucket of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finer {
    /// Its row.
    pub row: i64,
    /// The rule.
    pub rule: Rule,
    /// `sub` of the tokens it covers, where it is known.
    pub sub: Option<String>,
    /// When it first got a number.
    pub numbered_at: Timestamp,
}

/// A verifier that authenticates, and what it last acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// The client it authenticated as.
    pub client: ClientId,
    /// Its own name.
    pub verifier: String,
    /// Epoch it has.
    pub epoch: u64,
    /// Rules of that epoch it has.
    pub seq: u64,
    /// When it first said so.
    pub reached_at: Timestamp,
    /// When it was last heard.
    pub seen_at: Timestamp,
    /// Its hard staleness bound, in seconds.
    pub hard: u64,
    /// What its routes do beyond that.
    pub modes: Vec<String>,
}

/// The feed.
#[async_trait]
pub trait Feeds: Send + Sync {
    /// The feed and the store's clock. `None`: none was begun.
    async fn feed(&self) -> StoreResult<At<Option<FeedState>>>;
    /// Begins it, in epoch 1. `false`: there is one.
    async fn begin_feed(&self, id: FeedId, salt: Salt, genesis: Chain) -> StoreResult<bool>;
    /// State and the first `limit` rules that wait, of one moment; the clock is not later than that moment:
    /// what was numbered before it is within the state, and nothing else had been written. `None`: no feed.
    async fn waiting(&self, limit: u32) -> StoreResult<At<Option<Load>>>;
    /// Appends, if the log still ends where this was decided, and writes the blocks that fill.
    /// `false`: it does not; nothing was written.
    async fn append(&self, append: Append) -> StoreResult<bool>;
    /// Live numbered rules of kinds `jti`, `sid`, `sub` and bucket after that row and before the first one that
    /// waits, by row, at most `limit`; not those that buckets cover.
    async fn finer_rules(&self, after: i64, limit: u32) -> StoreResult<Vec<Finer>>;
    /// As [`Self::append`], where the first rules are these buckets: they take the place of earlier buckets and
    /// of rules with a known `sub` up to row `covered`, which are no longer live.
    async fn coarsen(&self, append: Append, buckets: Vec<Rule>, covered: i64) -> StoreResult<bool>;
    /// The log of that epoch after rule `after`: as far as a block or the tail reaches, at most `most` rules.
    /// `None`: another epoch, beyond its end, or swept.
    async fn log_after(&self, epoch: u64, after: u64, most: usize) -> StoreResult<Option<wire::Page>>;
    /// A full block. `None`: not full, another epoch, or swept.
    async fn block(&self, epoch: u64, block: u64) -> StoreResult<Option<wire::Page>>;
    /// Keeps a snapshot unless there is one as new, and the one before it. `false`: there is, or the epoch
    /// has passed.
    async fn save_snapshot(&self, epoch: u64, seq: u64, sha256: Chain, body: Vec<u8>) -> StoreResult<bool>;
    /// A snapshot's bytes.
    async fn snapshot(&self, epoch: u64, seq: u64) -> StoreResult<Option<Arc<[u8]>>>;
    /// Begins a later epoch if the log still ends at `seen`: its log is empty, every live rule waits for a
    /// number, and with `everything` (the issuer, and how long its tokens live) all tokens up to now + 2 s are
    /// revoked with it. `false`: somebody was first.
    async fn begin_epoch(
        &self,
        seen: Position,
        epoch: u64,
        genesis: Chain,
        everything: Option<(String, Duration)>,
        event: EventDraft,
    ) -> StoreResult<bool>;
    /// Notes acknowledgements; one that says the same again keeps its `reached_at`.
    async fn acknowledge(&self, all: Vec<Acknowledged>) -> StoreResult<()>;
    /// Verifiers heard of since then.
    async fn verifiers(&self, since: Timestamp) -> StoreResult<At<Vec<Acknowledged>>>;
    /// Tokens made from now on live that long at most. Every rule written from now on lives as long as any
    /// token can that was made under this life or a longer one before. A shorter life than the one noted counts
    /// with `lower` only: others may still make tokens under it.
    async fn token_life(&self, life: Duration, lower: bool) -> StoreResult<()>;
}
