//! What the house demands of a sign-in.

use crate::model::{Acr, Factor};
use serde::{Deserialize, Serialize};

/// When a second factor is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mfa {
    /// Only where a client, a resource or a request demands it.
    Never,
    /// Of people who set one up, on a device that did not sign them in before.
    WhenNewDevice,
    /// Of people who set one up.
    #[default]
    WhenEnrolled,
    /// Of everybody; who has none sets one up first.
    Always,
}

/// What the house demands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Factors that may come first.
    pub first: Vec<Factor>,
    /// Factors that may come second. Recovery codes stand in for any of them.
    pub second: Vec<Factor>,
    /// When a second one is due.
    pub mfa: Mfa,
    /// The least level, whatever is asked.
    pub acr: Acr,
    /// How old a proof of this flow may be, in seconds.
    pub proof_life: u32,
    /// Mail can be sent: codes and links by mail are offered.
    pub mail: bool,
}

impl Default for Policy {
    fn default() -> Self {
        use Factor::{
            EmailCode, MagicLink, Passkey, Password, RecoveryCode, SecurityKey, SmsCode, Totp, Upstream,
        };
        Self {
            first: vec![Password, Passkey, EmailCode, MagicLink, Upstream],
            second: vec![Passkey, SecurityKey, Totp, SmsCode, RecoveryCode],
            mfa: Mfa::default(),
            acr: Acr::One,
            proof_life: 600,
            mail: false,
        }
    }
}
