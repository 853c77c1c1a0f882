//! The append-only event log: written in the transaction of the change it tells of; read by the audit
//! trail, caches on other nodes and (later) the feed, webhooks and back-channel logout.

use super::{BrowserSessionId, ClientId, ClientSessionId, Job, UserId};
use countersign_token::{Timestamp, base64url};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// What happened. The name is stable.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        pub enum EventKind { $($(#[$doc])* #[serde(rename = $name)] $variant),* }
        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
            /// Reads the stable name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    /// A person was added.
    UserCreated = "user.created",
    /// Name, roles, verification or another attribute changed.
    UserChanged = "user.changed",
    /// Disabled.
    UserDisabled = "user.disabled",
    /// Enabled again.
    UserEnabled = "user.enabled",
    /// Removed.
    UserRemoved = "user.removed",
    /// A new password.
    PasswordChanged = "user.password_changed",
    /// The password was removed; the account is signed in to otherwise.
    PasswordRemoved = "user.password_removed",
    /// The stored hash was renewed with stronger parameters.
    PasswordRehashed = "user.password_rehashed",
    /// A browser signed in.
    LoginSucceeded = "login.succeeded",
    /// A sign-in failed. No identifier of an unknown user is kept.
    LoginFailed = "login.failed",
    /// Sign-ins were turned away by the limiter before any secret was looked at: `factor`, `count` and `ip`, one
    /// event for many. Without `ip`: of all other addresses.
    LoginThrottled = "login.throttled",
    /// A client signed in as itself: the first time at an address, and again every ten minutes.
    ClientSignedIn = "client.signed_in",
    /// A client's secret was wrong. No name of an unknown client is kept.
    ClientAuthFailed = "client.auth_failed",
    /// A browser session ended.
    BrowserSessionEnded = "browser_session.ended",
    /// A client session began.
    ClientSessionStarted = "client_session.started",
    /// A client session ended.
    ClientSessionEnded = "client_session.ended",
    /// A refresh token came back that should not have.
    RefreshTheft = "refresh.theft",
    /// A refresh token is ahead of the store after a lost commit; healed.
    RefreshHealed = "refresh.healed",
    /// A code came twice.
    CodeReplayed = "code.replayed",
    /// Consent given.
    ConsentGranted = "consent.granted",
    /// Consent refused.
    ConsentDenied = "consent.denied",
    /// One token revoked.
    TokenRevoked = "token.revoked",
    /// A revocation of a user, a client or everything.
    Revoked = "revoked",
    /// A client was created or changed.
    ClientApplied = "client.applied",
    /// A client was removed.
    ClientRemoved = "client.removed",
    /// A resource was created or changed.
    ResourceApplied = "resource.applied",
    /// A resource was removed.
    ResourceRemoved = "resource.removed",
    /// A role was created or changed.
    RoleApplied = "role.applied",
    /// A role was removed.
    RoleRemoved = "role.removed",
    /// A key was made, moved on or withdrawn.
    KeyChanged = "key.changed",
    /// A code or link was asked for; `purpose`, `factor`.
    ChallengeSent = "challenge.sent",
    /// A code or link was voided by somebody who had not asked for it.
    ChallengeVoided = "challenge.voided",
    /// A second factor was proven outside of a sign-in, or a step of one failed.
    FactorFailed = "factor.failed",
    /// A person signed up.
    SignedUp = "user.signed_up",
    /// The person showed that the address is theirs.
    EmailVerified = "user.email_verified",
    /// Another address.
    EmailChanged = "user.email_changed",
    /// A passkey or security key was added.
    PasskeyAdded = "passkey.added",
    /// One was renamed.
    PasskeyRenamed = "passkey.renamed",
    /// One was removed.
    PasskeyRemoved = "passkey.removed",
    /// A signature counter went back: the key may have been copied (WebAuthn 6.1.1).
    PasskeyCloned = "passkey.cloned",
    /// An authenticator app was set up.
    TotpAdded = "totp.added",
    /// It was removed.
    TotpRemoved = "totp.removed",
    /// A phone number was confirmed.
    PhoneAdded = "phone.added",
    /// It was removed.
    PhoneRemoved = "phone.removed",
    /// New recovery codes.
    RecoveryCodesMade = "recovery_codes.made",
    /// One was used.
    RecoveryCodeUsed = "recovery_code.used",
    /// Every second factor was removed by an operator.
    FactorsReset = "factors.reset",
    /// Another provider was linked.
    ProviderLinked = "provider.linked",
    /// It was unlinked.
    ProviderUnlinked = "provider.unlinked",
    /// A sign-in from a device not seen before.
    NewDevice = "device.new",
    /// A device seen before is unknown again, or all of them (`all`).
    DeviceForgotten = "device.forgotten",
    /// Consent withdrawn.
    ConsentWithdrawn = "consent.withdrawn",
    /// The person took their data.
    DataExported = "user.exported",
    /// A message could not be delivered for good.
    MessageDead = "message.dead",
}

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by", content = "id")]
pub enum Actor {
    /// A person, about themself.
    User(UserId),
    /// A client.
    Client(ClientId),
    /// Somebody at the command line.
    Operator,
    /// The server itself.
    System,
    /// Nobody known.
    Anonymous,
}

/// An event before the store numbers and dates it.
#[derive(Clone, PartialEq, Debug)]
pub struct EventDraft {
    /// What.
    pub kind: EventKind,
    /// Who did it.
    pub actor: Actor,
    /// About which person.
    pub user: Option<UserId>,
    /// About which client.
    pub client: Option<ClientId>,
    /// About which client session.
    pub session: Option<ClientSessionId>,
    /// About which browser session.
    pub browser: Option<BrowserSessionId>,
    /// More, never a secret (`{"kid": ..}`, `{"resource": ..}`, `{"ip": ..}`).
    pub data: Map<String, Value>,
    /// Messages to be sent because of it: queued in the transaction that writes the event, so that neither
    /// is there without the other. Not part of the log.
    pub messages: Vec<Job>,
}

impl EventDraft {
    /// With nothing but what and who.
    pub fn new(kind: EventKind, actor: Actor) -> Self {
        Self {
            kind,
            actor,
            user: None,
            client: None,
            session: None,
            browser: None,
            data: Map::new(),
            messages: Vec::new(),
        }
    }
    /// About this person.
    #[must_use]
    pub fn user(mut self, id: &UserId) -> Self {
        self.user = Some(id.clone());
        self
    }
    /// About this client.
    #[must_use]
    pub fn client(mut self, id: &ClientId) -> Self {
        self.client = Some(id.clone());
        self
    }
    /// About this client session.
    #[must_use]
    pub fn session(mut self, id: ClientSessionId) -> Self {
        self.session = Some(id);
        self
    }
    /// About this browser session.
    #[must_use]
    pub fn browser(mut self, id: &BrowserSessionId) -> Self {
        self.browser = Some(id.clone());
        self
    }
    /// Sends this too.
    #[must_use]
    pub fn telling(mut self, job: impl Into<Option<Job>>) -> Self {
        self.messages.extend(job.into());
        self
    }
    /// One more fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }
}

/// An event as it stands in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Position; grows, without promise of being gapless.
    pub seq: i64,
    /// Store time.
    pub at: Timestamp,
    /// The rest.
    pub what: EventDraft,
}

/// A link of the chain through the log: a keyed digest over the link before it and every byte kept of the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventLink(pub [u8; 32]);

impl EventLink {
    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for EventLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

/// An event as it is kept, byte for byte; also of a kind that only a newer version knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptEvent {
    /// Position.
    pub seq: i64,
    /// Store time.
    pub at: Timestamp,
    /// Kind, actor, user, client, client session, browser session, data.
    pub fields: [Option<Vec<u8>>; 7],
    /// `None`: from before the log was chained, or the link is gone.
    pub link: Option<EventLink>,
}
