//! Ways to prove who one is, and what they are worth together.

use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};

/// A factor. The serialized name is stable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// Something known.
    Password,
    /// WebAuthn with user verification: two factors in one.
    Passkey,
    /// WebAuthn without user verification: a second factor only.
    SecurityKey,
    /// RFC 6238.
    Totp,
    /// Six digits by SMS.
    SmsCode,
    /// Six digits by e-mail.
    EmailCode,
    /// A link by e-mail.
    MagicLink,
    /// One of ten kept on paper.
    RecoveryCode,
    /// Another provider's word.
    Upstream,
}

/// By which way a proof travels: two proofs of one channel are one factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Channel {
    Memory,
    Key,
    App,
    Phone,
    Mailbox,
    Paper,
    Provider,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Password,
        Self::Passkey,
        Self::SecurityKey,
        Self::Totp,
        Self::SmsCode,
        Self::EmailCode,
        Self::MagicLink,
        Self::RecoveryCode,
        Self::Upstream,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::SecurityKey => "security_key",
            Self::Totp => "totp",
            Self::SmsCode => "sms_code",
            Self::EmailCode => "email_code",
            Self::MagicLink => "magic_link",
            Self::RecoveryCode => "recovery_code",
            Self::Upstream => "upstream",
        }
    }

    /// What the direct API calls it (`mfa_methods`, `method`).
    pub fn method(self) -> &'static str {
        match self {
            Self::SmsCode => "sms",
            Self::EmailCode => "email",
            other => other.name(),
        }
    }

    /// By either name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name || f.method() == name)
    }

    fn channel(self) -> Channel {
        match self {
            Self::Password => Channel::Memory,
            Self::Passkey | Self::SecurityKey => Channel::Key,
            Self::Totp => Channel::App,
            Self::SmsCode => Channel::Phone,
            Self::EmailCode | Self::MagicLink => Channel::Mailbox,
            Self::RecoveryCode => Channel::Paper,
            Self::Upstream => Channel::Provider,
        }
    }

    /// Do both travel by the same way, so that together they are no more than one?
    pub fn same_channel(self, other: Self) -> bool {
        self.channel() == other.channel()
    }

    /// Cannot be typed into a page of an impostor.
    pub fn resists_phishing(self) -> bool {
        self.channel() == Channel::Key
    }

    /// RFC 8176. There is no value for mail, recovery codes and other providers: mail and paper are one-time
    /// passwords, a provider says nothing.
    fn amr(self, hardware: bool) -> &'static [&'static str] {
        match (self, hardware) {
            (Self::Password, _) => &["pwd"],
            (Self::Passkey, true) => &["hwk", "user"],
            (Self::Passkey, false) => &["swk", "user"],
            (Self::SecurityKey, true) => &["hwk"],
            (Self::SecurityKey, false) => &["swk"],
            (Self::SmsCode, _) => &["sms"],
            (Self::Totp | Self::EmailCode | Self::MagicLink | Self::RecoveryCode, _) => &["otp"],
            (Self::Upstream, _) => &[],
        }
    }
}

/// How much a sign-in is worth (`acr`); each level includes those below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Acr {
    /// One factor.
    #[serde(rename = "urn:countersign:1")]
    One,
    /// Two factors of different channels, or a passkey.
    #[serde(rename = "urn:countersign:2")]
    Two,
    /// Two factors, one of which no impostor's page can ask for.
    #[serde(rename = "urn:countersign:phr")]
    PhishingResistant,
}

impl Acr {
    /// All, weakest first.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::PhishingResistant];

    /// As in the `acr` claim.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "urn:countersign:1",
            Self::Two => "urn:countersign:2",
            Self::PhishingResistant => "urn:countersign:phr",
        }
    }

    /// By its name, or `phr`/`phrh` (OpenID Connect Extended Authentication Profile ACR Values 1.0).
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "phr" | "phrh" => Some(Self::PhishingResistant),
            _ => Self::ALL.into_iter().find(|a| a.name() == name),
        }
    }

    /// What these proofs are worth together. `None`: nothing.
    pub fn of(proven: &[Proven]) -> Option<Self> {
        let first = proven.first()?;
        let keyed = proven.iter().any(|p| p.factor.resists_phishing());
        let two = proven.iter().any(|p| p.factor == Factor::Passkey)
            || proven.iter().any(|p| !p.factor.same_channel(first.factor));
        Some(match (two, keyed) {
            (true, true) => Self::PhishingResistant,
            (true, false) => Self::Two,
            (false, _) => Self::One,
        })
    }
}

/// A factor that was proven, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proven {
    /// Which.
    pub factor: Factor,
    /// Store time.
    pub at: Timestamp,
    /// The key cannot leave its device (WebAuthn: not eligible for backup).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hardware: bool,
}

impl Proven {
    pub(crate) fn amr(&self) -> &'static [&'static str] {
        self.factor.amr(self.hardware)
    }
}
