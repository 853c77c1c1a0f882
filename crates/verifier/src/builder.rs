//! Building a verifier. Issuer and audience come first and cannot be left out.

use crate::clock::{Clock, SystemClock};
use crate::discovery::{Plain, SourceError, issuer_url};
use crate::fetch::{Fetch, FetchError, HttpFetch};
use crate::keys::{Limits, Remote, Source};
use crate::verifier::{Inner, Verifier};
use countersign_token::{Algorithm, KeyError, KeySet, Policy, TokenType, VerifyingKey};
use std::sync::Arc;
use std::time::Duration;

/// Every asymmetric algorithm: the key decides which one counts.
const ASYMMETRIC: [Algorithm; 10] = [
    Algorithm::Ed25519,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];

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
}

/// An issuer without an audience: not yet a verifier.
#[derive(Debug)]
pub struct NeedAudience {
    issuer: String,
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

    /// Clock difference to the issuer that is tolerated, 0 to 60 s. Default 0.
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
            [] => ASYMMETRIC.to_vec(),
            secrets => secrets.iter().map(VerifyingKey::algorithm).collect(),
        });
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let source = match self.set {
            _ if !self.keys.is_empty() => Source::fixed(KeySet::new(self.keys)),
            Some(set) => Source::fixed(set),
            None => {
                let url = issuer_url(&self.issuer, self.limits.plain)?;
                let fetch = match self.fetch {
                    Some(fetch) => fetch,
                    None => Arc::new(HttpFetch::new()?),
                };
                Source::Remote(Remote::new(self.issuer.clone(), url, self.limits, fetch, Arc::clone(&clock)))
            }
        };
        Ok(Verifier::new(Inner {
            realm: self.realm.unwrap_or_else(|| self.audience.first().cloned().unwrap_or_default()),
            policy: Policy::issuer(self.issuer.clone())
                .audience(self.audience)
                .token_type(TokenType::Access)
                .algorithms(&algorithms)
                .leeway(self.leeway),
            issuer: self.issuer,
            source,
            clock,
        }))
    }
}
