//! Clients.

use super::{Page, StoreResult};
use crate::model::{Client, ClientId, EventDraft, Rule};
use async_trait::async_trait;
use std::time::Duration;

/// Clients.
#[async_trait]
pub trait Clients: Send + Sync {
    /// Creates or replaces them, all in one transaction; `updated_at` is the store's clock.
    async fn apply_clients(&self, clients: Vec<Client>, events: Vec<EventDraft>) -> StoreResult<()>;
    /// By id.
    async fn client(&self, id: &ClientId) -> StoreResult<Option<Client>>;
    /// A page by id.
    async fn list_clients(&self, page: Page) -> StoreResult<Vec<Client>>;
    /// Removes it, its codes, consents and client sessions; writes rule `cid` (cutoff now, since a client of
    /// the same name may be made again; `until` = now + the duration given). `None`: no such client.
    async fn remove_client(
        &self,
        id: &ClientId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Every origin that any client may call from (for preflights, which name no client).
    async fn all_origins(&self) -> StoreResult<Vec<String>>;
}
