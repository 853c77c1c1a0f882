//! The revocation feed as requests see it: what is known, how old that is, and the task behind it.
//!
//! Owns the handle. The task ([`follow`]) takes what comes from the network, the follower of
//! `countersign-feed` decides what is proven, requests read the outcome without a lock.

mod settings;

use crate::check::Moment;
use crate::discovery::Found;
use crate::identity::Identity;
use crate::keys::Source;
use crate::refusal::Revocation;
use crate::staleness::{HARD, OnStale, SOFT, Terms};
use crate::status::{FeedChange, FeedStatus};
use arc_swap::ArcSwap;
use countersign_feed::{Cutoff, Hit, Names, Salt, Subject, View};
use countersign_token::Timestamp;
use settings::Following;
pub(crate) use settings::{Settings, Wanted};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A token's names in the feed, kept beside it in the cache. None: nothing was known of the feed then.
pub(crate) type Named = Option<(Salt, Names)>;

/// How old the knowledge of revocations is.
pub(crate) enum Age {
    /// No feed is followed: there is nothing that could be old.
    NotFollowed,
    /// `hard` is the bound that the issuer recommends.
    Known { age: Duration, hard: Duration },
    /// Nothing was ever proven.
    Unknown,
}

impl Age {
    pub(crate) fn known(&self) -> Option<Duration> {
        match self {
            Self::Known { age, .. } => Some(*age),
            _ => None,
        }
    }
}

/// Why the newest head was not had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("revocation feed: {detail}")]
pub struct FeedError {
    /// For people.
    pub detail: String,
}

impl FeedError {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into() }
    }
}

/// Whether there is a feed to follow.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Mode {
    /// Discovery has not ended yet.
    Undecided,
    Absent,
    Followed,
}

/// The handle of a verifier. The task ends with it.
pub(crate) struct Feed {
    pub(crate) shared: Arc<Shared>,
    settings: Settings,
    /// Dropped with the verifier: the task listens.
    alive: watch::Sender<()>,
    started: Mutex<bool>,
}

/// What requests and the task share.
pub(crate) struct Shared {
    mode: AtomicU8,
    view: ArcSwap<View>,
    /// `as_of` of the newest proven head in milliseconds; the least value: there is none.
    as_of: AtomicI64,
    /// Bounds in milliseconds that the newest proven head recommends.
    soft: AtomicU64,
    hard: AtomicU64,
    /// The soft bound is exceeded, and that was said.
    warned: AtomicBool,
    trouble: Mutex<Option<String>>,
    change: watch::Sender<FeedChange>,
    /// Whether the first attempt has ended, well or not.
    settled: watch::Sender<bool>,
    /// What routes do beyond their hard bound, and the longest of their bounds: for acknowledgements.
    modes: AtomicU8,
    longest: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        Self {
            mode: AtomicU8::new(Mode::Undecided as u8),
            view: ArcSwap::default(),
            as_of: AtomicI64::new(i64::MIN),
            soft: AtomicU64::new(millis(SOFT)),
            hard: AtomicU64::new(millis(HARD)),
            warned: AtomicBool::new(false),
            trouble: Mutex::default(),
            change: watch::Sender::default(),
            settled: watch::Sender::new(false),
            modes: AtomicU8::new(0),
            longest: AtomicU64::new(0),
        }
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Acquire) == mode as u8
    }

    /// Time since the newest proven head was complete. On the monotonic clock; but a machine that slept has
    /// its wall clock put right, and then that one knows better.
    pub(crate) fn age(&self, at: Moment) -> Option<Duration> {
        let monotonic = self.view.load().age(at.elapsed)?;
        let as_of = Timestamp::from_millis(self.as_of.load(Ordering::Acquire));
        Some(monotonic.max(at.now.since(as_of)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Feed {
    pub(crate) fn new(settings: Settings) -> Self {
        let shared = Shared::new();
        if settings.following == Following::Never {
            shared.mode.store(Mode::Absent as u8, Ordering::Release);
        }
        let alive = watch::Sender::new(());
        Self { shared: Arc::new(shared), settings, alive, started: Mutex::default() }
    }

    /// Decides whether there is a feed, begins to follow it, and waits for its first proven head: as long as
    /// for a document, and only while the first attempt lasts.
    pub(crate) async fn ready(&self, source: &Source) {
        if self.shared.is(Mode::Undecided) {
            let Some(found) = source.found() else { return };
            self.begin(&found);
        }
        if !self.shared.is(Mode::Followed) || *self.shared.settled.borrow() {
            return;
        }
        let mut settled = self.shared.settled.subscribe();
        let first = settled.wait_for(|settled| *settled);
        drop(tokio::time::timeout(self.settings.limits.timeout, first).await);
        self.shared.settled.send_replace(true);
    }

    /// Asks for the newest head now.
    pub(crate) async fn refresh(&self, source: &Source) -> Result<(), FeedError> {
        self.ready(source).await;
        Ok(())
    }

    fn begin(&self, found: &Found) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *started, true) {
            return;
        }
        let mode = match (&found.feed, self.settings.following) {
            (Some(_), _) => Mode::Followed,
            (None, Following::Required) => Mode::Followed,
            (None, _) => Mode::Absent,
        };
        self.shared.mode.store(mode as u8, Ordering::Release);
        let _ = &self.alive;
    }

    /// See [`Age`]; also says once per episode that the soft bound is exceeded.
    pub(crate) fn age(&self, at: Moment) -> Age {
        let shared = &self.shared;
        if shared.is(Mode::Absent) {
            return Age::NotFollowed;
        }
        if shared.is(Mode::Undecided) && self.settings.following != Following::Required {
            return Age::NotFollowed;
        }
        let Some(age) = shared.age(at) else { return Age::Unknown };
        if millis(age) > shared.soft.load(Ordering::Relaxed) {
            shared.stale(age);
        } else if shared.warned.load(Ordering::Relaxed) {
            shared.warned.store(false, Ordering::Relaxed);
            tracing::info!("the revocation feed is fresh again");
        }
        Age::Known { age, hard: Duration::from_millis(shared.hard.load(Ordering::Relaxed)) }
    }

    /// Whether these names are of the salt in force.
    pub(crate) fn speaks(&self, names: &Named) -> bool {
        names.map(|(salt, _)| salt) == self.salt()
    }

    pub(crate) fn names(&self, identity: &Identity) -> Named {
        self.salt().map(|salt| (salt, salt.names(&subject(identity))))
    }

    fn salt(&self) -> Option<Salt> {
        self.shared.is(Mode::Followed).then(|| self.shared.view.load().salt()).flatten()
    }

    /// The rule that covers a token.
    pub(crate) fn covering(&self, names: &Named, identity: &Identity) -> Option<Revocation> {
        let again = |salt: &Salt| salt.names(&subject(identity));
        let (_, names) = names.as_ref()?;
        let hit = self.shared.view.load().covers(names, identity.claims().iat, again)?;
        Some(rule(&hit))
    }

    /// Remembers what a route does beyond its bound.
    pub(crate) fn note(&self, terms: Terms) {
        let bit = match terms.on_stale.unwrap_or_default() {
            OnStale::Closed => 1,
            OnStale::Open { .. } => 2,
            OnStale::Introspect => 4,
        };
        self.shared.modes.fetch_or(bit, Ordering::Relaxed);
        self.shared.longest.fetch_max(terms.hard.map_or(0, millis), Ordering::Relaxed);
    }

    /// Told on every change.
    pub(crate) fn changes(&self) -> watch::Receiver<FeedChange> {
        self.shared.change.subscribe()
    }

    pub(crate) fn status(&self, at: Moment, terms: Terms) -> Option<FeedStatus> {
        let shared = &self.shared;
        if !shared.is(Mode::Followed) {
            return None;
        }
        let change = *shared.change.borrow();
        let age = shared.age(at);
        let over = |bound: u64| age.is_none_or(|age| millis(age) > bound);
        Some(FeedStatus {
            connected: change.connected,
            epoch: change.epoch,
            seq: change.seq,
            rules: 0,
            age,
            soft_exceeded: over(shared.soft.load(Ordering::Relaxed)),
            hard_exceeded: over(terms.hard.map_or_else(|| shared.hard.load(Ordering::Relaxed), millis)),
            forked: change.forked,
            trouble: shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }
}

impl Shared {
    fn stale(&self, age: Duration) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            tracing::warn!(?age, ?trouble, "the revocation feed is older than it should be");
        }
    }
}

fn subject(identity: &Identity) -> Subject<'_> {
    let claims = identity.claims();
    Subject {
        iss: &claims.iss,
        kid: identity.kid(),
        client_id: &claims.client_id,
        sub: &claims.sub,
        sid: claims.sid.as_deref(),
        jti: Some(&claims.jti),
    }
}

fn rule(hit: &Hit) -> Revocation {
    let cutoff = hit.rule.cutoff;
    Revocation {
        kind: hit.kind.name(),
        epoch: Some(hit.epoch),
        number: None,
        cutoff: (cutoff != Cutoff::ALWAYS).then_some(i64::from(cutoff.0)),
        until: Some(i64::from(hit.rule.until)),
    }
}
