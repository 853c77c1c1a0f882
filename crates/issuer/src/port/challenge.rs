//! Codes and links on their way: who answers first and right, decided in one transaction.
//!
//! Mail codes and links are one kind ([`Factor::same_channel`]): whichever was asked for last is the one
//! that waits.

use super::{At, StoreResult};
use crate::login::Purpose;
use crate::model::{AskedFrom, Challenge, ChallengeId, Digest, EventDraft, Factor, Sealed, UserId, Whose};
use async_trait::async_trait;
use std::time::Duration;

/// A challenge to be. Its message travels with the event ([`EventDraft::telling`]).
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// Minted by the flow.
    pub id: ChallengeId,
    /// Whose.
    pub whose: Whose,
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
    /// Keyed digest of the code ([`crate::seal::Sealer::code`]). `None`: no code is right.
    pub code: Option<Digest>,
    /// Digest of the link's secret.
    pub link: Option<Digest>,
    /// More, sealed.
    pub payload: Option<Sealed>,
    /// Where it was asked for.
    pub asked_from: AskedFrom,
    /// Life from now.
    pub life: Duration,
    /// How many flows of the same person, purpose and kind may wait at a time; the oldest beyond are void.
    pub most_flows: u8,
}

/// Which challenges: of whom, for what, by which way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kind {
    /// Whose.
    pub whose: Whose,
    /// For what.
    pub purpose: Purpose,
    /// By which way; factors of the same channel are one.
    pub factor: Factor,
}

/// What came of a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tried {
    /// Right; spent now.
    Right,
    /// Wrong, and how many tries are left.
    Wrong {
        /// Tries left.
        left: u8,
    },
    /// Spent, expired, void, tries used up.
    Ended,
}

/// Challenges.
#[async_trait]
pub trait Challenges: Send + Sync {
    /// Keeps a new one and its message. One that waits for the same flow and kind is void. Nothing is kept
    /// for a person who is gone.
    async fn ask(&self, new: NewChallenge, event: EventDraft) -> StoreResult<()>;
    /// The one that takes a code in this flow; `None`: in the newest.
    async fn pending(&self, kind: &Kind, flow: Option<&Digest>) -> StoreResult<At<Option<Challenge>>>;
    /// Tries a code. Right and in time: spent. Wrong: one try less, and `wrong` is written. The guess and
    /// its count are one transaction, so that 64 at once are no more than five.
    async fn try_code(&self, id: ChallengeId, code: &Digest, wrong: EventDraft) -> StoreResult<Tried>;
    /// What a link names, spent or not, until an hour after its end: a page is shown, nothing changes.
    async fn link(&self, link: &Digest) -> StoreResult<At<Option<Challenge>>>;
    /// Spends what a link names, for the flow that asked. `None`: nothing waits there any more.
    async fn spend_link(&self, link: &Digest, flow: &Digest) -> StoreResult<At<Option<Challenge>>>;
    /// Voids it. `false`: it did not wait.
    async fn void_challenge(&self, id: ChallengeId, event: EventDraft) -> StoreResult<bool>;
    /// Voids what waits for the person and purpose.
    async fn void_challenges(&self, user: &UserId, purpose: Purpose) -> StoreResult<()>;
}
