//! Remembered consents.

use super::StoreResult;
use crate::model::{ClientId, Consent, EventDraft, UserId};
use async_trait::async_trait;

/// Remembered consents.
#[async_trait]
pub trait Consents: Send + Sync {
    /// Remembers: adds scopes and resources to what is there; `granted_at` is the store's clock.
    /// Writes nothing when the person or the client is gone: the code that would follow is refused.
    async fn grant_consent(&self, consent: Consent, event: EventDraft) -> StoreResult<()>;
    /// What this person allowed this client.
    async fn consent(&self, user: &UserId, client: &ClientId) -> StoreResult<Option<Consent>>;
    /// Consents given, by client.
    async fn list_consents(&self, user: &UserId) -> StoreResult<Vec<Consent>>;
    /// Withdraws one and ends the person's sessions at that client, with a rule each. `None`: there was none.
    async fn withdraw_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        until: std::time::Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<crate::model::Rule>>>;
}
