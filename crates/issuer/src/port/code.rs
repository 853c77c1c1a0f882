//! Authorization codes: single use is decided here, before anything is minted.

use super::{At, StoreResult};
use crate::model::{AuthorizationCode, ClientSession, Digest, EventDraft, Rule, Subject};
use async_trait::async_trait;
use countersign_token::Timestamp;
use std::time::Duration;

/// What came of redeeming.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// The code is spent and the client session made, in one transaction. Store time and subject as read in it.
    Done(Timestamp, Box<Subject>),
    /// It was spent before: what the first use made is revoked now (RFC 6749 4.1.2), in this transaction,
    /// with an event `code.replayed` made of the one given.
    AlreadySpent(Vec<Rule>),
    /// Expired, or its browser session, user or client is gone, or its person was signed out.
    Gone,
}

/// Authorization codes.
#[async_trait]
pub trait Codes: Send + Sync {
    /// Keeps a new one, until an hour after its end, so that a second use is seen. `created_at` and `expires_at` are set by the store: now, now + `life`. `false`: the
    /// browser session is not live any more, the user not active or the client gone.
    async fn create_code(&self, code: AuthorizationCode, life: Duration) -> StoreResult<bool>;
    /// Keeps one that stands on no browser session but on proofs made against credentials of this version,
    /// and writes the event. It is void when the credentials change or the person is signed out everywhere.
    /// `false`: they changed already, the user is not active, the client gone, or there is a code of this
    /// digest.
    async fn create_code_of_proofs(
        &self,
        code: AuthorizationCode,
        credential_version: u32,
        life: Duration,
        event: EventDraft,
    ) -> StoreResult<bool>;
    /// By digest.
    async fn code(&self, digest: &Digest) -> StoreResult<At<Option<AuthorizationCode>>>;
    /// Spends it and makes `session` (times in it are set by the store: `created_at` = now; refresh limits
    /// from `idle_for` and `absolute_for`).
    async fn redeem_code(
        &self,
        digest: &Digest,
        session: ClientSession,
        absolute_for: Duration,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Redeemed>;
    /// A spent code came again: revokes what the first use made. Answers the rules written.
    async fn code_replayed(
        &self,
        digest: &Digest,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Vec<Rule>>;
}
