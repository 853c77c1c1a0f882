//! A person together with what they can prove themselves by, and what they change about themselves.

use super::{At, StoreResult};
use crate::model::{
    Account, Acr, BrowserSessionId, Digest, EventDraft, Factor, Rule, Secret, Subject, UserId,
};
use async_trait::async_trait;
use countersign_token::Timestamp;
use std::time::Duration;

/// A change of a credential: it raises `credential_version` and ends every browser and client session but
/// `keep`'s, with a rule each.
#[derive(Clone, Debug)]
pub struct CredentialChange {
    /// Whose.
    pub user: UserId,
    /// The person's `credential_version` that the change was decided by. Another one by now: nothing is
    /// written ([`crate::port::StoreError::Outrun`]), so that of two removals at once that would leave no way
    /// to sign in one is refused. `None`: whatever it is (an operator's).
    pub version: Option<u32>,
    /// The browser it is made in.
    pub keep: Option<BrowserSessionId>,
    /// How long the rules live.
    pub until: Duration,
    /// Written with it, and the notice sent with it.
    pub event: EventDraft,
}

/// What came of changing the address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChangedEmail {
    /// Done; the rules written.
    Changed(Vec<Rule>),
    /// Somebody has it by now.
    Taken,
    /// No such user.
    NoSuchUser,
}

/// What came of the first proof of an address.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The person as they are now.
    pub subject: Subject,
    /// The rules written.
    pub rules: Vec<Rule>,
}

/// A device that signed in before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownDevice {
    /// Of its cookie's id.
    pub digest: Digest,
    /// What it calls itself.
    pub device: String,
    /// First sign-in.
    pub created_at: Timestamp,
    /// Last sign-in.
    pub seen_at: Timestamp,
}

/// Accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// By id: one read.
    async fn account(&self, id: &UserId) -> StoreResult<At<Option<Account>>>;
    /// By e-mail or user name, without regard to case: one read whoever is asked for.
    async fn find_account(&self, login: &str) -> StoreResult<At<Option<Account>>>;
    /// Another address, shown to be theirs.
    async fn change_email(&self, change: CredentialChange, email: &str) -> StoreResult<ChangedEmail>;
    /// The person showed that `email` is theirs. `false`: they have another by now, or are gone.
    async fn verify_email(&self, id: &UserId, email: &str, event: EventDraft) -> StoreResult<bool>;
    /// The first proof of an address nobody had shown to be theirs, of an account without a second factor:
    /// it is verified, and the password, linked providers and known devices of whoever was there before go.
    /// `None`: it was verified by now, is another, or there is a second factor.
    async fn claim_email(&self, change: CredentialChange, email: &str) -> StoreResult<Option<Claimed>>;
    /// A password in place of a lost one: sets it, and all of the person's devices are unknown again.
    /// `None`: no such user.
    async fn reset_password(
        &self,
        change: CredentialChange,
        password: Secret,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Removes every second factor: passkeys and security keys, authenticator app, phone, recovery codes.
    /// `None`: no such user.
    async fn reset_factors(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
    /// Removes the password of an account that can sign in otherwise. `None`: there was none.
    async fn remove_password(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
    /// The language of mails (BCP 47). Not a credential.
    async fn set_locale(&self, id: &UserId, locale: &str) -> StoreResult<()>;
    /// The language of mails.
    async fn locale(&self, id: &UserId) -> StoreResult<Option<String>>;

    /// Active people who set up a second factor, and none of these.
    async fn count_stranded(&self, usable: &[Factor]) -> StoreResult<u64>;

    /// Has this device (digest of its cookie's id) signed this person in before? The strongest level it did,
    /// and `None` if not. It is noted by [`super::BrowserSessions::sign_in`].
    async fn known_device(&self, user: &UserId, device: &[u8; 32]) -> StoreResult<Option<Acr>>;
    /// That one of the person's, or all, are unknown again. Answers how many; none: no event is written.
    async fn forget_devices(
        &self,
        user: &UserId,
        only: Option<&Digest>,
        event: EventDraft,
    ) -> StoreResult<u64>;
    /// The person's, newest first.
    async fn list_devices(&self, user: &UserId) -> StoreResult<Vec<KnownDevice>>;
}
