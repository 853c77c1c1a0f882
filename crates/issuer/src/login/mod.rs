//! Logging in: the one function that decides what is still missing, and one file a factor.

mod breached;
pub mod browser;
pub mod challenge;
pub mod device;
pub mod email_code;
pub mod flow;
mod guess;
pub mod magic_link;
pub mod passkey;
pub mod password;
pub mod policy;
pub mod recovery_code;
pub mod sms_code;
pub mod throttle;
pub mod totp;
pub mod transaction;
pub(crate) mod typed;

pub use device::Devices;
pub use flow::{Asked, Step, next, next_within_reach};
pub use policy::{Mfa, Policy};
pub use transaction::Transaction;

use crate::model::{ClientId, Factor, Proven, Subject, UserId};
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Where an attempt comes from, for the limiter and the log.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Address, from the connection or a declared proxy.
    pub ip: IpAddr,
    /// `User-Agent`, cut to 200 characters.
    pub device: String,
    /// Whom it signed in before.
    pub devices: Devices,
}

impl Caller {
    /// As it is shown to the person.
    pub fn asked_from(&self) -> crate::model::AskedFrom {
        crate::model::AskedFrom { ip: self.ip.to_string(), device: self.device.clone() }
    }
}

/// How a message to the person looks.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Language of the page it was asked for on (BCP 47); empty: the house's.
    pub lang: String,
    /// The application it is about.
    pub client: Option<ClientId>,
}

/// What a proof, a code or a link is for: it is good for nothing else. The serialized name is stable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A browser's sign-in.
    Browser,
    /// The direct API.
    Direct,
    /// The direct API, asked for with a client, scopes or audiences of one's own: only with the flow that says
    /// which.
    DirectFlow,
    /// A code for an app of ours (OAuth 2.0 for First-Party Applications).
    FirstParty,
    /// A further step of a sign-in, by the code of a mail: only where the first step was made.
    FurtherStep,
    /// A new password for who lost theirs.
    Recover,
    /// An account to be.
    SignUp,
    /// Showing that the account's address is one's own.
    VerifyEmail,
    /// Showing that a new address is one's own.
    ChangeEmail,
    /// Showing that a new number is one's own.
    EnrolPhone,
    /// Registering a passkey.
    EnrolPasskey,
}

/// Somebody proved something, just now, for one purpose. Made by a factor's file only.
#[derive(Clone, Debug)]
pub struct Proof {
    pub(crate) proven: Proven,
    pub(crate) user: UserId,
    pub(crate) purpose: Purpose,
    /// The flow it was made in (the flow cookie's value, or the request's id).
    pub(crate) flow: String,
    pub(crate) credential_version: u32,
    /// The person, as read with the credential.
    pub(crate) subject: Subject,
    /// When it came here, which may be later than when the person proved it (at another provider).
    pub(crate) came: Timestamp,
}

impl Proof {
    /// Of a person just read, by a factor just proven.
    pub(crate) fn new(factor: Factor, subject: Subject, purpose: Purpose, flow: &str, at: Timestamp) -> Self {
        Self {
            proven: Proven { factor, at, hardware: false },
            user: subject.user.id.clone(),
            purpose,
            flow: flow.to_owned(),
            credential_version: subject.user.credential_version,
            subject,
            came: at,
        }
    }

    /// As proven at that earlier time, if it was earlier.
    #[must_use]
    pub(crate) fn proven_at(mut self, at: Option<Timestamp>) -> Self {
        self.proven.at = at.map_or(self.proven.at, |at| at.min(self.proven.at));
        self
    }

    /// Whose proof it is.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}
