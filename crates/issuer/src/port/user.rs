//! People and their passwords.

use super::{At, CredentialChange, Page, StoreResult};
use crate::model::{Cutoff, EventDraft, Rule, Secret, Subject, User, UserId};
use async_trait::async_trait;

/// A person to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Minted by the flow.
    pub id: UserId,
    /// Unique without regard to case.
    pub email: String,
    /// Shown to be theirs.
    pub email_verified: bool,
    /// Unique without regard to case; no `@`.
    pub username: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Role names; all exist.
    pub roles: Vec<String>,
    /// PHC string.
    pub password: Option<Secret>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CreateUser {
    /// Made.
    Created(User),
    /// Somebody has the address.
    EmailTaken,
    /// Somebody has the name.
    UsernameTaken,
    /// A role does not exist.
    NoSuchRole(String),
}

/// A change of attributes; `None`: as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// New display name.
    pub name: Option<Option<String>>,
    /// New flag.
    pub email_verified: Option<bool>,
    /// New set of roles.
    pub roles: Option<Vec<String>>,
}

/// What came of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChangedUser {
    /// Written.
    Changed,
    /// No such user.
    NoSuchUser,
    /// A role does not exist; nothing was written.
    NoSuchRole(String),
}

/// A person found by what they typed.
#[derive(Clone, Debug)]
pub struct Found {
    /// The person.
    pub subject: Subject,
    /// PHC string, when they have a password.
    pub password: Option<Secret>,
}

/// People.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a person.
    async fn create_user(&self, new: NewUser, event: EventDraft) -> StoreResult<CreateUser>;
    /// By id, with roles.
    async fn subject(&self, id: &UserId) -> StoreResult<At<Option<Subject>>>;
    /// By e-mail or user name, without regard to case; one query whoever is asked for.
    async fn find_login(&self, login: &str) -> StoreResult<At<Option<Found>>>;
    /// A page by id.
    async fn list_users(&self, page: Page) -> StoreResult<Vec<User>>;
    /// Changes attributes.
    async fn change_user(
        &self,
        id: &UserId,
        change: UserChange,
        event: EventDraft,
    ) -> StoreResult<ChangedUser>;
    /// Sets the password. `None`: no such user. Answers the rules written.
    async fn set_password(
        &self,
        change: CredentialChange,
        password: Secret,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Replaces the PHC string if it is still `old` (a rehash on login). `false`: somebody was first.
    async fn renew_hash(
        &self,
        id: &UserId,
        old: &Secret,
        new: Secret,
        event: EventDraft,
    ) -> StoreResult<bool>;
    /// Disables: state, all sessions ended, rule `sub` with the cutoff the store computes (now + 2 s)
    /// and `until` = now + the duration given. `None`: no such user, or already disabled.
    async fn disable_user(
        &self,
        id: &UserId,
        until: std::time::Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Enables again. `false`: no such user, or not disabled.
    async fn enable_user(&self, id: &UserId, event: EventDraft) -> StoreResult<bool>;
    /// Removes the person and all that hangs on them; rules as for disabling, but cutoff = always.
    async fn remove_user(
        &self,
        id: &UserId,
        until: std::time::Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Global sign-out: cutoff = store now + 2 s on the row, all sessions ended, one `sub` rule.
    async fn sign_out_user(
        &self,
        id: &UserId,
        until: std::time::Duration,
        event: EventDraft,
    ) -> StoreResult<Option<(Cutoff, Vec<Rule>)>>;
}
