//! What the feed's connections share: the newest state of the feed, and a ring of what went out on streams,
//! each encoded once.
//!
//! A connection owns a place in the ring and nothing that grows: whoever is overtaken by the ring is let go,
//! comes back with its position and is sent what it missed. A revocation goes out at once; while they keep
//! coming they go out together, ten times a second, so that a thousand readers are not woken for each.

use super::caught::Caught;
use super::seats::Seats;
use crate::config::Limits;
use bytes::Bytes;
use countersign_feed::stream::{COMMENT, Event};
use countersign_feed::{Page, page};
use countersign_issuer::revocation::{Feed, Published};
use http::HeaderValue;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::time::Instant;

/// Frames a reader may be behind: 25 s while revocations keep coming, two minutes otherwise.
const RING: usize = 256;
/// Rules go out on streams at once, and then so often at most.
const PACE: Duration = Duration::from_millis(100);
/// Readers whose missed rules are loaded and encoded at the same time.
const CATCHING_UP: usize = 8;
/// Characters of a signature that name it: 132 bits.
const TAG: usize = 22;

/// The newest state.
pub(crate) struct Newest {
    pub(crate) state: Arc<Published>,
    /// The signed head, compact.
    pub(crate) jws: Bytes,
    /// Names this state: the end of the head's signature.
    pub(crate) tag: Box<str>,
}

impl Newest {
    fn new(state: &Arc<Published>) -> Arc<Self> {
        let short = state.jws.len().saturating_sub(TAG);
        Arc::new(Self {
            jws: Bytes::copy_from_slice(state.jws.as_bytes()),
            tag: state.jws.get(short..).unwrap_or(&state.jws).into(),
            state: Arc::clone(state),
        })
    }
}

/// What readers wait on.
#[derive(Clone, Default)]
pub(crate) struct Now {
    /// `None` before the first state.
    pub(crate) newest: Option<Arc<Newest>>,
    /// The server ends: nobody waits any longer.
    pub(crate) closing: bool,
}

/// What went out on streams last, and where it left them.
pub(crate) struct Frame {
    pub(crate) state: Arc<Published>,
    /// The event of its head, for who begins here.
    pub(crate) head: Bytes,
    /// Everything since the frame before: rules, the head, changed keys.
    events: Bytes,
}

impl Frame {
    fn new(state: Arc<Published>, added: &[Arc<Published>], before: Option<&Self>) -> Self {
        let mut text = String::new();
        for page in joined(added) {
            text.push_str(&Event::Rules(page.bytes()).text());
        }
        let from = text.len();
        text.push_str(&Event::Head(state.jws.to_string()).text());
        let to = text.len();
        let other = before.is_some_and(|before| before.state.head.jwks != state.head.jwks);
        if let Some(digest) = state.head.jwks.filter(|_| other) {
            text.push_str(&Event::Jwks(digest.into()).text());
        }
        let events = Bytes::from(text);
        Self { head: events.slice(from..to), events, state }
    }
}

/// The rules of these states, in as few pages as may be.
fn joined(added: &[Arc<Published>]) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    for next in added.iter().map(|state| &state.added).filter(|page| !page.rules.is_empty()) {
        match pages.last_mut() {
            Some(last)
                if (last.epoch, last.end()) == (next.epoch, next.after)
                    && last.rules.len() + next.rules.len() <= page::MOST_RULES =>
            {
                last.rules.extend_from_slice(&next.rules);
            }
            _ => pages.push(Page::clone(next)),
        }
    }
    pages
}

/// What goes out on every stream.
#[derive(Clone)]
pub(crate) enum Sent {
    Frame(Arc<Frame>),
    Comment,
}

impl Sent {
    pub(crate) fn bytes(self) -> Bytes {
        match self {
            Self::Comment => Bytes::from_static(COMMENT.as_bytes()),
            Self::Frame(frame) => frame.events.clone(),
        }
    }
}

/// Streams, and what waits to go out on them.
struct Line {
    /// `None` once the server ends.
    ring: Option<broadcast::Sender<Sent>>,
    last: Option<Arc<Frame>>,
    held: Vec<Arc<Published>>,
    /// When rules went out last.
    sent_at: Option<Instant>,
}

impl Line {
    fn flush(&mut self, at: Instant) {
        let Some(newest) = self.held.last().cloned() else { return };
        if self.held.iter().any(|state| !state.added.rules.is_empty()) {
            self.sent_at = Some(at);
        }
        let frame = Arc::new(Frame::new(newest, &self.held, self.last.as_deref()));
        self.held.clear();
        self.last = Some(Arc::clone(&frame));
        if let Some(ring) = &self.ring {
            // No reader at all is no error.
            drop(ring.send(Sent::Frame(frame)));
        }
    }
}

/// See the module.
pub(crate) struct Hub {
    now: watch::Sender<Now>,
    line: Mutex<Line>,
    held: Notify,
    pub(crate) seats: Arc<Seats>,
    pub(crate) catching_up: Semaphore,
    pub(crate) caught: Caught,
}

impl Hub {
    /// Serves what `feed` publishes from now on.
    pub(crate) fn start(feed: &Feed, limits: &Limits) -> Arc<Self> {
        let hub = Arc::new(Self::new(limits));
        let told = Arc::clone(&hub);
        feed.on_publish(move |state| told.publish(state));
        if let (Some(state), None) = (feed.published(), hub.newest()) {
            hub.publish(&state);
        }
        hub
    }

    fn new(limits: &Limits) -> Self {
        let ring = Some(broadcast::Sender::new(RING));
        Self {
            now: watch::Sender::new(Now::default()),
            line: Mutex::new(Line { ring, last: None, held: Vec::new(), sent_at: None }),
            held: Notify::new(),
            seats: Seats::new(limits.streams, limits.streams_per_address),
            catching_up: Semaphore::new(CATCHING_UP),
            caught: Caught::default(),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next state; waits for nobody.
    fn publish(&self, state: &Arc<Published>) {
        let mut line = self.line();
        if self.newest().is_some_and(|newest| Arc::ptr_eq(&newest.state, state)) {
            return;
        }
        let newest = Newest::new(state);
        self.now.send_modify(|now| now.newest = Some(newest));
        // Time alone waits for nothing, but does not overtake rules either.
        let alone = line.held.is_empty() && state.added.rules.is_empty();
        line.held.push(Arc::clone(state));
        let at = Instant::now();
        let rested = line.sent_at.is_none_or(|sent| at.duration_since(sent) >= PACE);
        if rested || alone {
            line.flush(at);
        } else {
            self.held.notify_one();
        }
    }

    /// Waits until something held is due. May be dropped and called again.
    pub(crate) async fn due(&self) {
        loop {
            let due = {
                let line = self.line();
                line.sent_at.filter(|_| !line.held.is_empty()).map(|sent| sent + PACE)
            };
            match due {
                Some(due) => return tokio::time::sleep_until(due).await,
                None => self.held.notified().await,
            }
        }
    }

    /// Sends what was held.
    pub(crate) fn flush(&self) {
        self.line().flush(Instant::now());
    }

    /// Keeps idle streams open.
    pub(crate) fn comment(&self) {
        if let Some(ring) = &self.line().ring {
            drop(ring.send(Sent::Comment));
        }
    }

    /// Ends every stream after what it was already sent, and every wait.
    pub(crate) fn close(&self) {
        let mut line = self.line();
        line.flush(Instant::now());
        line.ring = None;
        drop(line);
        self.now.send_modify(|now| now.closing = true);
    }

    /// The last frame and a place right behind it. `None`: there is none yet, or the server ends.
    pub(crate) fn subscribe(&self) -> Option<(Arc<Frame>, broadcast::Receiver<Sent>)> {
        let line = self.line();
        Some((line.last.clone()?, line.ring.as_ref()?.subscribe()))
    }

    /// To read the newest state, and to wait for the next.
    pub(crate) fn watch(&self) -> watch::Receiver<Now> {
        self.now.subscribe()
    }

    /// The newest state.
    pub(crate) fn newest(&self) -> Option<Arc<Newest>> {
        self.now.borrow().newest.clone()
    }
}

/// A strong ETag.
pub(crate) fn etag(text: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{text}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests;
