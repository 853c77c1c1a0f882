//! The task that follows a feed: one session after the other until the verifier is gone.
//!
//! A session begins by asking for the newest head and for whatever is missing below it. Then it holds the
//! stream; where there is none it polls, for long and then plainly, and comes back to the stream after a
//! while. It ends when no newer head is proven for too long, whatever bytes come: a connection that says
//! nothing new is as good as none.

mod session;

use super::ack::Acks;
use super::kept::{self, Journal, KeptMetadata};
use super::settings::Settings;
use super::wire::Wire;
use super::{FeedError, Shared};
use crate::check::Moment;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::fetch::Fetch;
use crate::keys::Remote;
use crate::state::Dir;
use crate::status::FeedChange;
use countersign_feed::journal::Entry;
use countersign_feed::{Chain, Follower, Page, Pins, Refused};
use countersign_token::provider::{DEFAULT, Provider};
use session::{End, Way};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use url::Url;

/// The first pause after a failure; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Keys that a signed head says have changed are fetched at once. A fetch that did not bring them, since it was
/// under way before or reached a node that had not heard, is repeated so often, with this pause.
const KEYS_PAUSE: Duration = Duration::from_secs(1);
const KEYS_TRIES: u8 = 5;
/// Between two looks for rules that are over.
const EXPIRE_EVERY: Duration = Duration::from_secs(30);

/// A request for the newest head, and where to say what came of it.
pub(super) type Ask = oneshot::Sender<Result<(), FeedError>>;

/// What the task is made of.
pub(super) struct Task {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Settings,
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) keys: Arc<Remote>,
    pub(super) metadata_url: Url,
    pub(super) dir: Option<Arc<Dir>>,
    /// Closed with the verifier.
    pub(super) alive: watch::Receiver<()>,
    pub(super) asks: mpsc::Receiver<Ask>,
}

/// The task once it knows the feed.
pub(super) struct Following {
    task: Task,
    wire: Wire,
    follower: Follower,
    journal: Option<Journal>,
    /// The newest proven head as it came.
    newest: String,
    /// Heads proven so far.
    proven: u64,
    expired: Duration,
    /// When the metadata was asked again because of a key.
    keys_asked: Option<Duration>,
    /// The digest of [`countersign_feed::Head::jwks`] that was acted upon, and how often.
    jwks: Option<(Chain, u8)>,
    hints: u64,
}

/// Follows until the verifier is gone.
pub(super) async fn run(task: Task) {
    let mut alive = task.alive.clone();
    tokio::select! {
        // Nothing is ever sent: the only news is that the sender is gone.
        _ = alive.changed() => {}
        () = for_ever(task) => {}
    }
}

async fn for_ever(mut task: Task) {
    let mut failures = 0;
    let mut following = loop {
        match task.begin().await {
            Ok(Begun { wire, follower, journal }) => break Following::new(task, wire, follower, journal),
            Err(error) => {
                task.shared.failed(&error);
                task.pause(failures, &error).await;
                failures += 1;
            }
        }
    };
    match following.acks() {
        Some(acks) => tokio::join!(acks.run(), following.sessions()).1,
        None => following.sessions().await,
    }
}

/// What the task needs to know of a feed before it can follow it.
struct Begun {
    wire: Wire,
    follower: Follower,
    journal: Option<Journal>,
}

impl Task {
    /// The metadata, from the issuer or else as it was kept, and what was proven before the last stop. That
    /// is enforced at once, before anybody is asked.
    async fn begin(&self) -> Result<Begun, FeedError> {
        let settings = &self.settings;
        let kept = self.dir.as_ref().and_then(|dir| KeptMetadata::read(dir, &settings.issuer));
        let mut loaded = None;
        if let Some(kept) = &kept {
            loaded = Some(self.load(kept).await?);
        }
        let metadata = match (Wire::metadata(&*self.fetch, &self.metadata_url, settings).await, &kept) {
            (Ok(metadata), _) => metadata,
            (Err(error), Some(kept)) => {
                self.shared.failed(&error);
                kept.metadata.clone()
            }
            (Err(error), None) => return Err(error),
        };
        let pins = settings.pinned(&metadata);
        if pins.is_empty() {
            return Err(FeedError::new("the feed's metadata has no key that may be believed"));
        }
        let wire = Wire::new(Arc::clone(&self.fetch), &metadata, settings)?;
        let same = kept.as_ref().is_some_and(|kept| {
            kept.metadata.feed == metadata.feed && metadata.keys.iter().all(|key| kept.keys.contains(key))
        });
        let (mut follower, journal) = match loaded.take_if(|_| same) {
            Some(loaded) => loaded,
            // Locks of the first loading are let go before the second.
            None => {
                drop(loaded);
                self.load(&KeptMetadata::after(kept.as_ref(), metadata.clone())).await?
            }
        };
        follower.pin(&pins);
        if let Some(dir) = &self.dir {
            KeptMetadata::after(kept.as_ref(), metadata).keep(dir);
        }
        Ok(Begun { wire, follower, journal })
    }

    async fn load(&self, kept: &KeptMetadata) -> Result<(Follower, Option<Journal>), FeedError> {
        let mut metadata = kept.metadata.clone();
        metadata.keys.clone_from(&kept.keys);
        let (at, pins) = (self.moment(), self.settings.pinned(&metadata));
        let (follower, journal) = match self.dir.clone() {
            Some(dir) => {
                let load = move || kept::load(&dir, &metadata, &pins, at);
                let loaded = tokio::task::spawn_blocking(load).await;
                loaded.map_err(|e| FeedError::new(format!("the state directory cannot be read: {e}")))?
            }
            None => (Follower::new(pins), None),
        };
        self.shared.show(follower.view());
        if let Some(head) = follower.proven() {
            self.shared.known(head);
            let (epoch, seq) = (head.epoch, head.seq);
            self.shared.publish(FeedChange { epoch, seq, ..FeedChange::default() });
        }
        Ok((follower, journal))
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), elapsed: self.clock.elapsed() }
    }

    /// Waits, the longer the more often it failed. Whoever asks meanwhile ends the wait.
    async fn pause(&mut self, failures: u32, error: &FeedError) {
        let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(8)).min(LONGEST_PAUSE);
        let mut random = [0; 2];
        self.entropy.fill(&mut random);
        // Between half and all of it: verifiers that lost the same issuer do not come back at once.
        let part = u32::from(u16::from_be_bytes(random));
        let pause = longest / 2 + longest / 2 * part / u32::from(u16::MAX);
        tokio::select! {
            // What was tried just now is the answer; the next try is at once.
            Some(ask) = self.asks.recv() => drop(ask.send(Err(error.clone()))),
            () = passed(pause) => {}
        }
    }
}

/// Waits.
pub(super) async fn passed(time: Duration) {
    drop(tokio::time::timeout(time, std::future::pending::<()>()).await);
}

impl Following {
    fn new(task: Task, wire: Wire, follower: Follower, journal: Option<Journal>) -> Self {
        let (newest, proven, hints) = (String::new(), 0, 0);
        let (expired, keys_asked, jwks) = (Duration::ZERO, None, None);
        Self { task, wire, follower, journal, newest, proven, expired, keys_asked, jwks, hints }
    }

    fn acks(&self) -> Option<Acks> {
        let Task { shared, fetch, entropy, settings, .. } = &self.task;
        let authorization = settings.acks.clone()?;
        let (url, timeout) = (self.wire.ack.clone(), settings.limits.timeout);
        Some(Acks::new(Arc::clone(shared), Arc::clone(fetch), &**entropy, url, authorization, timeout))
    }

    /// One after the other.
    async fn sessions(&mut self) {
        let mut failures = 0;
        let mut way = if self.task.settings.poll.is_some() { Way::Poll } else { Way::Stream };
        loop {
            let before = self.proven;
            match self.session(way).await {
                End::Over => (way, failures) = (Way::Stream, 0),
                End::Failed(error) => {
                    tracing::debug!(?way, %error, "a session of the revocation feed ended");
                    self.task.shared.failed(&error);
                    if self.task.settings.poll.is_none() && !self.held(way, before) {
                        way = way.next();
                    }
                    failures = if self.proven > before { 0 } else { failures + 1 };
                    self.task.pause(failures, &error).await;
                }
            }
        }
    }

    /// Whether a session held on in its own way, and not only because its first question was answered.
    fn held(&self, way: Way, before: u64) -> bool {
        self.proven > before + u64::from(way != Way::Poll)
    }

    /// Keeps the journal from growing for ever. Without the snapshot it grows more slowly, that is all.
    async fn shorten(&mut self) {
        let Some(journal) = self.journal.as_mut().filter(|journal| journal.is_long()) else { return };
        let snapshot = match self.follower.proven().and_then(|head| head.snap.as_ref()) {
            Some(named) => {
                let digest = |bytes: &bytes::Bytes| Chain(DEFAULT.sha256(bytes)) == named.sha256;
                self.wire.snapshot(named).await.ok().filter(digest)
            }
            None => None,
        };
        journal.shorten(&self.newest, snapshot.as_deref());
    }

    /// What was proven goes to the journal.
    fn keep(&mut self, at: Moment) {
        let entries = self.follower.kept();
        for entry in &entries {
            if let Entry::Head(head) = entry {
                self.newest.clone_from(head);
            }
        }
        if let (Some(journal), Some(head)) = (&mut self.journal, self.follower.proven()) {
            journal.append(head.epoch, entries, at.elapsed);
        }
    }

    async fn head(&mut self, jws: &str) -> Result<(), FeedError> {
        let at = self.task.moment();
        let mut outcome = self.follower.head(jws, at.now, at.elapsed);
        if matches!(&outcome, Err(Refused::Head(error)) if error.code == "unknown_key") {
            self.learn_keys(at).await;
            outcome = self.follower.head(jws, at.now, at.elapsed);
        }
        self.settle(outcome)
    }

    async fn page(&mut self, page: Page) -> Result<(), FeedError> {
        let at = self.task.moment();
        let outcome = self.follower.page(page, at.now, at.elapsed);
        self.settle(outcome)
    }

    async fn snapshot(&mut self, bytes: bytes::Bytes) -> Result<(), FeedError> {
        let outcome = self.follower.snapshot(&bytes);
        self.settle(outcome)
    }

    /// A head of a key that is not pinned: the next key may have been announced, and be in the metadata now.
    async fn learn_keys(&mut self, at: Moment) {
        let cooldown = self.task.settings.limits.cooldown;
        if self.keys_asked.is_some_and(|asked| at.elapsed.saturating_sub(asked) < cooldown) {
            return;
        }
        self.keys_asked = Some(at.elapsed);
        let asked = Wire::metadata(&*self.task.fetch, &self.task.metadata_url, &self.task.settings).await;
        match asked {
            Ok(metadata) => {
                self.follower.pin(&Pins::new(&metadata.issuer, &metadata.keys));
                if let Some(dir) = &self.task.dir {
                    let before = KeptMetadata::read(dir, &metadata.issuer);
                    KeptMetadata::after(before.as_ref(), metadata).keep(dir);
                }
            }
            Err(error) => tracing::debug!(%error, "the feed's keys cannot be looked up"),
        }
    }

    /// What came of something taken. Old heads and pages that prove nothing are what relays and reconnections
    /// bring: no reason to end anything, and nothing changed.
    fn settle(&mut self, outcome: Result<(), Refused>) -> Result<(), FeedError> {
        let at = self.task.moment();
        self.keep(at);
        let newest = self.follower.proven().map(|head| head.order());
        let news = newest != self.task.shared.order();
        if let Some(head) = self.follower.proven().filter(|_| news) {
            self.proven += 1;
            self.task.shared.proven(head);
            if let Some(digest) = head.jwks {
                self.keys_changed(digest);
            }
        }
        if at.elapsed.saturating_sub(self.expired) >= EXPIRE_EVERY {
            self.expired = at.elapsed;
            self.follower.expire(at.now);
        }
        self.publish(news || self.task.shared.change.borrow().connected);
        match outcome {
            Ok(()) | Err(Refused::Old | Refused::Unproven(_)) => Ok(()),
            Err(refused) => Err(FeedError::new(refused.to_string())),
        }
    }

    /// The issuer serves another key set than this one: fetched at once when that is news, and now and then
    /// while it does not come.
    fn keys_changed(&mut self, digest: Chain) {
        if self.task.keys.digest() == Some(digest.0) {
            return;
        }
        let tries = self.jwks.filter(|(known, _)| *known == digest).map_or(0, |(_, tries)| tries);
        let cooldown = self.task.settings.limits.cooldown;
        let pause = match tries {
            // Only the issuer can sign another digest, and only when its keys change.
            0 => Duration::ZERO,
            few if few < KEYS_TRIES => KEYS_PAUSE.min(cooldown),
            _ => cooldown,
        };
        let began = self.task.keys.renew(pause);
        self.jwks = Some((digest, tries.saturating_add(u8::from(began))));
    }

    fn publish(&self, connected: bool) {
        let status = self.follower.view().status();
        let (epoch, seq) = status.proven.map_or((0, 0), |proven| (proven.epoch, proven.seq));
        let (hints, forked) = (self.hints, status.forked);
        self.task.shared.publish(FeedChange { epoch, seq, hints, connected, forked });
    }
}
