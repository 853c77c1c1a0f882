//! `[login]`: what is demanded of a sign-in.

use super::problem::Problems;
use countersign_issuer::login::Mfa;
use countersign_issuer::model::{Acr, Factor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLogin {
    /// When a second factor is due. A client may ask for more.
    pub mfa: RawMfa,
    /// The least level of every sign-in: `urn:countersign:1` (one factor), `urn:countersign:2` (two),
    /// `urn:countersign:phr` (two, one of which cannot be phished).
    pub acr: String,
    /// Factors that count: `password`, `passkey`, `security_key`, `totp`, `sms_code`, `email_code`,
    /// `magic_link`, `recovery_code`, `upstream`. Default: all.
    pub factors: Vec<String>,
}

impl Default for RawLogin {
    fn default() -> Self {
        Self {
            mfa: RawMfa::default(),
            acr: Acr::One.name().to_owned(),
            factors: Factor::ALL.map(|f| f.name().to_owned()).to_vec(),
        }
    }
}

/// When a second factor is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RawMfa {
    /// Only where a client, a resource or a request asks for it.
    Never,
    /// Of people who set one up, on a device that did not sign them in with two before.
    NewDevice,
    /// Of people who set one up.
    #[default]
    Enrolled,
    /// Of everybody; who has none sets one up first.
    Always,
}

impl RawLogin {
    pub(super) fn check(&self, problems: &mut Problems<'_>, out: &mut countersign_issuer::Settings) {
        let policy = &mut out.login;
        policy.mfa = match self.mfa {
            RawMfa::Never => Mfa::Never,
            RawMfa::NewDevice => Mfa::WhenNewDevice,
            RawMfa::Enrolled => Mfa::WhenEnrolled,
            RawMfa::Always => Mfa::Always,
        };
        match Acr::parse(&self.acr) {
            Some(acr) => policy.acr = acr,
            None => problems.push(
                "login.acr",
                format!("{:?} is not known: use {}", self.acr, Acr::ALL.map(Acr::name).join(", ")),
            ),
        }
        let named = |f: &Factor| self.factors.iter().any(|name| Factor::parse(name) == Some(*f));
        if let Some(stray) = self.factors.iter().find(|name| Factor::parse(name).is_none()) {
            problems.push(
                "login.factors",
                format!("{stray:?} is not known: use {}", Factor::ALL.map(Factor::name).join(", ")),
            );
        }
        policy.first.retain(named);
        policy.second.retain(named);
        if policy.first.is_empty() {
            problems.push(
                "login.factors",
                "names none that a sign-in may begin with, such as password or passkey",
            );
        }
    }
}
