//! What the pages about other providers are told.

use super::account::Frame;
use super::{Guard, Page, Person};
use serde::Serialize;

/// A provider on a button.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Provider {
    /// In paths.
    pub(crate) name: String,
    /// For people.
    pub(crate) label: String,
}

/// Really go there?
#[derive(Serialize, Debug)]
pub(crate) struct StartThere {
    pub(crate) form_token: String,
    pub(crate) resume: Option<String>,
    pub(crate) provider: Provider,
}

impl Page for StartThere {
    const TEMPLATE: &'static str = "upstream_start.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}

/// A sign-in with a provider did not work.
#[derive(Serialize, Debug)]
pub(crate) struct NotDone {
    pub(crate) provider: Provider,
    /// The end of the texts' key.
    pub(crate) kind: &'static str,
    /// Where to go on.
    pub(crate) on: String,
}

impl Page for NotDone {
    const TEMPLATE: &'static str = "upstream_trouble.html";
}

/// Prove an account here first.
#[derive(Serialize, Debug)]
pub(crate) struct ProveFirst {
    pub(crate) provider: Provider,
    /// There is an account with that address; else none could be told.
    pub(crate) known: bool,
    pub(crate) email: Option<String>,
    /// Where one signs in.
    pub(crate) on: String,
}

impl Page for ProveFirst {
    const TEMPLATE: &'static str = "upstream_prove.html";
}

/// Link it to this account?
#[derive(Serialize, Debug)]
pub(crate) struct LinkIt {
    pub(crate) form_token: String,
    pub(crate) me: String,
    pub(crate) resume: Option<String>,
    pub(crate) provider: Provider,
    pub(crate) email: Option<String>,
    pub(crate) user: Person,
}

impl Page for LinkIt {
    const TEMPLATE: &'static str = "upstream_link.html";
    fn guard(&self) -> Guard {
        if self.resume.is_some() { Guard::LeadsToClient } else { Guard::Own }
    }
}

/// A link in the list.
#[derive(Serialize, Debug)]
pub(crate) struct Link {
    pub(crate) label: String,
    pub(crate) provider: String,
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) linked_at: i64,
}

/// Accounts elsewhere that one signs in with.
#[derive(Serialize, Debug)]
pub(crate) struct Providers {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    pub(crate) links: Vec<Link>,
    /// That can be linked.
    pub(crate) providers: Vec<Provider>,
}

impl Page for Providers {
    const TEMPLATE: &'static str = "account_providers.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}
