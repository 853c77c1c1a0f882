//! Confirmed phone numbers: one an account.

use super::StoreResult;
use super::account::CredentialChange;
use crate::model::Rule;
use async_trait::async_trait;

/// Phone numbers.
#[async_trait]
pub trait Phones: Send + Sync {
    /// Keeps a confirmed number (E.164); the one before is gone. `None`: no such user.
    async fn put_phone(&self, change: CredentialChange, number: &str) -> StoreResult<Option<Vec<Rule>>>;
    /// Removes it. `None`: there was none.
    async fn remove_phone(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
}
