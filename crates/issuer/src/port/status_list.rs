//! Status lists as they are kept: which entries are given to whom, and which of them rules cover.

use super::{At, StoreResult};
use crate::model::status::StatusEntry;
use crate::model::{ClientId, ClientSessionId, UserId};
use async_trait::async_trait;
use countersign_token::Timestamp;

/// A client session that gets an entry.
#[derive(Clone, Debug)]
pub struct StatusMember {
    /// The session.
    pub sid: ClientSessionId,
    /// Whose.
    pub user: UserId,
    /// At which client.
    pub client: ClientId,
    /// `iat` of the first token with the entry, in seconds: rules with a cutoff from there on cover it.
    pub since: i64,
    /// No token with the entry can be alive then.
    pub until: Timestamp,
}

/// Entries in a row that a live rule covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StatusHit {
    /// The first.
    pub first: StatusEntry,
    /// How many.
    pub count: u32,
    /// When the rule is over.
    pub until: Timestamp,
}

/// How far somebody has read what rules cover. The default is the beginning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct StatusScan {
    /// The rule to go on with, by row.
    pub rule: i64,
    /// Within it: after the entry of this number.
    pub entry: i64,
    /// The last row read of entries that were born covered.
    pub late: i64,
}

/// A page of that.
#[derive(Clone, Debug, Default)]
pub struct StatusPage {
    /// What is covered.
    pub hits: Vec<StatusHit>,
    /// Where to go on.
    pub next: StatusScan,
    /// There was no more.
    pub end: bool,
    /// A rule from this row on may still change, and has to be read again later.
    pub unsettled: Option<i64>,
}

/// Status lists.
#[async_trait]
pub trait StatusLists: Send + Sync {
    /// The lists there are, by number.
    async fn status_lists(&self) -> StoreResult<At<Vec<u32>>>;
    /// Gives a stretch of [`crate::model::status::LEASED`] entries that nobody had before; `pick` chooses
    /// among those free in the oldest list that has room. With `client`, they are for tokens of that machine
    /// made from `since` (seconds) on: rules about it cover them. `until`: as [`StatusMember::until`].
    async fn lease_status(
        &self,
        client: Option<&ClientId>,
        since: i64,
        until: Timestamp,
        pick: u32,
    ) -> StoreResult<StatusEntry>;
    /// The session's entry, and since when it has it, in seconds.
    async fn session_status(&self, sid: ClientSessionId) -> StoreResult<Option<(StatusEntry, i64)>>;
    /// Gives the session `entry` in place of `before`. Answers the one it has: somebody may have been first.
    async fn assign_status(
        &self,
        member: StatusMember,
        entry: StatusEntry,
        before: Option<StatusEntry>,
    ) -> StoreResult<StatusEntry>;
    /// What live rules cover, from there on: about `limit` hits at most. An entry given after its rule was
    /// written is told too.
    async fn status_hits(&self, from: StatusScan, limit: u32) -> StoreResult<StatusPage>;
    /// Forgets members whose tokens are all dead, and lists without any; about `limit` rows. Answers how many.
    async fn sweep_status(&self, limit: u32) -> StoreResult<u64>;
}
