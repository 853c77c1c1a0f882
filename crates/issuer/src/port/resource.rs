//! Protected resources.

use super::StoreResult;
use crate::model::{EventDraft, Resource};
use async_trait::async_trait;

/// Protected resources.
#[async_trait]
pub trait Resources: Send + Sync {
    /// Creates or replaces them, all in one transaction.
    async fn apply_resources(&self, resources: Vec<Resource>, events: Vec<EventDraft>) -> StoreResult<()>;
    /// All, by identifier (there are few: at most some thousand).
    async fn list_resources(&self) -> StoreResult<Vec<Resource>>;
    /// Removes it. `false`: no such resource.
    async fn remove_resource(&self, resource: &str, event: EventDraft) -> StoreResult<bool>;
}
