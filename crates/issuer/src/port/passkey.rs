//! WebAuthn credentials.

use super::account::CredentialChange;
use super::{At, StoreResult};
use crate::model::{Answered, EventDraft, Passkey, PasskeyId, Rule, UserId};
use async_trait::async_trait;
use serde_json::Value;

/// What came of keeping a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AddedPasskey {
    /// Kept; the rules written.
    Added(Vec<Rule>),
    /// The credential id is known already (WebAuthn 7.1 step 26).
    Known,
    /// The account has as many as it may.
    Full,
    /// The challenge was answered before, or is too old by now.
    Stale,
    /// No such user.
    NoSuchUser,
}

/// What a sign-in changes about a credential.
#[derive(Clone, Debug)]
pub struct UsedPasskey {
    /// Which.
    pub id: PasskeyId,
    /// The challenge that was answered.
    pub answered: Answered,
    /// As it was when the answer was judged: guards the write.
    pub counter_before: u32,
    /// The new count.
    pub counter: u32,
    /// Flag BS.
    pub backed_up: bool,
    /// The library's form after the sign-in.
    pub credential: Value,
}

/// WebAuthn credentials.
#[async_trait]
pub trait Passkeys: Send + Sync {
    /// Keeps a new one, at most [`crate::model::passkey::MOST_PASSKEYS`] an account, and its challenge as
    /// answered.
    async fn add_passkey(
        &self,
        change: CredentialChange,
        passkey: Passkey,
        answered: Answered,
    ) -> StoreResult<AddedPasskey>;
    /// The person's, oldest first.
    async fn list_passkeys(&self, user: &UserId) -> StoreResult<At<Vec<Passkey>>>;
    /// By credential id.
    async fn passkey(&self, credential_id: &[u8]) -> StoreResult<At<Option<Passkey>>>;
    /// Notes a use, and its challenge as answered. `false`, and nothing is written: the challenge was answered
    /// before or is too old by now, another answer with the same counter was first, or the key is gone.
    async fn use_passkey(&self, used: UsedPasskey) -> StoreResult<bool>;
    /// Notes an answer whose counter went back, and its challenge as answered. `false`, and nothing is written:
    /// the challenge was answered before (the answer is a replay, not a copied key) or is too old by now.
    async fn suspect_passkey(&self, answered: Answered, event: EventDraft) -> StoreResult<bool>;
    /// Another name. `false`: not this person's.
    async fn rename_passkey(
        &self,
        user: &UserId,
        id: PasskeyId,
        name: &str,
        event: EventDraft,
    ) -> StoreResult<bool>;
    /// Removes one. `None`: not this person's.
    async fn remove_passkey(&self, change: CredentialChange, id: PasskeyId)
    -> StoreResult<Option<Vec<Rule>>>;
}
