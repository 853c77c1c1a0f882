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
    /// Whose. `None`: nobody's yet (sign-up).
    pub user: Option<UserId>,
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
    /// Wrong codes so far.
    pub tries: u8,
    /// When it was used.
    pub spent_at: Option<Timestamp>,
}
