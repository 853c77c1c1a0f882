//! What the house demands of a sign-in.

use crate::model::{Acr, Client, Enrolled, Factor, Resource};
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
    /// All that the house takes, first or second, where a client takes less. `None`: `first` and `second`.
    pub house: Option<Vec<Factor>>,
}

impl Policy {
    /// Of what is set up, what the house takes, and can ask for as things are.
    pub fn usable(&self, enrolled: &Enrolled) -> Enrolled {
        let takes = |f: Factor| self.house_takes(f) && self.sends(f);
        let count = |f: Factor, n: u16| if takes(f) { n } else { 0 };
        Enrolled {
            password: enrolled.password && takes(Factor::Password),
            passkeys: count(Factor::Passkey, enrolled.passkeys),
            security_keys: count(Factor::SecurityKey, enrolled.security_keys),
            totp: enrolled.totp && takes(Factor::Totp),
            phone: enrolled.phone.clone().filter(|_| takes(Factor::SmsCode)),
            recovery_codes: count(Factor::RecoveryCode, enrolled.recovery_codes),
            upstreams: enrolled.upstreams.iter().filter(|_| takes(Factor::Upstream)).cloned().collect(),
        }
    }

    /// Second factors that somebody may have set up and the house can ask for.
    pub fn usable_seconds(&self) -> Vec<Factor> {
        let all = [Factor::Passkey, Factor::SecurityKey, Factor::Totp, Factor::SmsCode];
        all.into_iter().filter(|f| self.house_takes(*f) && self.sends(*f)).collect()
    }

    /// Does the house take it, whatever this client takes?
    pub(crate) fn house_takes(&self, factor: Factor) -> bool {
        match &self.house {
            Some(all) => all.contains(&factor),
            None => self.first.contains(&factor) || self.second.contains(&factor),
        }
    }

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
        let all = || [self.first.as_slice(), self.second.as_slice()].concat();
        let levels = audiences.iter().filter_map(|r| r.acr).chain(demands.acr);
        Self {
            first: self.first.iter().copied().filter(allowed).collect(),
            second: self.second.iter().copied().filter(allowed).collect(),
            mfa: self.mfa.max(demands.mfa.unwrap_or(Mfa::Never)),
            acr: levels.fold(self.acr, Acr::max),
            house: demands.login_factors.as_ref().map(|_| all()),
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
            house: None,
        }
    }
}
