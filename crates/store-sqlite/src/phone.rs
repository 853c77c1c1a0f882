//! Confirmed phone numbers.

use crate::SqliteStore;
use async_trait::async_trait;
use countersign_issuer::model::Rule;
use countersign_issuer::port::{CredentialChange, Phones, StoreResult};

#[expect(clippy::todo, unused_variables, reason = "skeleton")]
#[async_trait]
impl Phones for SqliteStore {
    async fn put_phone(&self, change: CredentialChange, number: &str) -> StoreResult<Option<Vec<Rule>>> {
        todo!()
    }
    async fn remove_phone(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>> {
        todo!()
    }
}
