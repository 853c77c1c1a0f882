//! What each page is told. Field names are what templates use; a missing one is an error.

pub(crate) mod account;
pub(crate) mod codes;
pub(crate) mod mail_link;
pub(crate) mod passkeys;
pub(crate) mod upstream;

use super::brand;
use super::headers::{Guard, Referrer};
use countersign_issuer::model::{Client, User};
use countersign_issuer::oauth::authorize::ConsentView;
use serde::Serialize;
use std::collections::BTreeMap;
use url::Url;

/// A page.
pub(crate) trait Page: Serialize {
    /// Its file under `templates/`.
    const TEMPLATE: &'static str;
    /// How far it must be let.
    fn guard(&self) -> Guard {
        Guard::Own
    }
    /// What its form tells of where it was sent from.
    fn referrer(&self) -> Referrer {
        Referrer::SameOrigin
    }
}

/// An application, as people see it. `logo_uri` is not loaded: that would tell a third party who signs in.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) home: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) terms: Option<String>,
    /// Its colours, a style sheet below our own path.
    pub(crate) style: Option<String>,
    /// Its picture, below our own path.
    pub(crate) logo: Option<String>,
    /// Names by language (RFC 7591 2.2), those without a tag apart.
    pub(crate) names: BTreeMap<String, String>,
    /// A sentence above the sign-in form.
    pub(crate) welcome: Option<String>,
    /// That sentence by language.
    pub(crate) welcomes: BTreeMap<String, String>,
}

impl From<&Client> for App {
    fn from(client: &Client) -> Self {
        let link = |url: &Option<String>| url.as_deref().and_then(web_link);
        let (style, logo) = brand::paths(client);
        let names = client.metadata.more.iter().filter_map(|(n, v)| v.as_str().map(|v| (n.as_str(), v)));
        let texts = client.metadata.brand.as_ref().map(|b| &b.texts);
        Self {
            name: client.display_name().to_owned(),
            home: link(&client.metadata.client_uri),
            policy: link(&client.metadata.policy_uri),
            terms: link(&client.metadata.tos_uri),
            style,
            logo,
            names: tagged(names, "client_name"),
            welcome: texts.and_then(|t| t.get("welcome")).cloned(),
            welcomes: tagged(texts.into_iter().flatten().map(|(n, t)| (n.as_str(), t.as_str())), "welcome"),
        }
    }
}

/// Values of `base#tag`, by tag.
fn tagged<'a>(all: impl Iterator<Item = (&'a str, &'a str)>, base: &str) -> BTreeMap<String, String> {
    let tag = |name: &str| name.split_once('#').filter(|(b, _)| *b == base).map(|(_, tag)| tag.to_owned());
    all.filter_map(|(name, value)| Some((tag(name)?, value.to_owned()))).collect()
}

/// The address if it is one of the web: never `javascript:` and the like.
pub(super) fn web_link(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| url.into())
}

/// A person, as they see themselves.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: Option<String>,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) username: Option<String>,
    pub(crate) roles: Vec<String>,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self {
            name: user.name.clone().filter(|n| !n.trim().is_empty()),
            email: user.email.clone(),
            email_verified: user.email_verified,
            username: user.username.clone(),
            roles: user.roles.clone(),
        }
    }
}

/// Why a sign-in did not work: a text's key, and seconds to wait.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: &'static str,
    pub(crate) wait: Option<u64>,
}

/// What a sign-in page leads to beside a password.
#[derive(Serialize, Clone, Copy, Debug)]
pub(crate) struct Offers {
    /// Codes and links by mail.
    pub(crate) mail: bool,
    /// A new password, by mail too.
    pub(crate) recover: bool,
    /// An account, made by oneself.
    pub(crate) sign_up: bool,
}

/// Sign in, or prove again who you are.
#[derive(Serialize, Debug)]
pub(crate) struct SignIn {
    pub(crate) form_token: String,
    /// The sealed request; none: on to the account page.
    pub(crate) resume: Option<String>,
    /// The sealed sign-in under way, when a page asked for more.
    pub(crate) transaction: Option<String>,
    pub(crate) client: Option<App>,
    pub(crate) username: String,
    pub(crate) again: bool,
    pub(crate) offers: Offers,
    pub(crate) trouble: Option<Trouble>,
    /// Other providers to sign in with.
    pub(crate) providers: Vec<upstream::Provider>,
}

impl Page for SignIn {
    const TEMPLATE: &'static str = "sign_in.html";
    fn guard(&self) -> Guard {
        // A provider is another site too.
        let leaves = self.resume.is_some() || !self.providers.is_empty();
        if leaves { Guard::LeadsToClientWithPasskeys } else { Guard::OwnWithPasskeys }
    }
}

/// Which account?
#[derive(Serialize, Debug)]
pub(crate) struct ChooseAccount {
    pub(crate) form_token: String,
    pub(crate) resume: String,
    pub(crate) client: App,
    pub(crate) user: Person,
}

impl Page for ChooseAccount {
    const TEMPLATE: &'static str = "choose_account.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}

/// Scopes of one API, or about the person.
#[derive(Serialize, Debug)]
pub(crate) struct ScopeGroup {
    pub(crate) api: Option<String>,
    pub(crate) scopes: Vec<ScopeLine>,
}

/// One scope in words.
#[derive(Serialize, Debug)]
pub(crate) struct ScopeLine {
    pub(crate) scope: String,
    pub(crate) says: String,
}

/// May the application?
#[derive(Serialize, Debug)]
pub(crate) struct Consent {
    pub(crate) form_token: String,
    pub(crate) resume: String,
    pub(crate) client: App,
    pub(crate) user: Person,
    pub(crate) groups: Vec<ScopeGroup>,
    pub(crate) redirect_host: String,
}

impl Consent {
    pub(crate) fn new(view: ConsentView, form_token: String) -> Self {
        let line = |(scope, says)| ScopeLine { scope, says };
        let group =
            |(api, scopes): (_, Vec<_>)| ScopeGroup { api, scopes: scopes.into_iter().map(line).collect() };
        Self {
            form_token,
            resume: view.resume,
            client: App::from(&*view.client),
            user: Person::from(&view.user),
            groups: view.scopes.into_iter().filter(|(_, s)| !s.is_empty()).map(group).collect(),
            redirect_host: view.redirect_host,
        }
    }
}

impl Page for Consent {
    const TEMPLATE: &'static str = "consent.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
}

/// Really sign out?
#[derive(Serialize, Debug)]
pub(crate) struct ConfirmLogout {
    pub(crate) form_token: String,
    pub(crate) resume: String,
    pub(crate) client: Option<App>,
}

impl Page for ConfirmLogout {
    const TEMPLATE: &'static str = "confirm_logout.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClient
    }
    fn referrer(&self) -> Referrer {
        Referrer::None
    }
}

/// Signed out.
#[derive(Serialize, Debug)]
pub(crate) struct SignedOut {
    pub(crate) client: Option<App>,
}

impl Page for SignedOut {
    const TEMPLATE: &'static str = "signed_out.html";
    fn referrer(&self) -> Referrer {
        Referrer::None
    }
}

/// An answer on its way to a client.
#[derive(Serialize, Debug)]
pub(crate) struct FormPost {
    pub(crate) action: String,
    pub(crate) host: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Page for FormPost {
    const TEMPLATE: &'static str = "form_post.html";
    fn guard(&self) -> Guard {
        Guard::PostsToClient
    }
    fn referrer(&self) -> Referrer {
        Referrer::None
    }
}

/// The root.
#[derive(Serialize, Debug)]
pub(crate) struct Home {
    pub(crate) host: String,
    pub(crate) email: Option<String>,
}

impl Page for Home {
    const TEMPLATE: &'static str = "home.html";
    fn referrer(&self) -> Referrer {
        Referrer::None
    }
}

/// A code on its way.
#[derive(Serialize, Debug)]
pub(crate) struct Sent {
    /// The factor's stable name.
    pub(crate) method: &'static str,
    /// Where to, with most of it left out.
    pub(crate) to: String,
}

/// One more factor is due.
#[derive(Serialize, Debug)]
pub(crate) struct SecondFactor {
    pub(crate) form_token: String,
    /// The sealed sign-in under way.
    pub(crate) transaction: String,
    pub(crate) resume: Option<String>,
    pub(crate) client: Option<App>,
    /// Stable names of the factors that will do; the first one is shown, the others are a press away.
    pub(crate) methods: Vec<&'static str>,
    /// The code that was sent.
    pub(crate) sent: Option<Sent>,
    pub(crate) trouble: Option<Trouble>,
}

impl Page for SecondFactor {
    const TEMPLATE: &'static str = "second_factor.html";
    fn guard(&self) -> Guard {
        Guard::LeadsToClientWithPasskeys
    }
}

/// Something did not work.
#[derive(Serialize, Debug)]
pub(crate) struct Trap {
    /// `request`, `form`, `expired`, `missing`, `method`, `large`, `throttled`, `busy`, `bug`: the texts' key.
    pub(crate) kind: &'static str,
    /// What happened, where the flow says more than the text.
    pub(crate) detail: Option<String>,
    /// The same as a text: the end of its key.
    pub(crate) reason: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
    pub(crate) request_id: Option<String>,
    /// Seconds; there with `throttled` and `busy`.
    pub(crate) retry_after: Option<u64>,
}

impl Page for Trap {
    const TEMPLATE: &'static str = "error.html";
    fn referrer(&self) -> Referrer {
        Referrer::None
    }
}
