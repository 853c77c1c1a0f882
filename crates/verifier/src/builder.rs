//! Building a verifier. Issuer and audience come first and cannot be left out.

use crate::cache::{self, Cache};
use crate::clock::{Clock, SystemClock};
use crate::discovery::{Plain, SourceError, issuer_url};
use crate::entropy::{Entropy, SystemEntropy};
use crate::fetch::{Fetch, FetchError};
use crate::introspect::Introspection;
use crate::keys::{Limits, Remote, Source};
use crate::proof::ProofCheck;
use crate::staleness::{OnStale, Terms};
use crate::state::Dir;
use crate::verifier::{Inner, Verifier};
use countersign_token::{Algorithm, KeyError, KeySet, Policy, TokenType, VerifyingKey};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// As the engine bounds it.
const MOST_LEEWAY: Duration = Duration::from_secs(60);
/// Clocks kept by NTP differ by milliseconds, seldom by more than a second: a token made a moment ago
/// elsewhere may carry an `iat` of a moment ahead.
pub(crate) const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// Why a verifier was not built.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No audience, or an empty one.
    #[error("an audience is needed: the name of this service as tokens carry it")]
    NoAudience,
    /// The issuer cannot be called.
    #[error(transparent)]
    Issuer(#[from] SourceError),
    /// A key or secret given was refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The HTTP client cannot be built.
    #[error(transparent)]
    Client(#[from] FetchError),
    /// The system has no randomness.
    #[error("the system has no random bytes")]
    Entropy,
    /// The state directory cannot be made or opened.
    #[error("state directory {}: {cause}", path.display())]
    State {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Client credentials that cannot stand in a header.
    #[error("client id or secret cannot be sent")]
    Credentials,
}

/// An issuer without an audience: not yet a verifier.
#[derive(Debug)]
pub struct NeedAudience {
    issuer: String,
}

#[cfg(feature = "http")]
fn own_fetch() -> Result<Arc<dyn Fetch>, BuildError> {
    Ok(Arc::new(crate::http_fetch::HttpFetch::new()?))
}

#[cfg(not(feature = "http"))]
fn own_fetch() -> Result<Arc<dyn Fetch>, BuildError> {
    Err(FetchError::Unsupported("reach an issuer: the crate was built without `http`").into())
}

impl NeedAudience {
    /// The names of this service; a token must carry one of them in `aud`.
    pub fn audience<S: Into<String>>(self, any_of: impl IntoIterator<Item = S>) -> Builder {
        Builder {
            issuer: self.issuer,
            audience: any_of.into_iter().map(Into::into).collect(),
            realm: None,
            algorithms: None,
            leeway: Duration::ZERO,
            limits: Limits {
                max_age: Duration::from_secs(600),
                cooldown: Duration::from_secs(30),
                timeout: Duration::from_secs(5),
                max_bytes: 512 * 1024,
                plain: Plain::Never,
            },
            keys: Vec::new(),
            set: None,
            fetch: None,
            clock: None,
            entropy: None,
            capacity: cache::CAPACITY,
            terms: Terms::default(),
            introspection: None,
            proof: None,
            state_dir: None,
            #[cfg(feature = "feed")]
            feed: crate::feed::Wanted::default(),
        }
    }
}

/// Settings of a verifier; every one has a default that is right for most services.
pub struct Builder {
    issuer: String,
    audience: Vec<String>,
    realm: Option<String>,
    algorithms: Option<Vec<Algorithm>>,
    leeway: Duration,
    limits: Limits,
    keys: Vec<VerifyingKey>,
    set: Option<KeySet>,
    fetch: Option<Arc<dyn Fetch>>,
    clock: Option<Arc<dyn Clock>>,
    entropy: Option<Arc<dyn Entropy>>,
    capacity: usize,
    terms: Terms,
    introspection: Option<(String, String)>,
    proof: Option<Arc<dyn ProofCheck>>,
    state_dir: Option<PathBuf>,
    #[cfg(feature = "feed")]
    pub(crate) feed: crate::feed::Wanted,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn of(issuer: String) -> NeedAudience {
        NeedAudience { issuer }
    }

    /// The realm named in challenges. Default: the first audience.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Algorithms accepted; a key of another is never used. Default: every asymmetric one, or, with
    /// [`Self::secret`], that of the secret.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Clock difference to the issuer that is tolerated, 0 to 60 s. Default 0. `nbf` and `iat` may lie 2 s
    /// ahead in any case.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How old keys may get before they are fetched again; in the background from 80 % of it on. Default
    /// 10 min. What the issuer's `Cache-Control` says does not matter.
    pub fn max_key_age(mut self, age: Duration) -> Self {
        self.limits.max_age = age;
        self
    }

    /// The least time between two fetches that strangers can cause by naming unknown keys. Default 30 s.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.limits.cooldown = cooldown;
        self
    }

    /// The longest wait for one document. Default 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// The largest document read. Default 512 KiB.
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_bytes = bytes;
        self
    }

    /// Allows plain HTTP to `localhost`, names under it and loopback addresses: development and tests.
    pub fn allow_http_on_loopback(mut self) -> Self {
        self.limits.plain = Plain::OnLoopback;
        self
    }

    /// Another way to get documents.
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Another source of random bytes.
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Some(Arc::new(entropy));
        self
    }

    /// How many verified tokens are remembered, rounded up to a power of two; 0 turns the cache off. Default
    /// 8,192, some 25 MB when full of large tokens.
    pub fn cache_capacity(mut self, tokens: usize) -> Self {
        self.capacity = tokens;
        self
    }

    /// Checks proofs of possession: without a hook, tokens that are bound to a key are refused.
    pub fn proof_check(mut self, hook: impl ProofCheck) -> Self {
        self.proof = Some(Arc::new(hook));
        self
    }

    /// What happens while the revocation feed is older than the hard bound, where a route does not say.
    /// Default [`OnStale::Closed`].
    pub fn on_stale(mut self, on_stale: OnStale) -> Self {
        self.terms.on_stale = Some(on_stale);
        self
    }

    /// The hard bound: how old the knowledge of revocations may get. Default: what the issuer recommends,
    /// usually 60 s.
    pub fn max_staleness(mut self, hard: Duration) -> Self {
        self.terms.hard = Some(hard);
        self
    }

    /// Credentials of this service at the issuer's introspection endpoint (RFC 7662), for
    /// [`OnStale::Introspect`].
    pub fn introspection(mut self, client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.introspection = Some((client_id.into(), secret.into()));
        self
    }

    /// A directory for what must outlive a restart: the issuer's keys and the revocations proven so far.
    /// Made if it is missing, readable by this user only. Whoever can write there can choose the keys.
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(path.into());
        self
    }

    /// Verifies offline with the keys of this JWKS document; nothing is ever fetched.
    pub fn jwks(mut self, document: &[u8]) -> Result<Self, BuildError> {
        self.set = Some(KeySet::from_jwks(document)?.0);
        Ok(self)
    }

    /// Verifies with the secret this service shares with the issuer (HS256 and its like); nothing is ever
    /// fetched. `kid` is the key id the issuer puts into tokens for this service, if it does.
    pub fn secret(
        mut self,
        algorithm: Algorithm,
        kid: Option<&str>,
        secret: &[u8],
    ) -> Result<Self, BuildError> {
        self.keys.push(VerifyingKey::from_secret(algorithm, kid, secret)?);
        Ok(self)
    }

    /// Builds the verifier. Nothing is fetched before the first token comes, or [`Verifier::ready`].
    pub fn build(self) -> Result<Verifier, BuildError> {
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return Err(BuildError::NoAudience);
        }
        let algorithms = self.algorithms.unwrap_or_else(|| match self.keys.as_slice() {
            // Every asymmetric one: the key decides which counts.
            [] => Algorithm::ASYMMETRIC.to_vec(),
            secrets => secrets.iter().map(VerifyingKey::algorithm).collect(),
        });
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let entropy = self.entropy.unwrap_or_else(|| Arc::new(SystemEntropy));
        let dir = match &self.state_dir {
            Some(root) => Some(Arc::new(
                Dir::open(root, &self.issuer)
                    .map_err(|cause| BuildError::State { path: root.clone(), cause: cause.to_string() })?,
            )),
            None => None,
        };
        let source = match self.set {
            _ if !self.keys.is_empty() => Source::fixed(KeySet::new(self.keys)),
            Some(set) => Source::fixed(set),
            None => {
                let url = issuer_url(&self.issuer, self.limits.plain)?;
                let fetch = match self.fetch {
                    Some(fetch) => fetch,
                    None => own_fetch()?,
                };
                let (clock, dir) = (Arc::clone(&clock), dir.clone());
                Source::Remote(Remote::new(self.issuer.clone(), url, self.limits, fetch, clock, dir))
            }
        };
        let credentials = |(id, secret): (String, String)| Introspection::new(&id, &secret);
        let introspection =
            self.introspection.map(|pair| credentials(pair).ok_or(BuildError::Credentials)).transpose()?;
        #[cfg(feature = "feed")]
        let feed = {
            let (clock, entropy) = (Arc::clone(&clock), Arc::clone(&entropy));
            self.feed.settled(&self.issuer, self.limits, self.terms, dir, clock, entropy)?
        };
        #[cfg(not(feature = "feed"))]
        let feed = crate::feed::Feed;
        Ok(Verifier::new(Inner {
            realm: self.realm.unwrap_or_else(|| self.audience.first().cloned().unwrap_or_default()),
            policy: Policy::issuer(self.issuer.clone())
                .audience(self.audience.clone())
                .token_type(TokenType::Access)
                .algorithms(&algorithms)
                .leeway(self.leeway)
                .early(CLOCKS_DIFFER),
            issuer: self.issuer,
            audience: self.audience,
            leeway: self.leeway.min(MOST_LEEWAY),
            source,
            feed,
            cache: Cache::new(self.capacity, &*entropy).ok_or(BuildError::Entropy)?,
            terms: self.terms,
            introspection,
            proof: self.proof,
            clock,
        }))
    }
}
