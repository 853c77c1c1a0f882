//! What the feed's connections share: each state of the feed, encoded once, and the ring of the newest ones.
//!
//! A connection owns a place in the ring and nothing that grows: whoever is overtaken by the ring is let go,
//! comes back with its position and is sent what it missed.

use super::caught::Caught;
use super::seats::Seats;
use crate::config::Limits;
use bytes::Bytes;
use countersign_feed::stream::{COMMENT, Event};
use countersign_issuer::revocation::{Feed, Published};
use http::HeaderValue;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, broadcast, watch};

/// States a reader may be behind. Twenty a second come while revocations do, two otherwise.
const RING: usize = 256;
/// Readers whose missed rules are loaded and encoded at the same time.
const CATCHING_UP: usize = 8;

/// One state of the feed, as bytes.
pub(crate) struct Frame {
    /// Counts the states of this process.
    pub(crate) index: u64,
    pub(crate) state: Arc<Published>,
    /// The signed head, compact.
    pub(crate) jws: Bytes,
    /// Its event.
    pub(crate) head: Bytes,
    /// The events of this state: the rules it added, its head, changed keys.
    pub(crate) events: Bytes,
    /// Names this state: the end of the head's signature.
    pub(crate) tag: Arc<str>,
}

impl Frame {
    fn new(index: u64, state: Arc<Published>, before: Option<&Self>) -> Self {
        let mut text = String::new();
        if !state.added.rules.is_empty() {
            text.push_str(&Event::Rules(state.added.bytes()).text());
        }
        let head = Event::Head(state.jws.to_string()).text();
        let from = text.len();
        text.push_str(&head);
        let to = text.len();
        let other = before.is_some_and(|before| before.state.head.jwks != state.head.jwks);
        if let Some(digest) = state.head.jwks.filter(|_| other) {
            text.push_str(&Event::Jwks(digest.into()).text());
        }
        let events = Bytes::from(text);
        let short = state.jws.len().saturating_sub(TAG);
        let tag = state.jws.get(short..).unwrap_or(&state.jws);
        Self {
            index,
            jws: Bytes::copy_from_slice(state.jws.as_bytes()),
            head: events.slice(from..to),
            events,
            tag: tag.into(),
            state,
        }
    }
}

/// Characters of a signature that name it: 132 bits.
const TAG: usize = 22;

/// What goes out on every stream.
#[derive(Clone)]
pub(crate) enum Sent {
    State(Arc<Frame>),
    Comment,
}

/// What readers wait on.
#[derive(Clone, Default)]
pub(crate) struct Now {
    /// The newest state; `None` before the first.
    pub(crate) frame: Option<Arc<Frame>>,
    /// The server ends: nobody waits any longer.
    pub(crate) closing: bool,
}

/// See the module.
pub(crate) struct Hub {
    now: watch::Sender<Now>,
    /// `None` once the server ends.
    ring: Mutex<Option<broadcast::Sender<Sent>>>,
    pub(crate) seats: Arc<Seats>,
    pub(crate) catching_up: Semaphore,
    pub(crate) caught: Caught,
}

impl Hub {
    /// Serves what `feed` publishes from now on.
    pub(crate) fn start(feed: &Feed, limits: &Limits) -> Arc<Self> {
        let hub = Arc::new(Self {
            now: watch::Sender::new(Now::default()),
            ring: Mutex::new(Some(broadcast::Sender::new(RING))),
            seats: Seats::new(limits.streams, limits.streams_per_address),
            catching_up: Semaphore::new(CATCHING_UP),
            caught: Caught::default(),
        });
        let told = Arc::clone(&hub);
        feed.on_publish(move |state| told.publish(state));
        let nothing_yet = hub.now.borrow().frame.is_none();
        if let (Some(state), true) = (feed.published(), nothing_yet) {
            hub.publish(&state);
        }
        hub
    }

    /// Takes the next state. Encodes it once, wakes everybody, waits for nobody.
    pub(crate) fn publish(&self, state: &Arc<Published>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.now.borrow().frame.clone();
        if before.as_ref().is_some_and(|before| Arc::ptr_eq(&before.state, state)) {
            return;
        }
        let index = before.as_ref().map_or(0, |before| before.index.wrapping_add(1));
        let frame = Arc::new(Frame::new(index, Arc::clone(state), before.as_deref()));
        self.now.send_modify(|now| now.frame = Some(Arc::clone(&frame)));
        if let Some(ring) = ring.as_ref() {
            // No reader at all is no error.
            drop(ring.send(Sent::State(frame)));
        }
    }

    /// Keeps idle streams open.
    pub(crate) fn comment(&self) {
        if let Some(ring) = self.ring.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            drop(ring.send(Sent::Comment));
        }
    }

    /// Ends every stream after what it was already sent, and every wait.
    pub(crate) fn close(&self) {
        drop(self.ring.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.now.send_modify(|now| now.closing = true);
    }

    /// A place in the ring, before whatever comes next. `None`: the server ends.
    pub(crate) fn subscribe(&self) -> Option<broadcast::Receiver<Sent>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.as_ref().map(broadcast::Sender::subscribe)
    }

    /// To read the newest state, and to wait for the next.
    pub(crate) fn watch(&self) -> watch::Receiver<Now> {
        self.now.subscribe()
    }

    /// The newest state.
    pub(crate) fn frame(&self) -> Option<Arc<Frame>> {
        self.now.borrow().frame.clone()
    }
}

impl Sent {
    /// What of it goes to a reader that had the state `after`.
    pub(crate) fn bytes(self, after: u64) -> Option<Bytes> {
        match self {
            Self::Comment => Some(Bytes::from_static(COMMENT.as_bytes())),
            Self::State(frame) => (frame.index > after).then(|| frame.events.clone()),
        }
    }
}

/// A strong ETag of something under this state.
pub(crate) fn etag(text: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{text}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}
