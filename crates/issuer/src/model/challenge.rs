//! A code or link on its way to somebody's mailbox or phone.

use super::{Digest, Factor, Sealed, UserId};
use crate::login::Purpose;
use crate::port::Entropy;
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};

/// A challenge's id: 16 random bytes. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ChallengeId(pub [u8; 16]);

impl ChallengeId {
    /// A new one.
    pub fn mint(entropy: &dyn Entropy) -> Self {
        Self(entropy.bytes())
    }
}

/// Who may answer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Whose {
    /// A person.
    Person(UserId),
    /// Whoever reads mail at this address (lower case), which has no account, or none that is to be known.
    Mailbox(String),
}

impl Whose {
    /// At this address.
    pub fn mailbox(address: &str) -> Self {
        Self::Mailbox(address.to_lowercase())
    }
    /// One name for either: ids hold no `@`, addresses do.
    pub fn name(&self) -> &str {
        match self {
            Self::Person(id) => id.as_str(),
            Self::Mailbox(address) => address,
        }
    }
}

/// Where it was asked for: shown when it is answered elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AskedFrom {
    /// Address.
    pub ip: String,
    /// What the browser or app calls itself, cut to 200 characters.
    pub device: String,
}

/// A code, a link, or both, sent once and good once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// Id.
    pub id: ChallengeId,
    /// Whose.
    pub whose: Whose,
    /// What a right answer is good for.
    pub purpose: Purpose,
    /// What it proves: `SmsCode`, `EmailCode` (a code alone) or `MagicLink` (a link with a code beside it).
    pub factor: Factor,
    /// Digest of the flow that asked (flow cookie's value, or the flow id of the direct API).
    pub flow: Digest,
    /// The address or number it went to.
    pub target: String,
    /// The person's `credential_version` when it was asked for; another one by now voids it.
    pub credential_version: u32,
    /// More that the flow needs back (a sign-up's form), sealed under `challenge/<id>`.
    pub payload: Option<Sealed>,
    /// Where it was asked for.
    pub asked_from: AskedFrom,
    /// Store time.
    pub created_at: Timestamp,
    /// Void then.
    pub expires_at: Timestamp,
    /// Wrong codes so far; at [`Challenge::TRIES`] no code is right any more. A link beside it still is.
    pub tries: u8,
    /// When it was used.
    pub spent_at: Option<Timestamp>,
}

impl Challenge {
    /// Wrong codes that end it.
    pub const TRIES: u8 = 5;

    /// Neither used nor over.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.spent_at.is_none() && now < self.expires_at
    }
    /// Would the right code still do?
    pub fn takes_code(&self, now: Timestamp) -> bool {
        self.waits(now) && self.tries < Self::TRIES
    }
}
