//! What the rules need from outside, by intent: each method is one transaction and says in its return
//! type when somebody else was first. Adapters: crates/store-sqlite, crates/runtime.
//!
//! Time: a load answers [`At`], the value and the store's clock read by the same statement; flows use no
//! other clock. A method that changes something takes the [`EventDraft`] to write with it.

pub mod account;
pub mod breached;
pub mod browser_session;
pub mod challenge;
pub mod client;
pub mod client_session;
pub mod code;
pub mod consent;
pub mod courier;
pub mod egress;
pub mod entropy;
pub mod event;
pub mod feed;
pub mod hasher;
pub mod key;
pub mod node;
pub mod outbox;
pub mod passkey;
pub mod phone;
pub mod recovery_code;
pub mod resource;
pub mod revocation;
pub mod role;
pub mod signer;
pub mod status_list;
pub mod totp;
pub mod upstream;
pub mod user;

pub use account::{Accounts, ChangedEmail, Claimed, CredentialChange};
pub use breached::BreachedPasswords;
pub use browser_session::BrowserSessions;
pub use challenge::{Challenges, NewChallenge, Tried};
pub use client::Clients;
pub use client_session::{ClientSessions, RotateOutcome, Rotation};
pub use code::{Codes, Redeemed};
pub use consent::Consents;
pub use courier::{Courier, Parcel, Undelivered};
pub use egress::{Call, CallAnswer, CallMethod, Egress, Unreached};
pub use entropy::Entropy;
pub use event::{EventFilter, Events, Going};
pub use feed::{Append, Feeds, Position};
pub use hasher::{HashJob, HashOrigin, Hasher};
pub use key::{Keys, Resealed};
pub use node::Node;
pub use outbox::{Outbox, TakenJob, WaitingJob};
pub use passkey::{AddedPasskey, Passkeys, UsedPasskey};
pub use phone::Phones;
pub use recovery_code::RecoveryCodes;
pub use resource::Resources;
pub use revocation::{Revocations, Written};
pub use role::Roles;
pub use signer::SignPool;
pub use status_list::StatusLists;
pub use totp::Totps;
pub use upstream::{JoinedUpstream, LinkedUpstream, UpstreamLink, Upstreams};
pub use user::{ChangedUser, CreateUser, NewUser, UserChange, Users};

use crate::error::{Code, Failure, Unavailable, rejected};
use countersign_token::Timestamp;
use std::time::Duration;

/// A value and the store's clock at the statement that read it.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// Store time.
    pub now: Timestamp,
    /// The value.
    pub it: T,
}

/// Why the store did not do it. Nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Busy, full, read-only, unreachable: passing.
    #[error("{0}")]
    Unavailable(String),
    /// What the change was decided by has changed meanwhile: decide again.
    #[error("changed meanwhile")]
    Outrun,
    /// A constraint nobody expected, a row that does not read back: ours.
    #[error("{0}")]
    Broken(String),
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Unavailable(detail) => {
                Self::Unavailable(Unavailable { what: "store", detail, retry_after: Duration::from_secs(1) })
            }
            StoreError::Outrun => rejected(
                Code::Conflict,
                "The account has changed meanwhile. Look at it again, and try again.",
            ),
            StoreError::Broken(detail) => Self::Bug(detail),
        }
    }
}

/// The result of a port method.
pub type StoreResult<T> = Result<T, StoreError>;

/// Everything that is kept.
pub trait Store:
    Users
    + Accounts
    + Challenges
    + Totps
    + Phones
    + RecoveryCodes
    + Passkeys
    + Upstreams
    + Outbox
    + Roles
    + Clients
    + Resources
    + Consents
    + BrowserSessions
    + Codes
    + ClientSessions
    + Keys
    + Revocations
    + Feeds
    + StatusLists
    + Events
    + Node
{
}

impl<T> Store for T where
    T: Users
        + Accounts
        + Challenges
        + Totps
        + Phones
        + RecoveryCodes
        + Passkeys
        + Upstreams
        + Outbox
        + Roles
        + Clients
        + Resources
        + Consents
        + BrowserSessions
        + Codes
        + ClientSessions
        + Keys
        + Revocations
        + Feeds
        + StatusLists
        + Events
        + Node
{
}

/// A page of a list: those after `after`, at most `limit` (1 to 1,000).
#[derive(Clone, Debug)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<String>,
    /// How many at most.
    pub limit: u16,
}
