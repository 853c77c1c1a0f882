//! WebAuthn credentials.

use crate::SqliteStore;
use async_trait::async_trait;
use countersign_issuer::model::{EventDraft, Passkey, PasskeyId, Rule, UserId};
use countersign_issuer::port::{AddedPasskey, At, CredentialChange, Passkeys, StoreResult, UsedPasskey};

#[expect(clippy::todo, unused_variables, reason = "skeleton")]
#[async_trait]
impl Passkeys for SqliteStore {
    async fn add_passkey(&self, change: CredentialChange, passkey: Passkey) -> StoreResult<AddedPasskey> {
        todo!()
    }
    async fn list_passkeys(&self, user: &UserId) -> StoreResult<At<Vec<Passkey>>> {
        todo!()
    }
    async fn passkey(&self, credential_id: &[u8]) -> StoreResult<At<Option<Passkey>>> {
        todo!()
    }
    async fn use_passkey(&self, used: UsedPasskey) -> StoreResult<bool> {
        todo!()
    }
    async fn rename_passkey(
        &self,
        user: &UserId,
        id: PasskeyId,
        name: &str,
        event: EventDraft,
    ) -> StoreResult<bool> {
        todo!()
    }
    async fn remove_passkey(
        &self,
        change: CredentialChange,
        id: PasskeyId,
    ) -> StoreResult<Option<Vec<Rule>>> {
        todo!()
    }
}
