//! The issuer's keys, held ready.
//!
//! Owns when keys are fetched: on first use, in the background at 80 % of their age, once past it, when a
//! token names an unknown key (at most once per cooldown), and when asked to. Fetches are single-flight,
//! run on a task of their own (a caller that goes away cancels nothing), and a failure never drops keys
//! that were good.

use crate::clock::Clock;
use crate::discovery::{Found, Plain, SourceError, address, found, places};
use crate::fetch::{Fetch, FetchError, Post};
use crate::state::{Dir, KeptKeys};
use crate::status::KeyStatus;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use countersign_token::KeySet;
use countersign_token::provider::{DEFAULT, Provider};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use url::Url;

/// While no keys were ever had, a failed fetch is tried again after this long.
const FIRST_KEYS_RETRY: Duration = Duration::from_secs(1);

/// No keys at all: nobody can be let in, and nobody can be told that their token is bad.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the issuer's keys cannot be had{}", cause.as_ref().map(|c| format!(": {c}")).unwrap_or_default())]
pub struct KeysUnavailable {
    /// When another try makes sense.
    pub retry_after: Duration,
    /// What went wrong last.
    pub cause: Option<SourceError>,
}

/// Bounds of the key source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_age: Duration,
    pub(crate) cooldown: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) plain: Plain,
}

impl Limits {
    /// The age from which on keys are fetched again in the background.
    fn renew_after(&self) -> Duration {
        self.max_age / 5 * 4
    }
}

/// Keys at one moment. `number` grows with each successful fetch, `generation` with each that brought
/// another document: what was verified under one generation is not known to hold under the next.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    pub(crate) number: u64,
    pub(crate) generation: u64,
    /// SHA-256 of the document.
    pub(crate) digest: [u8; 32],
    at: Duration,
    /// How old they were then: keys kept over a restart.
    was: Duration,
}

impl Snapshot {
    fn age(&self, elapsed: Duration) -> Duration {
        elapsed.saturating_sub(self.at).saturating_add(self.was)
    }
}

/// Where keys come from.
pub(crate) enum Source {
    /// Given once, for verification without a network.
    Fixed(Arc<Snapshot>),
    /// The issuer's JWKS.
    Remote(Arc<Remote>),
}

impl Source {
    pub(crate) fn fixed(keys: KeySet) -> Self {
        let (number, generation, digest) = (0, 1, [0; 32]);
        let (at, was) = (Duration::ZERO, Duration::ZERO);
        Self::Fixed(Arc::new(Snapshot { keys, number, generation, digest, at, was }))
    }

    /// The generation of keys in force, if they need no attention: there are some, and they are young.
    pub(crate) fn fresh(&self, elapsed: Duration) -> Option<u64> {
        match self {
            Self::Fixed(snapshot) => Some(snapshot.generation),
            Self::Remote(remote) => remote.fresh(elapsed),
        }
    }

    /// What discovery found; nothing before it, and for keys that were given.
    pub(crate) fn found(&self) -> Option<Arc<Found>> {
        match self {
            Self::Fixed(_) => None,
            Self::Remote(remote) => remote.found.load_full(),
        }
    }

    /// The issuer, where it is asked at all.
    pub(crate) fn remote(&self) -> Option<&Arc<Remote>> {
        match self {
            Self::Fixed(_) => None,
            Self::Remote(remote) => Some(remote),
        }
    }

    /// How many keys, how old, and what went wrong last.
    pub(crate) fn status(&self) -> KeyStatus {
        let count = |snapshot: Arc<Snapshot>| snapshot.keys.len();
        match self {
            Self::Fixed(snapshot) => {
                KeyStatus { loaded: Some(snapshot.keys.len()), age: Duration::ZERO, failure: None }
            }
            Self::Remote(remote) => {
                let snapshot = remote.loaded.load_full();
                let age = snapshot.as_ref().map(|s| s.age(remote.clock.elapsed()));
                let failure = remote.state().failure.as_ref().map(SourceError::to_string);
                KeyStatus { loaded: snapshot.map(count), age: age.unwrap_or_default(), failure }
            }
        }
    }

    /// Keys to verify with, fetched first where there are none or they are past their age.
    pub(crate) async fn current(&self) -> Result<Arc<Snapshot>, KeysUnavailable> {
        match self {
            Self::Fixed(snapshot) => Ok(Arc::clone(snapshot)),
            Self::Remote(remote) => remote.current().await,
        }
    }

    /// Keys newer than `seen`, after a token named a key that `seen` does not have. `None`: there are none.
    pub(crate) async fn newer_than(&self, seen: &Snapshot) -> Option<Arc<Snapshot>> {
        match self {
            Self::Fixed(_) => None,
            Self::Remote(remote) => remote.newer_than(seen).await,
        }
    }

    /// The keys in force at this very moment, without fetching.
    pub(crate) fn in_force(&self) -> Option<Arc<Snapshot>> {
        match self {
            Self::Fixed(snapshot) => Some(Arc::clone(snapshot)),
            Self::Remote(remote) => remote.loaded.load_full(),
        }
    }

    /// Fetches now.
    pub(crate) async fn refresh(&self) -> Result<(), SourceError> {
        match self {
            Self::Fixed(_) => Ok(()),
            Self::Remote(remote) => remote.refresh().await,
        }
    }
}

/// The issuer's JWKS, found by discovery.
pub(crate) struct Remote {
    issuer: String,
    issuer_url: Url,
    limits: Limits,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    loaded: ArcSwapOption<Snapshot>,
    found: ArcSwapOption<Found>,
    /// Of the keys in force, for requests that ask nothing else; zero: there are none.
    generation: AtomicU64,
    /// Milliseconds of the monotonic clock from which on the keys want attention.
    renew_at: AtomicU64,
    flight: Mutex<Flight>,
    dir: Option<Arc<Dir>>,
}

/// What is known of fetches so far. `done` ends (its sender is dropped) when the running fetch has ended.
#[derive(Default)]
struct Flight {
    started: u64,
    done: Option<watch::Receiver<()>>,
    attempted: Option<Duration>,
    failure: Option<SourceError>,
    jwks_uri: Option<Url>,
}

/// A fetch that is under way; `number` tells two of them apart.
struct Running {
    number: u64,
    done: watch::Receiver<()>,
}

impl Running {
    async fn ended(mut self) {
        // Nothing is ever sent: the only news is that the sender is gone.
        while self.done.changed().await.is_ok() {}
    }
}

impl Remote {
    pub(crate) fn new(
        issuer: String,
        issuer_url: Url,
        limits: Limits,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
        dir: Option<Arc<Dir>>,
    ) -> Arc<Self> {
        let kept = dir.as_ref().and_then(|dir| dir.keys());
        let remote = Arc::new(Self {
            issuer,
            issuer_url,
            limits,
            fetch,
            clock,
            loaded: ArcSwapOption::empty(),
            found: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            renew_at: AtomicU64::new(0),
            flight: Mutex::default(),
            dir,
        });
        if let Some(kept) = kept {
            remote.take_kept(&kept);
        }
        remote
    }

    /// Keys of before the last stop, as old as they are: those past their age are fetched again before they
    /// are used, and serve on only while the issuer does not answer.
    fn take_kept(&self, kept: &KeptKeys) {
        let Some(was) = kept.age(self.clock.now()) else { return };
        let at = |text: &str| address(text, self.limits.plain).ok();
        let Some(jwks) = at(&kept.jwks_uri) else { return };
        let feed = kept.revocation_feed.as_deref().and_then(at);
        let introspection = kept.introspection_endpoint.as_deref().and_then(at);
        if kept.revocation_feed.is_some() != feed.is_some() {
            return;
        }
        let Ok((keys, _)) = KeySet::from_jwks(kept.jwks.as_bytes()) else { return };
        self.found.store(Some(Arc::new(Found { jwks, feed, introspection })));
        self.keep(keys, DEFAULT.sha256(kept.jwks.as_bytes()), was);
    }

    fn fresh(&self, elapsed: Duration) -> Option<u64> {
        let renew_at = self.renew_at.load(Ordering::Acquire);
        let young = u64::try_from(elapsed.as_millis()).is_ok_and(|now| now < renew_at);
        Some(self.generation.load(Ordering::Acquire)).filter(|generation| young && *generation > 0)
    }

    async fn current(self: &Arc<Self>) -> Result<Arc<Snapshot>, KeysUnavailable> {
        let Some(snapshot) = self.loaded.load_full() else { return self.first().await };
        let age = snapshot.age(self.clock.elapsed());
        if age < self.limits.renew_after() {
            return Ok(snapshot);
        }
        let failing = self.state().failure.is_some();
        let running = self.begin(self.limits.cooldown.min(self.limits.max_age / 5));
        // Past their age keys are fetched before they are used, but only while the issuer answers: one
        // that is down must not slow every request, so then the last good keys serve on.
        match running {
            Some(running) if age >= self.limits.max_age && !failing => {
                running.ended().await;
                Ok(self.loaded.load_full().unwrap_or(snapshot))
            }
            _ => Ok(snapshot),
        }
    }

    async fn first(self: &Arc<Self>) -> Result<Arc<Snapshot>, KeysUnavailable> {
        if let Some(running) = self.begin(FIRST_KEYS_RETRY) {
            running.ended().await;
        }
        self.loaded.load_full().ok_or_else(|| {
            let state = self.state();
            let waited =
                state.attempted.map(|at| self.clock.elapsed().saturating_sub(at)).unwrap_or_default();
            KeysUnavailable {
                retry_after: FIRST_KEYS_RETRY.saturating_sub(waited),
                cause: state.failure.clone(),
            }
        })
    }

    async fn newer_than(self: &Arc<Self>, seen: &Snapshot) -> Option<Arc<Snapshot>> {
        let newer = || self.loaded.load_full().filter(|now| now.number > seen.number);
        if let Some(snapshot) = newer() {
            return Some(snapshot);
        }
        self.begin(self.limits.cooldown)?.ended().await;
        newer()
    }

    /// A fetch that began before this call may have read keys older than what the caller knows of, so
    /// one that begins after it is waited for; however many callers, they share it.
    async fn refresh(self: &Arc<Self>) -> Result<(), SourceError> {
        let known = self.state().started;
        loop {
            let Some(running) = self.begin(Duration::ZERO) else { continue };
            let number = running.number;
            running.ended().await;
            if number > known {
                return self.state().failure.clone().map_or(Ok(()), Err);
            }
        }
    }

    /// Joins the running fetch, or starts one if the last began at least `pause` ago.
    fn begin(self: &Arc<Self>, pause: Duration) -> Option<Running> {
        let mut state = self.state();
        // A sender that is gone (also by a panic of its task) is a fetch that has ended.
        if let Some(done) = state.done.as_ref().filter(|done| done.has_changed().is_ok()) {
            return Some(Running { number: state.started, done: done.clone() });
        }
        let now = self.clock.elapsed();
        if state.attempted.is_some_and(|at| now.saturating_sub(at) < pause) {
            return None;
        }
        let (sender, done) = watch::channel(());
        state.started += 1;
        state.attempted = Some(now);
        state.done = Some(done.clone());
        let remote = Arc::clone(self);
        tokio::spawn(async move {
            remote.fetch_and_keep().await;
            drop(sender);
        });
        Some(Running { number: state.started, done })
    }

    async fn fetch_and_keep(&self) {
        let known = self.state().jwks_uri.clone();
        let outcome = self.fetch_keys(known).await;
        let mut state = self.state();
        match outcome {
            Ok((keys, document, uri)) => {
                tracing::debug!(issuer = %self.issuer, keys = keys.len(), "keys fetched");
                self.keep(keys, DEFAULT.sha256(&document), Duration::ZERO);
                if let (Some(dir), Some(found)) = (&self.dir, self.found.load().as_ref())
                    && let Some(kept) = KeptKeys::new(self.clock.now(), found, &document)
                {
                    dir.keep_keys(&kept);
                }
                state.failure = None;
                state.jwks_uri = Some(uri);
            }
            Err(error) => {
                tracing::warn!(issuer = %self.issuer, %error, "keys not fetched, keeping those there are");
                state.failure = Some(error);
                // The keys may have moved: ask the metadata again next time.
                state.jwks_uri = None;
            }
        }
    }

    fn keep(&self, keys: KeySet, digest: [u8; 32], was: Duration) {
        let (number, generation) = match self.loaded.load().as_ref() {
            Some(before) if before.digest == digest => (before.number + 1, before.generation),
            Some(before) => (before.number + 1, before.generation + 1),
            None => (1, 1),
        };
        let at = self.clock.elapsed();
        self.loaded.store(Some(Arc::new(Snapshot { keys, number, generation, digest, at, was })));
        self.generation.store(generation, Ordering::Release);
        let renew_at = (at + self.limits.renew_after().saturating_sub(was)).as_millis();
        self.renew_at.store(u64::try_from(renew_at).unwrap_or(u64::MAX), Ordering::Release);
    }

    async fn fetch_keys(&self, known: Option<Url>) -> Result<(KeySet, Bytes, Url), SourceError> {
        let uri = match known {
            Some(uri) => uri,
            None => self.discover().await?,
        };
        let document =
            self.get(&uri).await.map_err(|cause| SourceError::Keys { url: uri.to_string(), cause })?;
        let (keys, left_out) = KeySet::from_jwks(&document)
            .map_err(|cause| SourceError::Refused { url: uri.to_string(), cause })?;
        for reason in left_out {
            tracing::debug!(issuer = %self.issuer, %reason, "key left out");
        }
        Ok((keys, document, uri))
    }

    async fn discover(&self) -> Result<Url, SourceError> {
        let [oidc, oauth] = places(&self.issuer_url);
        let failed = |url: &Url, cause| SourceError::Metadata { url: url.to_string(), cause };
        let (at, document) = match self.get(&oidc).await {
            Ok(document) => (oidc, document),
            Err(FetchError::Status(404)) => {
                let document = self.get(&oauth).await.map_err(|cause| failed(&oauth, cause))?;
                (oauth, document)
            }
            Err(cause) => return Err(failed(&oidc, cause)),
        };
        let found = found(&document, &at, &self.issuer, self.limits.plain)?;
        let jwks = found.jwks.clone();
        self.found.store(Some(Arc::new(found)));
        Ok(jwks)
    }

    /// The bounds hold for every `Fetch`, also one that forgets them.
    async fn get(&self, url: &Url) -> Result<Bytes, FetchError> {
        let Limits { timeout, max_bytes, .. } = self.limits;
        let body = tokio::time::timeout(timeout, self.fetch.get(url, max_bytes))
            .await
            .map_err(|_| FetchError::Timeout(timeout))??;
        if body.len() > max_bytes { Err(FetchError::TooLarge(max_bytes)) } else { Ok(body) }
    }

    /// How documents are had.
    #[cfg(feature = "feed")]
    pub(crate) fn fetch(&self) -> Arc<dyn Fetch> {
        Arc::clone(&self.fetch)
    }

    /// SHA-256 of the key set in force.
    #[cfg(feature = "feed")]
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        self.loaded.load().as_ref().map(|snapshot| snapshot.digest)
    }

    /// Fetches the keys in the background, unless a fetch is under way or the last one began less than `pause`
    /// ago. Whether one began.
    #[cfg(feature = "feed")]
    pub(crate) fn renew(self: &Arc<Self>, pause: Duration) -> bool {
        let before = self.state().started;
        self.begin(pause).is_some_and(|running| running.number > before)
    }

    /// Within the same bounds.
    pub(crate) async fn post(
        &self,
        url: &Url,
        post: Post<'_>,
        max_bytes: usize,
    ) -> Result<Bytes, FetchError> {
        let timeout = self.limits.timeout;
        tokio::time::timeout(timeout, self.fetch.post(url, post, max_bytes))
            .await
            .map_err(|_| FetchError::Timeout(timeout))?
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
