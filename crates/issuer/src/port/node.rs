//! The store as a whole: its clock, its epoch, its health, and what the live nodes have seen.

use super::StoreResult;
use async_trait::async_trait;
use countersign_token::Timestamp;

/// The store as a whole.
#[async_trait]
pub trait Node: Send + Sync {
    /// The store's clock as this process last knew it, never ahead of the store's own; for values served
    /// from a cache. SQLite: its `Clock`.
    fn cached_now(&self) -> Timestamp;
    /// Round trip: the store answers, its migrations are those of this binary. The store's clock.
    async fn ping(&self) -> StoreResult<Timestamp>;
    /// Goes up when the store was restored or failed over.
    async fn epoch(&self) -> StoreResult<u32>;
    /// This node is alive and has loaded the key set of that version.
    async fn heartbeat(&self, node: &str, key_version: i64) -> StoreResult<()>;
    /// The lowest key set version that all nodes alive (heard of in the last 10 s) have loaded;
    /// `None`: nobody is alive.
    async fn keys_seen_by_all(&self) -> StoreResult<Option<i64>>;
    /// Deletes rows that are of no more use (spent and expired codes, expired sessions and rules), at most
    /// `limit` of each kind; answers how many.
    async fn sweep(&self, limit: u32) -> StoreResult<u64>;
}
