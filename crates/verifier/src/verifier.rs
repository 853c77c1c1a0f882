//! The verifier a service holds: one issuer, the service's own audiences, keys and revocations held ready.

use crate::builder::{Builder, NeedAudience};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::discovery::SourceError;
use crate::explain::{self, Explanation};
use crate::feed::Feed;
use crate::guard::Guard;
use crate::identity::Identity;
use crate::introspect::Introspection;
use crate::keys::{KeysUnavailable, Source};
use crate::proof::ProofCheck;
use crate::refusal::Refusal;
use crate::staleness::Terms;
use crate::status::{CacheStatus, Status};
use countersign_token::Policy;
use http::request::Parts;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Verifies access tokens of one issuer for one service. Cheap to clone; clones share keys, feed and cache.
/// The task that follows the feed ends with the last clone.
#[derive(Clone)]
pub struct Verifier {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) issuer: String,
    pub(crate) audience: Vec<String>,
    pub(crate) realm: String,
    pub(crate) policy: Policy,
    /// As the policy has it.
    pub(crate) leeway: Duration,
    pub(crate) source: Source,
    pub(crate) feed: Feed,
    pub(crate) cache: Cache,
    /// What the verifier does beyond its hard bound, where a route says nothing.
    pub(crate) terms: Terms,
    pub(crate) introspection: Option<Introspection>,
    pub(crate) proof: Option<Arc<dyn ProofCheck>>,
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

    /// Verifies a token. Who may do what is the caller's to decide, or that of [`Self::require`]. A token that
    /// is bound to a key is refused: a proof comes with a request ([`Self::verify_request`]).
    pub async fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        self.inner.bare(token, Terms::default()).await
    }

    /// Verifies the token of a request (RFC 6750 2.1: the `Authorization` header, and only that).
    pub async fn verify_request(&self, request: &Parts) -> Result<Identity, Refusal> {
        self.inner.request(request, Terms::default()).await
    }

    /// Verifies a token seen before, without waiting: times, staleness, keys and revocations are judged, the
    /// signature was. `with` sees the identity in place, so nothing is counted and threads do not meet.
    ///
    /// `None`: nothing is known of the token, or only the long way can tell; call [`Self::verify`].
    pub fn peek<R>(&self, token: &str, with: impl FnOnce(&Identity) -> R) -> Option<Result<R, Refusal>> {
        let at = self.inner.moment();
        let generation = self.inner.source.fresh(at.elapsed)?;
        let unbound = |who: &Identity| who.confirmation().is_none().then(|| with(who));
        match self.inner.hit(token, Terms::default(), generation, at, unbound)? {
            Ok(Some(outcome)) => Some(Ok(outcome)),
            Ok(None) => None,
            Err(refusal) => Some(Err(refusal)),
        }
    }

    /// A guard for routes: a verified token, plus what is added to it.
    pub fn require(&self) -> Guard {
        Guard::new(self.clone())
    }

    /// Makes sure that there are keys, and waits for the revocation feed's first proven head as the first
    /// token would; for a start-up or readiness check. Verifying does so by itself.
    pub async fn ready(&self) -> Result<(), KeysUnavailable> {
        self.inner.source.current().await?;
        self.inner.feed.ready(&self.inner.source).await;
        Ok(())
    }

    /// Fetches the keys now and answers when that is done: a key the issuer withdrew is refused from then
    /// on. On failure the keys there are stay in force. Calls share fetches, but one that began before
    /// this call is not taken for its answer. Does nothing for a verifier with fixed keys.
    pub async fn refresh_keys(&self) -> Result<(), SourceError> {
        self.inner.source.refresh().await
    }

    /// What the verifier knows and how old that is.
    pub fn status(&self) -> Status {
        let Inner { feed, source, cache, terms, .. } = &*self.inner;
        Status {
            feed: feed.status(self.inner.moment(), *terms),
            keys: source.status(),
            cache: CacheStatus { capacity: cache.capacity(), entries: cache.len() },
        }
    }

    /// Tells every change of the feed: new rules, connection lost and won. The value is the newest state;
    /// states between two looks are left out.
    #[cfg(feature = "feed")]
    pub fn feed_changes(&self) -> tokio::sync::watch::Receiver<crate::status::FeedChange> {
        self.inner.feed.changes()
    }

    /// Asks the issuer for the newest head now and answers when it is proven or not to be had. For services
    /// that hold no stream ([`Builder::poll`]), such as functions that sleep between calls. Does nothing
    /// where no feed is followed.
    #[cfg(feature = "feed")]
    pub async fn refresh_feed(&self) -> Result<(), crate::feed::FeedError> {
        self.inner.source.current().await.map_err(|e| crate::feed::FeedError::new(e.to_string()))?;
        self.inner.feed.refresh(&self.inner.source).await
    }

    /// Every check of a token, one by one: what was due, what came, what came of it. For people and tools;
    /// costs several times a verification. Never holds the token.
    pub async fn explain(&self, token: &str) -> Explanation {
        explain::explain(&self.inner, token).await
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
