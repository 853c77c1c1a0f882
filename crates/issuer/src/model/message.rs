//! Mail and SMS: what is to be said to whom. How it reads is decided when it is sent.

use super::{AskedFrom, ClientId, Sealed, Secret};
use crate::port::Entropy;
use countersign_token::{Timestamp, base64url};
use serde::{Deserialize, Serialize};

/// A job's id: 16 random bytes; the `Message-ID` of a mail is made of it, so that a second delivery of the
/// same job can be told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct JobId(pub [u8; 16]);

impl JobId {
    /// A new one.
    pub fn mint(entropy: &dyn Entropy) -> Self {
        Self(entropy.bytes())
    }
    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

/// By which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// E-mail.
    Mail,
    /// SMS.
    Sms,
}

impl Way {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }
    /// Reads it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "mail" => Some(Self::Mail),
            "sms" => Some(Self::Sms),
            _ => None,
        }
    }
}

/// A message to be sent: the row, with its text sealed (it may hold a code or a link).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Id.
    pub id: JobId,
    /// By which way.
    pub way: Way,
    /// [`Message`] as JSON, sealed under `outbox/<id>`.
    pub message: Sealed,
}

/// Where to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// An address.
    Mail(String),
    /// A number (E.164).
    Sms(String),
}

/// What is to be said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// To whom.
    pub to: To,
    /// BCP 47, of the pages or the account.
    pub lang: String,
    /// Display name of the person, when known.
    pub name: Option<String>,
    /// The application it is about, for its name and look.
    pub client: Option<ClientId>,
    /// What about.
    pub about: About,
}

/// A code, and how long it is good.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SentCode {
    /// Six digits.
    #[serde(with = "exposed")]
    pub code: Secret,
    /// Minutes.
    pub minutes: u32,
    /// Where it was asked for.
    pub asked_from: AskedFrom,
}

/// A link with a code beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SentLink {
    /// The whole address.
    #[serde(with = "exposed")]
    pub link: Secret,
    /// To be typed in another browser.
    pub code: SentCode,
}

/// The occasions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "with")]
pub enum About {
    /// Sign in by this link, or by its code.
    SignInLink(SentLink),
    /// Sign in by this code, or prove a step of signing in.
    SignInCode(SentCode),
    /// Somebody tried to sign in or to recover an account with an address that has none.
    NoAccount(AskedFrom),
    /// Finish making the account.
    SignUp(SentLink),
    /// Somebody tried to sign up with an address that has an account.
    AlreadySignedUp(AskedFrom),
    /// Show that the address is yours.
    VerifyEmail(SentLink),
    /// Choose a new password.
    Recover(SentLink),
    /// Show that the new number is yours.
    VerifyPhone(SentCode),
    /// Something about the account changed.
    Notice(Notice),
}

/// Something that changed; the person should know, whoever did it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// What.
    pub what: Noticed,
    /// When.
    pub at: Timestamp,
    /// From where, when somebody did it in a browser or app.
    pub from: Option<AskedFrom>,
    /// What it is about: a passkey's name, a provider's, the new address, an app's name.
    pub detail: Option<String>,
}

/// What the person should know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noticed {
    /// Sign-in from a device not seen before.
    NewDevice,
    /// A new password.
    PasswordChanged,
    /// The address was shown to be theirs; password and linked providers from before are void.
    AddressClaimed,
    /// Another address; told to both.
    EmailChanged,
    /// A passkey or security key was added.
    PasskeyAdded,
    /// One was removed.
    PasskeyRemoved,
    /// One may have been copied: its signature counter went back.
    PasskeyCloned,
    /// An authenticator app was set up.
    TotpAdded,
    /// It was removed.
    TotpRemoved,
    /// A phone number was confirmed.
    PhoneAdded,
    /// It was removed.
    PhoneRemoved,
    /// New recovery codes; the old ones are void.
    RecoveryCodesMade,
    /// A recovery code was used; `detail`: how many are left.
    RecoveryCodeUsed,
    /// Another provider was linked.
    ProviderLinked,
    /// It was unlinked.
    ProviderUnlinked,
    /// A stolen refresh token was used; that session was ended.
    SessionStolen,
    /// The account is gone.
    AccountDeleted,
}

/// Secrets within a message, which is sealed as a whole.
mod exposed {
    use super::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(secret.expose())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
        String::deserialize(d).map(Secret::new)
    }
}
