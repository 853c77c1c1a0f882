//! Acknowledgements: tells the issuer what this verifier has in force, so that its receipts can say so.
//!
//! The first at once, then on every change but at most once a second, and every five seconds. They go to the
//! issuer itself, never to a relay: they carry credentials.

use super::follow::passed;
use super::{Shared, bit};
use crate::entropy::Entropy;
use crate::fetch::{Fetch, Post};
use crate::staleness::OnStale;
use bytes::Bytes;
use countersign_feed::metadata::Ack;
use countersign_token::base64url;
use http::HeaderValue;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use url::Url;

/// The least time between two.
const APART: Duration = Duration::from_secs(1);
/// The longest.
const EVERY: Duration = Duration::from_secs(5);
/// Bytes of an answer at most.
const MOST_BYTES: usize = 4 * 1024;

/// Who acknowledges, and where.
pub(super) struct Acks {
    shared: Arc<Shared>,
    fetch: Arc<dyn Fetch>,
    url: Url,
    authorization: HeaderValue,
    name: String,
    timeout: Duration,
}

impl Acks {
    /// Under a random name.
    pub(super) fn new(
        shared: Arc<Shared>,
        fetch: Arc<dyn Fetch>,
        entropy: &dyn Entropy,
        url: Url,
        authorization: HeaderValue,
        timeout: Duration,
    ) -> Self {
        let mut name = [0; 16];
        entropy.fill(&mut name);
        Self { shared, fetch, url, authorization, name: base64url::encode(name), timeout }
    }

    /// Until whoever runs it stops.
    pub(super) async fn run(self) {
        let mut changes = self.shared.change.subscribe();
        loop {
            let now = *changes.borrow_and_update();
            if now.epoch > 0 && !now.forked {
                self.send(now.epoch, now.seq).await;
            }
            passed(APART).await;
            let changed = tokio::time::timeout(EVERY - APART, changes.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                return;
            }
        }
    }

    async fn send(&self, epoch: u64, seq: u64) {
        let (hard, modes) = self.shared.promises();
        let ack = Ack { verifier: self.name.clone(), epoch, seq, hard, modes };
        let Ok(body) = serde_json::to_vec(&ack) else { return };
        let post = Post {
            authorization: Some(&self.authorization),
            media_type: "application/json",
            body: Bytes::from(body),
        };
        match tokio::time::timeout(self.timeout, self.fetch.post(&self.url, post, MOST_BYTES)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an acknowledgement was not taken"),
            Err(_) => tracing::warn!("an acknowledgement was not answered in time"),
        }
    }
}

impl Shared {
    /// The longest bound of all routes in seconds, rounded up, and what they do beyond theirs.
    fn promises(&self) -> (u64, Vec<String>) {
        let general = match self.general.load(Ordering::Relaxed) {
            0 => self.hard.load(Ordering::Relaxed),
            own => own,
        };
        let hard = self.longest.load(Ordering::Relaxed).max(general);
        let noted = self.modes.load(Ordering::Relaxed);
        let modes = [
            (OnStale::Closed, "closed"),
            (OnStale::Open { younger_than: Duration::ZERO }, "open"),
            (OnStale::Introspect, "introspect"),
        ];
        let used = modes.into_iter().filter(|(mode, _)| noted & bit(*mode) != 0);
        (hard.div_ceil(1000), used.map(|(_, name)| name.to_owned()).collect())
    }
}
