//! Client sessions and their refresh state: one row a session, rotation is one guarded statement.

use super::{At, StoreResult};
use crate::model::{
    BrowserSessionId, ClientId, ClientSession, ClientSessionId, EventDraft, Rule, Subject, UserId,
};
use async_trait::async_trait;
use countersign_token::Timestamp;
use std::time::Duration;

/// A refresh token whose MAC is good, as presented.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The session it names.
    pub id: ClientSessionId,
    /// The number it carries.
    pub n: u32,
    /// The client that presented it, authenticated.
    pub client: ClientId,
    /// How long the predecessor is answered again (0 to 300 s): while less than this has passed since the
    /// rotation, so 0 means never.
    pub retry_window: Duration,
    /// How often.
    pub max_replays: u8,
    /// The store's epoch as this process knows it; the store's own counts if it is larger.
    pub epoch: u32,
    /// Version of the newest refresh key; the successor is made under it.
    pub key_version: u16,
    /// How long rules written by a theft must live.
    pub until: Duration,
}

/// What came of it, decided in one transaction.
#[derive(Clone, Debug)]
pub enum RotateOutcome {
    /// d = 0. The row after the write (its `n` is that of the token to answer), store time, subject.
    Rotated(Timestamp, Box<ClientSession>, Box<Subject>),
    /// d = 1 within the window and budget: the same successor again.
    Replayed(Timestamp, Box<ClientSession>, Box<Subject>),
    /// d < 0 after a lost commit (older epoch on the row): healed, n = presented + 1.
    Healed(Timestamp, Box<ClientSession>, Box<Subject>),
    /// Reuse: the session is ended, in this transaction; the rules written.
    Theft(Vec<Rule>),
    /// No such session, ended, past its limits, user not active.
    Gone,
    /// The session is another client's. Nothing was written.
    WrongClient,
}

/// Client sessions.
#[async_trait]
pub trait ClientSessions: Send + Sync {
    /// Makes one without a code (direct login). Times are set by the store. `None`: the user is not active
    /// or `credential_version` moved on since the proof, the client or browser session is gone, or there is or
    /// lately was a session of that id.
    async fn start_session(
        &self,
        session: ClientSession,
        credential_version: u32,
        absolute_for: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<At<Subject>>>;
    /// Decides and writes one use of a refresh token. `theft` is written only with [`RotateOutcome::Theft`],
    /// with the session's user filled in by the store. Writes no event otherwise but a healing: rotations
    /// are too many; sign-ins, thefts and ends are on record.
    async fn rotate_refresh(&self, rotation: Rotation, theft: EventDraft) -> StoreResult<RotateOutcome>;
    /// By id, with its person.
    async fn client_session(&self, id: ClientSessionId) -> StoreResult<At<Option<(ClientSession, Subject)>>>;
    /// The live ones of a person, newest first.
    async fn list_client_sessions(&self, user: &UserId) -> StoreResult<Vec<ClientSession>>;
    /// The live ones under a browser session.
    async fn sessions_under(&self, browser: &BrowserSessionId) -> StoreResult<Vec<ClientSession>>;
    /// Ends one with rule `sid` (cutoff always, `until` = now + given). With `client`, only that client's;
    /// with `user`, only that person's. `None`: no such session, or ended before. One past its limits can
    /// still be ended: access tokens may outlive them.
    async fn end_session(
        &self,
        id: ClientSessionId,
        client: Option<&ClientId>,
        user: Option<&UserId>,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>>;
}
