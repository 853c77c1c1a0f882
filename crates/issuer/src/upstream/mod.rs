//! Signing in with another provider: OpenID Connect, and GitHub's OAuth.
//!
//! The other provider proves who somebody is there; whose account that is here is decided by its link alone
//! ([`link`]), never by an address that nobody confirmed. What a provider sends is judged as a stranger's: the
//! ID token by this crate's engine, the answer's size, every text's length.

mod apple;
mod cache;
mod callback;
mod claims;
mod discovery;
mod exchange;
mod github;
pub mod link;
mod provider;
mod request;
mod roles;

pub use callback::{End, Landed, finish};
pub use claims::Identity;
pub use link::Pending;
pub use provider::{AppleKey, ClientSecret, Linking, MailTrust, Protocol, ProviderSettings};
pub use request::{Intent, Start, begin};
pub use roles::RoleRule;

use crate::error::Failure;
use crate::port::{Call, CallAnswer, CallMethod, StoreError, Unreached};
use crate::{Issuer, model::Secret};
use cache::Cache;
use countersign_token::KeySet;
use discovery::Metadata;
use std::sync::Arc;

/// Longest name of a person's account at a provider, in bytes (OIDC Core 2 has 255 for `sub`).
pub const LONGEST_SUBJECT: usize = 255;
/// Longest token taken from a token endpoint, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Why somebody is not signed in: what the page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The person, or their provider, said no.
    Denied,
    /// The provider does not answer, or says it cannot now.
    Unreachable,
    /// The provider and this server do not fit together: for the operator.
    Misconfigured,
    /// What the provider said cannot be trusted.
    Refused,
    /// The sign-in took too long, came twice, or began in another browser.
    Expired,
    /// Nobody here has this link, and accounts are not made by it.
    NoAccount,
    /// That account of the provider belongs to somebody else here.
    TakenElsewhere,
    /// The provider was asked for a fresh proof and did not give one.
    Stale,
}

impl Kind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::Misconfigured => "misconfigured",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::NoAccount => "no_account",
            Self::TakenElsewhere => "taken",
            Self::Stale => "stale",
        }
    }
}

/// What a page says, and what the log knows beside it: never a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// For people.
    pub kind: Kind,
    /// For the log.
    pub detail: String,
}

impl Trouble {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
    fn refused(detail: impl Into<String>) -> Self {
        Self::new(Kind::Refused, detail)
    }
    fn misconfigured(detail: impl Into<String>) -> Self {
        Self::new(Kind::Misconfigured, detail)
    }
}

impl From<Unreached> for Trouble {
    fn from(e: Unreached) -> Self {
        Self::new(Kind::Unreachable, e.0)
    }
}

/// Not done: by the provider's fault, or ours.
#[derive(Debug)]
pub enum Stop {
    /// Told on a page.
    Trouble(Trouble),
    /// As every flow fails.
    Failure(Failure),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<StoreError> for Stop {
    fn from(e: StoreError) -> Self {
        Self::Failure(e.into())
    }
}

/// A provider, and what is known of it.
pub struct Provider {
    /// As configured.
    pub settings: ProviderSettings,
    metadata: Cache<Arc<Metadata>>,
    keys: Cache<KeySet>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("name", &self.settings.name).finish_non_exhaustive()
    }
}

impl Provider {
    /// Where the provider sends the browser back to.
    pub fn redirect_uri(&self, issuer: &Issuer) -> String {
        issuer.settings.url(&format!("/login/upstream/{}/callback", self.settings.name))
    }
}

/// All that are configured, in their order.
#[derive(Debug, Default)]
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    pub(crate) fn new(settings: &[ProviderSettings]) -> Self {
        let provider = |settings: &ProviderSettings| {
            Arc::new(Provider {
                settings: settings.clone(),
                metadata: Cache::default(),
                keys: Cache::default(),
            })
        };
        Self(settings.iter().map(provider).collect())
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.iter()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By name.
    pub fn get(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|p| p.settings.name == name)
    }

    /// The provider that people with such an address sign in with.
    pub fn home_of(&self, address: &str) -> Option<&Arc<Provider>> {
        let (_, domain) = address.trim().rsplit_once('@')?;
        let domain = domain.to_lowercase();
        self.0.iter().find(|p| p.settings.mail_domains.contains(&domain))
    }
}

/// A call, answered with 200 and a document.
async fn document(issuer: &Issuer, url: &str, bearer: Option<&Secret>) -> Result<Vec<u8>, Trouble> {
    let mut headers = vec![("accept".into(), "application/json".to_owned())];
    if let Some(token) = bearer {
        headers.push(("authorization".into(), format!("Bearer {}", token.expose())));
    }
    let call = Call { method: CallMethod::Get, url: url.to_owned(), headers, body: Vec::new() };
    let answer = issuer.egress.call(call).await?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(unexpected(&answer, status)),
    }
}

fn unexpected(answer: &CallAnswer, status: u16) -> Trouble {
    let kind = match status {
        429 | 500.. => Kind::Unreachable,
        _ => Kind::Misconfigured,
    };
    let to = answer.header("location").is_some();
    Trouble::new(kind, format!("answered {status}{}", if to { " with a redirect" } else { "" }))
}

/// A text of theirs as it may stand in the log.
fn shown(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~')).take(120).collect()
}
