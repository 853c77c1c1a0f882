//! Authenticator apps.

use crate::SqliteStore;
use async_trait::async_trait;
use countersign_issuer::model::{Rule, Sealed, UserId};
use countersign_issuer::port::{At, CredentialChange, StoreResult, Totps};

#[expect(clippy::todo, unused_variables, reason = "skeleton")]
#[async_trait]
impl Totps for SqliteStore {
    async fn put_totp(
        &self,
        change: CredentialChange,
        secret: Sealed,
        step: i64,
    ) -> StoreResult<Option<Vec<Rule>>> {
        todo!()
    }
    async fn totp(&self, user: &UserId) -> StoreResult<At<Option<(Sealed, i64)>>> {
        todo!()
    }
    async fn use_totp(&self, user: &UserId, step: i64) -> StoreResult<bool> {
        todo!()
    }
    async fn remove_totp(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>> {
        todo!()
    }
}
