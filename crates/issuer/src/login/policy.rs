//! What the house demands of a sign-in.

use crate::model::{Acr, Client, Factor, Resource};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// When a second factor is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mfa {
    /// Only where a client, a resource or a request demands it.
    Never,
    /// Of people who set one up, on a device that did not sign them in with two before.
    #[serde(rename = "new_device")]
    WhenNewDevice,
    /// Of people who set one up.
    #[default]
    #[serde(rename = "enrolled")]
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
    /// SMS can be sent: codes by SMS are offered.
    pub sms: bool,
}

impl Policy {
    /// Is there a way to send what this factor needs sent? (Mail is asked for by `Enrolled::has`.)
    pub(crate) fn sends(&self, factor: Factor) -> bool {
        factor != Factor::SmsCode || self.sms
    }
}

impl Policy {
    /// The house's with what a client and the audiences of its tokens demand beside it: never less.
    #[must_use]
    pub(crate) fn at(&self, client: &Client, audiences: &[Arc<Resource>]) -> Self {
        let demands = &client.metadata.demands;
        let allowed = |f: &Factor| demands.login_factors.as_ref().is_none_or(|only| only.contains(f));
        let levels = audiences.iter().filter_map(|r| r.acr).chain(demands.acr);
        Self {
            first: self.first.iter().copied().filter(allowed).collect(),
            second: self.second.iter().copied().filter(allowed).collect(),
            mfa: self.mfa.max(demands.mfa.unwrap_or(Mfa::Never)),
            acr: levels.fold(self.acr, Acr::max),
            ..self.clone()
        }
    }
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
            sms: false,
        }
    }
}
