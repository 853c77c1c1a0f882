//! The revocation feed as requests see it: what is known, how old that is, and the task behind it.
//!
//! Owns the handle. The task ([`follow`]) takes what comes from the network, the follower of
//! `countersign-feed` decides what is proven, requests read the outcome without a lock.

mod ack;
mod follow;
mod kept;
mod settings;
mod wire;

use crate::check::Moment;
use crate::clock::Clock;
use crate::discovery::Found;
use crate::entropy::Entropy;
use crate::identity::Identity;
use crate::keys::{Remote, Source};
use crate::refusal::Revocation;
use crate::staleness::{OnStale, Terms};
use crate::status::{FeedChange, FeedStatus};
use arc_swap::{ArcSwap, Guard};
use countersign_feed::{Cutoff, Head, Hit, Names, Salt, Subject, View};
use countersign_token::Timestamp;
use settings::Following;
pub(crate) use settings::{Settings, Wanted};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Bounds while the issuer has recommended none.
const SOFT: Duration = Duration::from_secs(5);
const HARD: Duration = Duration::from_secs(60);
/// Requests for the newest head that may wait.
const ASKS: usize = 64;

/// A token's names in the feed, kept beside it in the cache. None: nothing was known of the feed then.
pub(crate) type Named = Option<Names>;

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
    shared: Arc<Shared>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Dropped with the verifier: the task listens.
    alive: watch::Sender<()>,
    /// Where to ask the task; none before it runs.
    asks: Mutex<Option<mpsc::Sender<follow::Ask>>>,
}

/// What requests and the task share.
pub(crate) struct Shared {
    mode: AtomicU8,
    view: ArcSwap<Numbered>,
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
    /// The verifier's own bound in milliseconds; zero: the one recommended.
    general: AtomicU64,
}

/// A view, and which one it is: after a restart what was kept is seen first.
#[derive(Default)]
struct Numbered {
    number: u64,
    view: View,
}

impl Shared {
    /// From now on requests ask this one.
    fn show(&self, view: View) {
        let number = self.view.load().number + 1;
        self.view.store(Arc::new(Numbered { number, view }));
    }

    fn new(terms: Terms) -> Self {
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
            modes: AtomicU8::new(bit(terms.on_stale.unwrap_or_default())),
            longest: AtomicU64::new(0),
            general: AtomicU64::new(terms.hard.map_or(0, millis)),
        }
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Acquire) == mode as u8
    }

    fn soft(&self) -> Duration {
        Duration::from_millis(self.soft.load(Ordering::Relaxed))
    }

    fn hard(&self) -> Duration {
        Duration::from_millis(self.hard.load(Ordering::Relaxed))
    }

    /// Time since the newest proven head was complete. On the monotonic clock; but a machine that slept has
    /// its wall clock put right, and then that one knows better.
    fn age(&self, view: &View, at: Moment) -> Option<Duration> {
        let monotonic = view.age(at.elapsed)?;
        let as_of = Timestamp::from_millis(self.as_of.load(Ordering::Acquire));
        Some(monotonic.max(at.now.since(as_of)))
    }
}

/// Marks a mode in a set.
fn bit(mode: OnStale) -> u8 {
    match mode {
        OnStale::Closed => 1,
        OnStale::Open { .. } => 2,
        OnStale::Introspect => 4,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Feed {
    pub(crate) fn new(settings: Settings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let shared = Shared::new(settings.terms);
        if settings.following == Following::Never {
            shared.mode.store(Mode::Absent as u8, Ordering::Release);
        }
        let (shared, alive) = (Arc::new(shared), watch::Sender::new(()));
        Self { shared, settings, clock, entropy, alive, asks: Mutex::default() }
    }

    /// Decides whether there is a feed, begins to follow it, and waits for its first proven head: as long as
    /// for a document, and only while the first attempt lasts.
    pub(crate) async fn ready(&self, source: &Source) {
        if self.shared.is(Mode::Undecided) {
            let (Some(found), Some(remote)) = (source.found(), source.remote()) else { return };
            self.begin(&found, remote);
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
        if !self.shared.is(Mode::Followed) {
            return Ok(());
        }
        let asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ended = || FeedError::new("nothing follows the feed");
        let (ask, answer) = oneshot::channel();
        asks.ok_or_else(ended)?.send(ask).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Decides, once, and starts the task.
    fn begin(&self, found: &Found, remote: &Arc<Remote>) {
        let mut asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.shared.is(Mode::Undecided) {
            return;
        }
        let mode = match (&found.feed, self.settings.following) {
            (Some(url), _) => {
                let (sender, receiver) = mpsc::channel(ASKS);
                *asks = Some(sender);
                tokio::spawn(follow::run(follow::Task {
                    shared: Arc::clone(&self.shared),
                    settings: self.settings.clone(),
                    fetch: remote.fetch(),
                    clock: Arc::clone(&self.clock),
                    entropy: Arc::clone(&self.entropy),
                    keys: Arc::clone(remote),
                    metadata_url: url.clone(),
                    dir: self.settings.dir.clone(),
                    alive: self.alive.subscribe(),
                    asks: receiver,
                }));
                Mode::Followed
            }
            (None, Following::Required) => {
                self.shared.failed(&FeedError::new("the issuer advertises none, and one is required"));
                Mode::Followed
            }
            (None, _) => Mode::Absent,
        };
        self.shared.mode.store(mode as u8, Ordering::Release);
    }

    /// What is known now, for one request.
    pub(crate) fn look(&self) -> Look<'_> {
        Look { feed: self, view: (!self.shared.is(Mode::Absent)).then(|| self.shared.view.load()) }
    }

    /// Remembers what a route does beyond its bound.
    pub(crate) fn note(&self, terms: Terms) {
        if let Some(mode) = terms.on_stale {
            self.shared.modes.fetch_or(bit(mode), Ordering::Relaxed);
        }
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
        let age = shared.age(&shared.view.load().view, at);
        // As routes compare it, to the nanosecond: what they refuse for is what this says.
        let over = |bound: Duration| age.is_none_or(|age| age > bound);
        Some(FeedStatus {
            connected: change.connected,
            epoch: change.epoch,
            seq: change.seq,
            rules: shared.view.load().view.status().rules,
            age,
            soft_exceeded: over(shared.soft()),
            hard_exceeded: over(terms.hard.unwrap_or_else(|| shared.hard())),
            forked: change.forked,
            trouble: shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }
}

impl Shared {
    /// Of the newest proven head: epoch, rules and moment.
    fn order(&self) -> Option<(u64, u64, i64)> {
        let as_of = self.as_of.load(Ordering::Acquire);
        let change = *self.change.borrow();
        (as_of != i64::MIN).then_some((change.epoch, change.seq, as_of))
    }

    /// A newer head is proven.
    fn proven(&self, head: &Head) {
        self.known(head);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.settled.send_if_modified(|settled| !std::mem::replace(settled, true));
    }

    /// What a head says of age and bounds, also one of before a restart.
    fn known(&self, head: &Head) {
        let bound = |seconds: u64| seconds.saturating_mul(1000);
        self.soft.store(bound(head.policy.soft), Ordering::Relaxed);
        self.hard.store(bound(head.policy.hard), Ordering::Relaxed);
        self.as_of.store(head.as_of, Ordering::Release);
    }

    /// An attempt ended without one.
    fn failed(&self, error: &FeedError) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.detail.clone());
        self.settled.send_if_modified(|settled| !std::mem::replace(settled, true));
    }

    fn publish(&self, now: FeedChange) {
        self.change.send_if_modified(|known| std::mem::replace(known, now) != now);
    }

    fn stale(&self, age: Duration) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            tracing::warn!(?age, ?trouble, "the revocation feed is older than it should be");
        }
    }
}

/// What is known at one moment; see [`Feed::look`].
pub(crate) struct Look<'a> {
    feed: &'a Feed,
    /// None: no feed is followed.
    view: Option<Guard<Arc<Numbered>>>,
}

impl Look<'_> {
    /// See [`Age`]; also says once per episode that the soft bound is exceeded.
    pub(crate) fn age(&self, at: Moment) -> Age {
        let Feed { shared, settings, .. } = self.feed;
        let Some(view) = &self.view else { return Age::NotFollowed };
        if shared.is(Mode::Undecided) && settings.following != Following::Required {
            return Age::NotFollowed;
        }
        let Some(age) = shared.age(&view.view, at) else { return Age::Unknown };
        if age > shared.soft() {
            shared.stale(age);
        } else if shared.warned.load(Ordering::Relaxed) {
            shared.warned.store(false, Ordering::Relaxed);
            tracing::info!("the revocation feed is fresh again");
        }
        Age::Known { age, hard: shared.hard() }
    }

    /// Whether a token with these names can be asked about: one whose names were never made cannot, once there
    /// is a feed. Names of another salt are made again where they are needed ([`View::covers`]).
    pub(crate) fn speaks(&self, names: &Named) -> bool {
        names.is_some() || self.view.as_ref().is_none_or(|view| view.view.salt().is_none())
    }

    pub(crate) fn names(&self, identity: &Identity) -> Named {
        self.view.as_ref()?.view.salt().map(|salt| salt.names(&subject(identity)))
    }

    /// Names the rules there are: a token that none covered, asked after this was read, is covered by none
    /// as long as this stays the same.
    pub(crate) fn mark(&self) -> u64 {
        // Views are few, and no view sees 2^48 additions.
        self.view.as_ref().map_or(0, |view| (view.number << 48) | (view.view.version() & ((1 << 48) - 1)))
    }

    /// The rule that covers a token.
    pub(crate) fn covering(&self, names: &Named, identity: &Identity) -> Option<Revocation> {
        let again = |salt: &Salt| salt.names(&subject(identity));
        let hit = self.view.as_ref()?.view.covers(names.as_ref()?, identity.claims().iat, again)?;
        Some(rule(&hit))
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
