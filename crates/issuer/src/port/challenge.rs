//! Codes and links on their way: who answers first and right, decided in one transaction.

use super::{At, StoreResult};
use crate::login::Purpose;
use crate::model::{AskedFrom, Challenge, ChallengeId, Digest, EventDraft, Factor, Sealed, UserId};
use async_trait::async_trait;
use std::time::Duration;

/// A challenge to be. Its message travels with the event ([`EventDraft::telling`]).
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// Minted by the flow.
    pub id: ChallengeId,
    /// Whose; `None` with a sign-up.
    pub user: Option<UserId>,
    /// What a right answer is good for.
    pub purpose: Purpose,
    /// What it proves.
    pub factor: Factor,
    /// Digest of the flow that asks.
    pub flow: Digest,
    /// Address or number.
    pub target: String,
    /// The person's, as read by the flow.
    pub credential_version: u32,
    /// Keyed digest of the code ([`crate::seal::Sealer::code`]).
    pub code: Option<Digest>,
    /// Digest of the link's secret.
    pub link: Option<Digest>,
    /// More, sealed.
    pub payload: Option<Sealed>,
    /// Where it was asked for.
    pub asked_from: AskedFrom,
    /// Life from now.
    pub life: Duration,
    /// How many flows of this person, purpose and factor may wait at a time; the oldest beyond are void.
    pub most_flows: u8,
}

/// What came of a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tried {
    /// Right; spent now.
    Right(Box<Challenge>),
    /// Wrong, and how many tries are left; at 0 it is void.
    Wrong {
        /// Tries left.
        left: u8,
    },
    /// None waits: never asked, spent, expired, void, tries used up.
    Ended,
}

/// Challenges.
#[async_trait]
pub trait Challenges: Send + Sync {
    /// Keeps a new one and its message. One that waits for the same person, purpose, factor and flow is void.
    async fn ask(&self, new: NewChallenge, event: EventDraft) -> StoreResult<()>;
    /// Tries a code on the challenge that waits for this person, purpose, factor and flow (`None`: the newest
    /// flow). Right and in time: spent. Wrong: one try less. The guess and its count are one transaction, so
    /// that 64 at once are no more than five.
    async fn try_code(
        &self,
        user: &UserId,
        purpose: Purpose,
        factor: Factor,
        flow: Option<&Digest>,
        code: &Digest,
    ) -> StoreResult<At<Tried>>;
    /// What a link names, spent or not, until an hour after its end: a page is shown, nothing changes.
    async fn link(&self, link: &Digest) -> StoreResult<At<Option<Challenge>>>;
    /// Spends what a link names. `None`: nothing waits behind it any more.
    async fn spend_link(&self, link: &Digest) -> StoreResult<At<Option<Challenge>>>;
    /// Voids what waits for the person and purpose.
    async fn void_challenges(&self, user: &UserId, purpose: Purpose) -> StoreResult<()>;
}
