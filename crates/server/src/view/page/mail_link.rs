//! What the pages around mails are told: what was sent, and what a link leads to.

use super::account::Trouble;
use super::{App, Guard, Page, Referrer};
use serde::Serialize;

/// How it stands with a link, as its page sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LinkStands {
    /// A button uses it.
    Here,
    /// This code is to be typed where it was asked for.
    Elsewhere(String),
    Used,
    Ended,
}

impl LinkStands {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Elsewhere(_) => "elsewhere",
            Self::Used => "used",
            Self::Ended => "ended",
        }
    }
}

/// Behind a link.
#[derive(Serialize, Debug)]
pub(crate) struct Link {
    pub(crate) form_token: String,
    /// Who is signed in.
    pub(crate) me: Option<String>,
    /// `signup`, `recover`, `email`: the texts' key.
    pub(crate) topic: &'static str,
    /// Where its form leads.
    pub(crate) action: &'static str,
    /// Where to begin again.
    pub(crate) start: &'static str,
    pub(crate) token: String,
    /// `here`, `elsewhere`, `used`, `ended`.
    pub(crate) stands: &'static str,
    pub(crate) code: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) asked_at: Option<i64>,
    pub(crate) ip: Option<String>,
    pub(crate) device_name: Option<String>,
}

impl Page for Link {
    const TEMPLATE: &'static str = "mail_link.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
    fn referrer(&self) -> Referrer {
        Referrer::None
    }
}

/// Check your mail.
#[derive(Serialize, Debug)]
pub(crate) struct MailSent {
    pub(crate) form_token: String,
    /// Where its form leads.
    pub(crate) action: &'static str,
    pub(crate) start: &'static str,
    pub(crate) to: String,
    pub(crate) resume: Option<String>,
    pub(crate) trouble: Option<Trouble>,
}

impl Page for MailSent {
    const TEMPLATE: &'static str = "mail_sent.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}

/// Make an account.
#[derive(Serialize, Debug)]
pub(crate) struct SignUp {
    pub(crate) form_token: String,
    pub(crate) resume: Option<String>,
    pub(crate) client: Option<App>,
    pub(crate) email: String,
    pub(crate) name: String,
    /// May be left out.
    pub(crate) password_optional: bool,
    pub(crate) trouble: Option<Trouble>,
}

impl Page for SignUp {
    const TEMPLATE: &'static str = "signup.html";
}

/// Who lost their password.
#[derive(Serialize, Debug)]
pub(crate) struct Recover {
    pub(crate) form_token: String,
    pub(crate) resume: Option<String>,
    pub(crate) client: Option<App>,
    pub(crate) email: String,
    pub(crate) trouble: Option<Trouble>,
}

impl Page for Recover {
    const TEMPLATE: &'static str = "recover.html";
}

/// A new password, after all that was asked was proven.
#[derive(Serialize, Debug)]
pub(crate) struct NewPassword {
    pub(crate) form_token: String,
    pub(crate) resume: Option<String>,
    /// The sealed recovery under way.
    pub(crate) transaction: String,
    /// For password managers.
    pub(crate) username: String,
    pub(crate) trouble: Option<Trouble>,
}

impl Page for NewPassword {
    const TEMPLATE: &'static str = "new_password.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}

/// Set up a second factor within a sign-in that asks for one.
#[derive(Serialize, Debug)]
pub(crate) struct EnrolOnTheWay {
    pub(crate) form_token: String,
    /// The sealed sign-in under way.
    pub(crate) transaction: String,
    pub(crate) resume: Option<String>,
    pub(crate) client: Option<App>,
    /// A passkey would do.
    pub(crate) passkey: bool,
    /// This browser's `User-Agent`: the name of a passkey, if nothing is typed.
    pub(crate) agent: String,
    /// An authenticator app would do.
    pub(crate) app: Option<AppOnTheWay>,
    /// A number for text messages would do.
    pub(crate) phone: bool,
    pub(crate) trouble: Option<Trouble>,
}

/// As in [`super::account::Totp`].
#[derive(Serialize, Debug)]
pub(crate) struct AppOnTheWay {
    pub(crate) key: String,
    pub(crate) address: String,
    pub(crate) qr: String,
    pub(crate) sealed: String,
}

impl Page for EnrolOnTheWay {
    const TEMPLATE: &'static str = "enrol.html";
    fn guard(&self) -> Guard {
        if self.passkey { Guard::LeadsToClientWithPasskeys } else { Guard::LeadsToClient }
    }
}

/// A code went to the number that is set up within a sign-in.
#[derive(Serialize, Debug)]
pub(crate) struct EnrolPhone {
    pub(crate) form_token: String,
    pub(crate) transaction: String,
    pub(crate) resume: Option<String>,
    pub(crate) to: String,
    pub(crate) trouble: Option<Trouble>,
}

impl Page for EnrolPhone {
    const TEMPLATE: &'static str = "enrol_phone.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}

/// Recovery codes made within a sign-in, before it goes on.
#[derive(Serialize, Debug)]
pub(crate) struct KeepCodes {
    pub(crate) form_token: String,
    pub(crate) transaction: String,
    pub(crate) resume: Option<String>,
    pub(crate) codes: Vec<String>,
}

impl Page for KeepCodes {
    const TEMPLATE: &'static str = "enrol_codes.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}
