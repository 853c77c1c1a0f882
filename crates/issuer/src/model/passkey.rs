//! A WebAuthn credential.

use super::UserId;
use crate::port::Entropy;
use countersign_token::{Timestamp, base64url};
use serde_json::Value;

/// A passkey's id in forms and events: 16 random bytes. Not the credential id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PasskeyId(pub [u8; 16]);

impl PasskeyId {
    /// A new one.
    pub fn mint(entropy: &dyn Entropy) -> Self {
        Self(entropy.bytes())
    }
    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }
}

/// Most credentials of one person.
pub const MOST_PASSKEYS: usize = 20;
/// Longest name of a credential, in characters.
pub const LONGEST_PASSKEY_NAME: usize = 60;

impl std::fmt::Display for PasskeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

/// A WebAuthn challenge that was answered: an answer is good once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The challenge's id: 16 random bytes, sealed with the challenge.
    pub challenge: [u8; 16],
    /// Too old to be answered from then on.
    pub until: Timestamp,
}

/// A WebAuthn credential of a person.
#[derive(Clone, PartialEq, Debug)]
pub struct Passkey {
    /// Id.
    pub id: PasskeyId,
    /// Whose.
    pub user: UserId,
    /// WebAuthn credential id; unique.
    pub credential_id: Vec<u8>,
    /// Given by the person, 1 to 60 characters.
    pub name: String,
    /// Public key and flags as the WebAuthn library keeps them.
    pub credential: Value,
    /// Discoverable and user-verifying: good as a first factor.
    pub verifies_user: bool,
    /// May leave its device (WebAuthn flag BE).
    pub backup_eligible: bool,
    /// Is kept elsewhere too (WebAuthn flag BS).
    pub backed_up: bool,
    /// Signature counter; 0: the authenticator has none.
    pub counter: u32,
    /// When made.
    pub created_at: Timestamp,
    /// Last use.
    pub used_at: Option<Timestamp>,
}
