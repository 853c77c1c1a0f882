//! Authenticator apps (RFC 6238): one an account.

use super::account::CredentialChange;
use super::{At, StoreResult};
use crate::model::{Rule, Sealed, UserId};
use async_trait::async_trait;

/// Authenticator apps.
#[async_trait]
pub trait Totps: Send + Sync {
    /// Keeps a confirmed secret (sealed under `totp/<user>`); the one before is gone. `step`: the time step
    /// it was confirmed with, spent by that. `None`: no such user.
    async fn put_totp(
        &self,
        change: CredentialChange,
        secret: Sealed,
        step: i64,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// The secret and the last step used.
    async fn totp(&self, user: &UserId) -> StoreResult<At<Option<(Sealed, i64)>>>;
    /// Spends a step. `false`: it, or a later one, was spent before (RFC 6238 5.2), or there is no app.
    async fn use_totp(&self, user: &UserId, step: i64) -> StoreResult<bool>;
    /// Removes it. `None`: there was none.
    async fn remove_totp(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
}
