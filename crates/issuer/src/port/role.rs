//! Roles.

use super::StoreResult;
use crate::model::{EventDraft, Role};
use async_trait::async_trait;

/// Roles.
#[async_trait]
pub trait Roles: Send + Sync {
    /// Creates or replaces.
    async fn apply_role(&self, role: Role, event: EventDraft) -> StoreResult<()>;
    /// All, by name (there are few).
    async fn list_roles(&self) -> StoreResult<Vec<Role>>;
    /// Removes it, from everybody too. `false`: no such role.
    async fn remove_role(&self, name: &str, event: EventDraft) -> StoreResult<bool>;
}
