//! A person with what they can prove themselves by.

use super::{Acr, Factor, Subject};
use serde::{Deserialize, Serialize};

/// What is enrolled for an account. Counts and names only: secrets stay in the store.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    /// Has a password.
    pub password: bool,
    /// Discoverable credentials that verify their user.
    pub passkeys: u16,
    /// Other WebAuthn credentials.
    pub security_keys: u16,
    /// An authenticator app.
    pub totp: bool,
    /// A confirmed phone number (E.164).
    pub phone: Option<String>,
    /// Recovery codes left.
    pub recovery_codes: u16,
    /// Names of linked providers.
    pub upstreams: Vec<String>,
}

impl Enrolled {
    /// Could this factor be proven? `mail`: the address can be reached.
    pub fn has(&self, factor: Factor, mail: bool) -> bool {
        match factor {
            Factor::Password => self.password,
            Factor::Passkey => self.passkeys > 0,
            Factor::SecurityKey => self.security_keys > 0,
            Factor::Totp => self.totp,
            Factor::SmsCode => self.phone.is_some(),
            Factor::EmailCode | Factor::MagicLink => mail,
            Factor::RecoveryCode => self.recovery_codes > 0,
            Factor::Upstream => !self.upstreams.is_empty(),
        }
    }

    /// Did the person set up anything beyond a password, the mailbox and other providers? Recovery codes
    /// come with it and go with it.
    pub fn two_steps(&self) -> bool {
        self.totp || self.phone.is_some() || self.passkeys > 0 || self.security_keys > 0
    }

    /// The strongest level the account can prove.
    pub fn strongest(&self) -> Acr {
        if self.passkeys > 0 || self.security_keys > 0 {
            Acr::PhishingResistant
        } else if self.two_steps() {
            Acr::Two
        } else {
            Acr::One
        }
    }
}

/// A person, what their roles mean, and what is enrolled: all that a sign-in is decided from.
#[derive(Clone, Debug)]
pub struct Account {
    /// The person.
    pub subject: Subject,
    /// What they can prove themselves by.
    pub enrolled: Enrolled,
}
