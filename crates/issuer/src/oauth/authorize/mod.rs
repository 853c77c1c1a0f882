//! `/oauth/authorize`: an ordered table of named checks, one file a check, then one pure decision. After
//! every page the browser comes back here, which decides again; pages never know what comes next.

use super::params::Params;
use crate::Issuer;
use crate::error::{Failure, Result};
use crate::model::{Client, User};
use crate::port::browser_session::LiveBrowser;
use std::sync::Arc;

/// Who is asking, as the browser shows it.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The live browser session, if its cookie is good.
    pub session: Option<LiveBrowser>,
    /// Value of the flow cookie: sealed blobs are bound to it.
    pub binding: String,
    /// The browser's own name (`User-Agent`), cut to 200 characters.
    pub device: String,
}

/// A first request, or one that comes back from a page.
#[derive(Clone, Debug)]
pub enum Ask {
    /// With the client's parameters.
    Fresh(Params),
    /// With `resume`, the sealed request.
    Resume(String),
}

/// What the browser gets.
#[derive(Debug)]
pub enum Next {
    /// Show the sign-in page; it posts and comes back with `resume`.
    Login {
        /// The sealed request.
        resume: String,
        /// For its name and logo.
        client: Arc<Client>,
        /// `login_hint`, to fill in the user field.
        hint: Option<String>,
        /// Somebody is signed in, but must prove it again (`prompt=login`, `max_age`).
        again: Option<User>,
    },
    /// Show the account choice.
    SelectAccount {
        /// The sealed request.
        resume: String,
        /// For its name and logo.
        client: Arc<Client>,
        /// Who is signed in.
        user: User,
    },
    /// Show the consent page.
    Consent(Box<ConsentView>),
    /// Send the browser to the client.
    Respond(Response),
    /// The client or its redirect URI is not proven: a page, never a redirect.
    Page(Failure),
}

/// What the consent page shows.
#[derive(Debug)]
pub struct ConsentView {
    /// The sealed request.
    pub resume: String,
    /// Who asks.
    pub client: Arc<Client>,
    /// Who is asked.
    pub user: User,
    /// What for: scope and a sentence for people, grouped by resource name (`None`: about the person).
    pub scopes: Vec<(Option<String>, Vec<(String, String)>)>,
    /// Host the answer goes to.
    pub redirect_host: String,
}

/// How the answer travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseMode {
    /// 303 with a query.
    Query,
    /// 303 with a fragment.
    Fragment,
    /// A page that posts itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// An answer for the client, error or not. Always with `iss` (RFC 9207).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// Proven.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What, in order.
    pub params: Vec<(&'static str, String)>,
}

impl Response {
    /// The URL for query and fragment mode.
    pub fn location(&self) -> String {
        todo!()
    }
}

/// What the person chose on a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Consent: allow.
    Allow,
    /// Consent: refuse.
    Deny,
    /// Account choice: go on as the one signed in.
    Continue,
    /// Account choice: sign in as somebody else.
    Another,
}

/// Decides what comes next. Failures inside [`Next::Page`]; `Err` never happens for a request's own fault.
pub async fn authorize(_issuer: &Issuer, _ask: Ask, _visitor: &Visitor) -> Next {
    todo!()
}

/// A page's form came back with a choice; decides again.
pub async fn choose(_issuer: &Issuer, _resume: &str, _choice: Choice, _visitor: &Visitor) -> Next {
    todo!()
}

/// The client and login hint of a sealed request, for a sign-in page that must be shown again after a
/// wrong password. `None`: expired, or another browser's.
pub async fn peek(
    _issuer: &Issuer,
    _resume: &str,
    _visitor: &Visitor,
) -> Result<Option<(Arc<Client>, Option<String>)>> {
    todo!()
}
