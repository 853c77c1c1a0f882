//! What the pages of codes and links by mail are told.

use super::super::headers::{Guard, Referrer};
use super::{App, Page, Trouble};
use serde::Serialize;

/// A mail is on its way, if the address has an account.
#[derive(Serialize, Debug)]
pub(crate) struct CheckMail {
    pub(crate) form_token: String,
    /// The sealed request; none: on to the account page.
    pub(crate) resume: Option<String>,
    /// The sealed sign-in under way, when a page asked for more.
    pub(crate) transaction: Option<String>,
    pub(crate) client: Option<App>,
    /// As typed.
    pub(crate) address: String,
    pub(crate) trouble: Option<Trouble>,
}

impl Page for CheckMail {
    const TEMPLATE: &'static str = "check_mail.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}

/// How it stands with the link of a mail, as its page tells it.
#[derive(Serialize, Debug)]
#[serde(rename_all = "snake_case", tag = "is")]
pub(crate) enum Stands {
    /// A button signs in.
    Here {
        /// The link's secret.
        token: String,
        /// The address it went to.
        to: String,
    },
    /// It was asked for in another browser or app: there the code is to be typed.
    Elsewhere {
        /// The link's secret.
        token: String,
        /// The code; none: its tries are used up.
        code: Option<String>,
    },
    /// It was used.
    Used,
    /// It is too old, replaced, voided or unknown.
    Ended,
    /// It was voided just now.
    Voided,
}

/// Where a link was asked for.
#[derive(Serialize, Debug)]
pub(crate) struct AskedFrom {
    pub(crate) ip: String,
    pub(crate) device: String,
    pub(crate) at: i64,
}

/// Behind the link of a mail that signs in.
#[derive(Serialize, Debug)]
pub(crate) struct MailSignIn {
    pub(crate) form_token: String,
    pub(crate) stands: Stands,
    pub(crate) asked_from: Option<AskedFrom>,
}

impl Page for MailSignIn {
    const TEMPLATE: &'static str = "mail_sign_in.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
    /// Its address holds the link's secret.
    fn referrer(&self) -> Referrer {
        Referrer::None
    }
}
