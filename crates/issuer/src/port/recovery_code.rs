//! Recovery codes: ten a set, one use each.

use super::account::CredentialChange;
use super::{At, StoreResult};
use crate::model::{Digest, EventDraft, Rule, UserId};
use async_trait::async_trait;

/// Recovery codes.
#[async_trait]
pub trait RecoveryCodes: Send + Sync {
    /// Replaces the set by these keyed digests ([`crate::seal::Sealer::code`]). `None`: no such user.
    async fn put_recovery_codes(
        &self,
        change: CredentialChange,
        codes: Vec<Digest>,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Spends one; answers how many are left. `None`: no such code, or spent; then no event is written.
    async fn use_recovery_code(
        &self,
        user: &UserId,
        code: &Digest,
        event: EventDraft,
    ) -> StoreResult<At<Option<u16>>>;
}
