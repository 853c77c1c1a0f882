//! What this node serves of the feed: the newest head, and the log behind it.

use super::receipt::Heard;
use super::ring::Ring;
use super::{head, receipt};
use crate::Issuer;
use crate::error::Result;
use crate::keys::Document;
use crate::model::ClientId;
use crate::port::Position;
use crate::port::feed::FeedState;
use arc_swap::ArcSwapOption;
use countersign_feed::head::FeedId;
use countersign_feed::metadata::{Ack, Metadata};
use countersign_feed::{Chain, Head, Page, Rule, Salt, page};
use countersign_token::Timestamp;
use futures_util::lock::{Mutex as Queue, MutexGuard as Turn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// One state of the feed, as served.
#[derive(Clone, Debug)]
pub struct Published {
    /// The claims of the head.
    pub head: Head,
    /// The head, signed.
    pub jws: Arc<str>,
    /// The rules added since the state before this one on this node, without head; empty when only time went
    /// on, and when this node has a gap (its `after` is not the `seq` before).
    pub added: Arc<Page>,
}

type Told = Box<dyn Fn(&Arc<Published>) + Send + Sync>;

/// The feed of this node.
#[derive(Default)]
pub struct Feed {
    told: OnceLock<Told>,
    naming: OnceLock<(FeedId, Salt)>,
    newest: ArcSwapOption<Signed>,
    /// The end of the log; none before the first load.
    log: Mutex<Option<Ring>>,
    /// Turns of numbering begun.
    begun: AtomicU64,
    /// One turn at a time; holds the last one that ended well.
    turns: Queue<u64>,
    metadata: ArcSwapOption<(i64, Document)>,
    pub(super) heard: Heard,
}

/// A published state, and the version of the key set it was signed under.
struct Signed {
    keys: i64,
    state: Arc<Published>,
}

impl Feed {
    /// The newest state. `None`: before the first one.
    pub fn published(&self) -> Option<Arc<Published>> {
        self.newest.load().as_ref().map(|signed| Arc::clone(&signed.state))
    }

    /// Called with each new state, in order, by whoever made it: must be quick and not block. Once.
    pub fn on_publish(&self, told: impl Fn(&Arc<Published>) + Send + Sync + 'static) {
        drop(self.told.set(Box::new(told)));
    }

    /// What was loaded first.
    pub(super) fn begin(&self, state: &FeedState) {
        // One feed a store, for good.
        let _ = self.naming.set((state.id, state.salt));
        *self.log() = Some(Ring::at(state.at));
    }

    /// Id and salt. `None`: before the first load.
    pub(super) fn naming(&self) -> Option<(FeedId, Salt)> {
        self.naming.get().copied()
    }

    fn log(&self) -> MutexGuard<'_, Option<Ring>> {
        // Rules are pushed whole, so a panic elsewhere leaves nothing half done.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where this node's log ends.
    pub(super) fn end(&self) -> Position {
        let begin = Position { epoch: 0, seq: 0, chain: Chain([0; 32]) };
        self.log().as_ref().map_or(begin, Ring::end)
    }

    /// These come next.
    pub(super) fn extend(&self, rules: &[Rule]) {
        if let Some(ring) = self.log().as_mut() {
            ring.push(rules);
        }
    }

    /// The log stands there; this node does not know what is before.
    pub(super) fn restart(&self, at: Position) {
        *self.log() = Some(Ring::at(at));
    }

    /// How many turns of numbering have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// The number of a turn that begins now. Only while holding [`Self::turn`].
    pub(super) fn begin_turn(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::AcqRel).saturating_add(1)
    }

    /// Waits for one's turn; holds the last one that ended well.
    pub(super) async fn turn(&self) -> Turn<'_, u64> {
        self.turns.lock().await
    }

    /// Signs a head that says "these are all at `as_of`", if it says something new or the last one is old
    /// enough, and tells of it. Only by whoever has its turn, after the log was caught up to `state`.
    pub(super) fn publish(&self, issuer: &Issuer, state: &FeedState, as_of: Timestamp) -> Result<()> {
        let next = head::make(issuer, state, as_of);
        let (keys, last) = (issuer.keys.version(), self.newest.load_full());
        let known = last.as_ref().is_some_and(|signed| {
            let last = &signed.state.head;
            let age = next.as_of.abs_diff(last.as_of);
            signed.keys == keys
                && !head::is_news(last, &next)
                && u128::from(age) < head::HEARTBEAT.as_millis()
        });
        if known {
            return Ok(());
        }
        let before = last.map(|signed| (signed.state.head.epoch, signed.state.head.seq));
        let at = state.at;
        let nothing =
            || Page { epoch: at.epoch, after: at.seq, chain: at.chain, rules: Vec::new(), head: None };
        let since = before.and_then(|(epoch, seq)| self.recent(epoch, seq, page::MOST_RULES));
        // A state too far from the one before is reached by asking, not by being told.
        let added = since.filter(|page| page.end() == at.seq).unwrap_or_else(nothing);
        let jws = head::sign(issuer, &next)?.into();
        let state = Arc::new(Published { head: next, jws, added: Arc::new(added) });
        self.newest.store(Some(Arc::new(Signed { keys, state: Arc::clone(&state) })));
        if let Some(told) = self.told.get() {
            told(&state);
        }
        Ok(())
    }

    fn recent(&self, epoch: u64, after: u64, most: usize) -> Option<Page> {
        self.log().as_ref()?.page(epoch, after, most)
    }
}

/// `/.well-known/revocation-feed`.
pub fn metadata(issuer: &Issuer) -> Document {
    let version = issuer.keys.version();
    if let Some(made) = issuer.feed.metadata.load().as_ref().filter(|made| made.0 == version) {
        return made.1.clone();
    }
    let url = |path: &str| issuer.settings.url(path);
    let document = issuer.feed.naming().map(|(feed, _)| Metadata {
        issuer: issuer.settings.issuer.clone(),
        feed,
        keys: issuer.keys.feed().published.clone(),
        head_endpoint: url("/rev/head"),
        log_endpoint: url("/rev/log"),
        snapshot_endpoint: url("/rev/snap"),
        stream_endpoint: url("/rev/stream"),
        ack_endpoint: url("/rev/ack"),
    });
    let document = Document::new(serde_json::to_vec(&document).unwrap_or_default());
    issuer.feed.metadata.store(Some(Arc::new((version, document.clone()))));
    document
}

/// The log of an epoch after a rule, at most `most` rules, without a head. `None`: of another epoch, beyond
/// its end, or so old that only a snapshot has it. There may be more than are answered.
pub async fn page(issuer: &Issuer, epoch: u64, after: u64, most: usize) -> Result<Option<Page>> {
    let most = most.min(page::MOST_RULES);
    match issuer.feed.recent(epoch, after, most) {
        Some(page) => Ok(Some(page)),
        None => Ok(issuer.store.log_after(epoch, after, most).await?),
    }
}

/// A full block, as bytes of a page. `None`: not full yet, of another epoch, or gone.
pub async fn block(issuer: &Issuer, epoch: u64, block: u64) -> Result<Option<Arc<[u8]>>> {
    Ok(issuer.store.block(epoch, block).await?.map(|page| page.bytes().into()))
}

/// A snapshot.
pub async fn snapshot(issuer: &Issuer, epoch: u64, seq: u64) -> Result<Option<Arc<[u8]>>> {
    Ok(issuer.store.snapshot(epoch, seq).await?)
}

/// Takes an acknowledgement of a verifier that authenticated as this client; kept in memory, and written by
/// the next turn, at most once a second.
pub fn acknowledge(issuer: &Issuer, client: &ClientId, ack: Ack) -> Result<()> {
    receipt::hear(issuer, client, ack)
}
