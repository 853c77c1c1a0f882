//! Recovery codes.

use crate::SqliteStore;
use async_trait::async_trait;
use countersign_issuer::model::{Digest, EventDraft, Rule, UserId};
use countersign_issuer::port::{At, CredentialChange, RecoveryCodes, StoreResult};

#[expect(clippy::todo, unused_variables, reason = "skeleton")]
#[async_trait]
impl RecoveryCodes for SqliteStore {
    async fn put_recovery_codes(
        &self,
        change: CredentialChange,
        codes: Vec<Digest>,
    ) -> StoreResult<Option<Vec<Rule>>> {
        todo!()
    }
    async fn use_recovery_code(
        &self,
        user: &UserId,
        code: &Digest,
        event: EventDraft,
    ) -> StoreResult<At<Option<u16>>> {
        todo!()
    }
}
