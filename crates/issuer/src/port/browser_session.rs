//! Browser sessions.

use super::{At, StoreResult};
use crate::model::session::Authentication;
use crate::model::{BrowserSession, BrowserSessionId, Digest, EventDraft, Rule, Subject, UserId};
use async_trait::async_trait;
use countersign_token::Timestamp;
use std::time::Duration;

/// A sign-in to be, or one to be renewed.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The session of this browser to continue if it is live and this user's; its id stays.
    pub continues: Option<BrowserSessionId>,
    /// Id when a new one is made.
    pub id: BrowserSessionId,
    /// Who.
    pub user: UserId,
    /// `credential_version` the proof was made against; another one by now: refused.
    pub credential_version: u32,
    /// Of the new cookie value.
    pub cookie: Digest,
    /// What was proven. `auth_time` is that of the newest proof.
    pub authentication: Authentication,
    /// Life from now.
    pub life: Duration,
    /// For the list.
    pub device: String,
    /// The device, known from now on.
    pub seen: Option<SeenDevice>,
}

/// The device of a complete sign-in.
#[derive(Clone, Debug)]
pub struct SeenDevice {
    /// Digest of its id.
    pub digest: Digest,
    /// Written, with its notice, when the device is new to a person who signed in elsewhere before, and the
    /// sign-in does not continue a session.
    pub news: Option<EventDraft>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum SignedIn {
    /// Done; its row, and rules for what ended (the session of another user in the same browser).
    Done(Box<BrowserSession>, Vec<Rule>),
    /// Disabled, removed or changed credentials since the proof.
    Refused,
}

/// A live session with its person.
#[derive(Clone, Debug)]
pub struct LiveBrowser {
    /// The session.
    pub session: BrowserSession,
    /// The person, active.
    pub subject: Subject,
}

/// Browser sessions.
#[async_trait]
pub trait BrowserSessions: Send + Sync {
    /// Makes or renews one. A live session of another user in `ends` is ended in the same transaction.
    async fn sign_in(
        &self,
        sign_in: SignIn,
        ends: Option<BrowserSessionId>,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<SignedIn>;
    /// By cookie digest: live, of an active user. The one before the last sign-in is good for 30 s more, with
    /// what was proven before that sign-in.
    async fn live_browser(&self, cookie: &Digest) -> StoreResult<At<Option<LiveBrowser>>>;
    /// Notes a use; written at most once a minute a session.
    async fn touch_browser(&self, id: &BrowserSessionId, seen_at: Timestamp) -> StoreResult<()>;
    /// The person's live ones, newest first.
    async fn list_browsers(&self, user: &UserId) -> StoreResult<Vec<BrowserSession>>;
    /// Ends one of this user's and all client sessions under it, a `sid` rule each (`until` = now + given).
    /// `None`: no such live session of this user.
    async fn end_browser(
        &self,
        user: &UserId,
        id: &BrowserSessionId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Ends all of the user's browser and client sessions but `keep` and those under it.
    async fn end_other_browsers(
        &self,
        user: &UserId,
        keep: &BrowserSessionId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Vec<Rule>>;
    /// The authentication of a live one, for flows that hold only its id.
    async fn browser_authentication(&self, id: &BrowserSessionId) -> StoreResult<Option<Authentication>>;
}
