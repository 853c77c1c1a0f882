//! The event log.

use super::{At, StoreResult};
use crate::model::{
    BrowserSessionId, ClientId, ClientSessionId, Event, EventDraft, EventKind, KeptEvent, UserId,
};
use crate::seal::LogKey;
use async_trait::async_trait;
use countersign_token::Timestamp;

/// Where a search begins, and which way it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Going {
    /// Oldest first, after this position.
    On(i64),
    /// Newest first, before this position; `None`: from the newest.
    Back(Option<i64>),
}

/// Which events are looked for: those that all of it is true of.
#[derive(Clone, PartialEq, Debug)]
pub struct EventFilter {
    /// Of one of these kinds; empty: any.
    pub kinds: Vec<EventKind>,
    /// About this person.
    pub user: Option<UserId>,
    /// About this client.
    pub client: Option<ClientId>,
    /// About this client session.
    pub session: Option<ClientSessionId>,
    /// About this browser session.
    pub browser: Option<BrowserSessionId>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// From where, and which way.
    pub going: Going,
}

impl EventFilter {
    /// All of them.
    pub fn all(going: Going) -> Self {
        Self {
            kinds: Vec::new(),
            user: None,
            client: None,
            session: None,
            browser: None,
            since: None,
            until: None,
            going,
        }
    }
}

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
    /// Those the filter is true of, at most `limit`; fewer only when there are no more. Kinds of a newer
    /// version are left out.
    async fn find_events(&self, filter: &EventFilter, limit: u32) -> StoreResult<Vec<Event>>;
    /// Writes one that belongs to no change (a failed sign-in).
    async fn note(&self, event: EventDraft) -> StoreResult<()>;
    /// From now on every event is linked to the one before it, in its transaction. The first key counts: a
    /// store has one.
    async fn link_with(&self, key: LogKey) -> StoreResult<()>;
    /// As they are kept, after `seq`, in order, at most `limit`.
    async fn kept_events(&self, after: i64, limit: u32) -> StoreResult<Vec<KeptEvent>>;
}
