//! Signing keys and refresh keys.

use super::{At, StoreResult};
use crate::model::{EventDraft, KeyRecord, KeyState, RefreshKeyRecord, Rule, Sealed};
use async_trait::async_trait;
use std::time::Duration;

/// Everything that is kept sealed, sealed anew.
#[derive(Clone, Debug, Default)]
pub struct Resealed {
    /// Signing keys by `kid`.
    pub keys: Vec<(String, Sealed)>,
    /// Refresh keys by version.
    pub refresh: Vec<(u16, Sealed)>,
    /// Secrets of resources by identifier.
    pub resources: Vec<(String, Sealed)>,
}

/// Signing keys and refresh keys. Every change raises the key set's version in the same transaction.
#[async_trait]
pub trait Keys: Send + Sync {
    /// All that are not archived for good, and the key set's version.
    async fn load_keys(&self) -> StoreResult<At<(Vec<KeyRecord>, i64)>>;
    /// First start: writes the keys if there are none yet. `false`: somebody was first.
    async fn init_keys(
        &self,
        keys: Vec<KeyRecord>,
        refresh: RefreshKeyRecord,
        event: EventDraft,
    ) -> StoreResult<bool>;
    /// Adds a pending key if the version is still `seen`. `false`: somebody was first.
    async fn add_key(&self, key: KeyRecord, seen: i64, event: EventDraft) -> StoreResult<bool>;
    /// Moves keys on, all or none, if the version is still `seen`: `(kid, from, to)`; times are the
    /// store's. `false`: somebody was first.
    async fn move_keys(
        &self,
        moves: Vec<(String, KeyState, KeyState)>,
        seen: i64,
        event: EventDraft,
    ) -> StoreResult<bool>;
    /// Withdraws: state, and rule `kid` (cutoff always, `until` = now + given). With `replacement`, that key
    /// is added as active in the same transaction. `None`: no such key, or withdrawn already.
    async fn withdraw_key(
        &self,
        kid: &str,
        replacement: Option<KeyRecord>,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// The refresh keys, newest last.
    async fn load_refresh_keys(&self) -> StoreResult<Vec<RefreshKeyRecord>>;
    /// Adds one if its version is the next. `false`: somebody was first.
    async fn add_refresh_key(&self, key: RefreshKeyRecord, event: EventDraft) -> StoreResult<bool>;
    /// Writes every sealed form anew, under another master key. `false`: these are not exactly the sealed
    /// forms that are kept (somebody added or removed one); nothing was written.
    async fn reseal(&self, all: Resealed) -> StoreResult<bool>;
}
