//! The event log.

use super::{At, StoreResult};
use crate::model::{Event, EventDraft, UserId};
use async_trait::async_trait;

/// The event log.
#[async_trait]
pub trait Events: Send + Sync {
    /// Those after `seq`, in order, at most `limit`. Events of one transaction are never split in time: a
    /// reader that saw `seq` misses none below it.
    async fn events_after(&self, seq: i64, limit: u32) -> StoreResult<At<Vec<Event>>>;
    /// The newest position (0: none).
    async fn last_event(&self) -> StoreResult<i64>;
    /// The newest about this person, newest first, at most `limit`.
    async fn events_of(&self, user: &UserId, limit: u32) -> StoreResult<Vec<Event>>;
    /// Writes one that belongs to no change (a failed sign-in).
    async fn note(&self, event: EventDraft) -> StoreResult<()>;
}
