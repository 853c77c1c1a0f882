//! The verifier a service holds: one issuer, the service's own audiences, keys held ready.

use crate::bearer;
use crate::builder::{Builder, NeedAudience};
use crate::check;
use crate::clock::Clock;
use crate::discovery::SourceError;
use crate::guard::Guard;
use crate::identity::Identity;
use crate::keys::{KeysUnavailable, Source};
use crate::refusal::Refusal;
use countersign_token::Policy;
use http::request::Parts;
use std::fmt;
use std::sync::Arc;

/// Verifies access tokens of one issuer for one service. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) issuer: String,
    pub(crate) realm: String,
    pub(crate) policy: Policy,
    pub(crate) source: Source,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.inner.issuer)
            .field("realm", &self.inner.realm)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Starts with the exact issuer, as it stands in tokens and in the issuer's metadata.
    pub fn builder(issuer: impl Into<String>) -> NeedAudience {
        Builder::of(issuer.into())
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Verifies a token. Who may do what is the caller's to decide, or that of [`Self::require`].
    pub async fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        check::token(&self.inner, token).await
    }

    /// Verifies the bearer token of a request (RFC 6750 2.1: the `Authorization` header, and only that).
    pub async fn verify_request(&self, request: &Parts) -> Result<Identity, Refusal> {
        self.verify(bearer::token(&request.headers, &request.uri)?).await
    }

    /// A guard for routes: a verified token, plus what is added to it.
    pub fn require(&self) -> Guard {
        Guard::new(self.clone())
    }

    /// Makes sure that there are keys; for a start-up or readiness check. Verifying does so by itself.
    pub async fn ready(&self) -> Result<(), KeysUnavailable> {
        self.inner.source.current().await.map(drop)
    }

    /// Fetches the keys now and answers when that is done: a key the issuer withdrew is refused from then
    /// on. On failure the keys there are stay in force. Calls share fetches, but one that began before
    /// this call is not taken for its answer. Does nothing for a verifier with fixed keys.
    pub async fn refresh_keys(&self) -> Result<(), SourceError> {
        self.inner.source.refresh().await
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// The realm named in challenges.
    pub fn realm(&self) -> &str {
        &self.inner.realm
    }
}
