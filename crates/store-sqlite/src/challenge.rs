//! Codes and links on their way.

use crate::SqliteStore;
use async_trait::async_trait;
use countersign_issuer::login::Purpose;
use countersign_issuer::model::{Challenge, Digest, EventDraft, Factor, UserId};
use countersign_issuer::port::{At, Challenges, NewChallenge, StoreResult, Tried};

#[expect(clippy::todo, unused_variables, reason = "skeleton")]
#[async_trait]
impl Challenges for SqliteStore {
    async fn ask(&self, new: NewChallenge, event: EventDraft) -> StoreResult<()> {
        todo!()
    }
    async fn try_code(
        &self,
        user: &UserId,
        purpose: Purpose,
        factor: Factor,
        flow: Option<&Digest>,
        code: &Digest,
    ) -> StoreResult<At<Tried>> {
        todo!()
    }
    async fn link(&self, link: &Digest) -> StoreResult<At<Option<Challenge>>> {
        todo!()
    }
    async fn spend_link(&self, link: &Digest) -> StoreResult<At<Option<Challenge>>> {
        todo!()
    }
    async fn void_challenges(&self, user: &UserId, purpose: Purpose) -> StoreResult<()> {
        todo!()
    }
}
