//! What readers missed, encoded. After a restart a thousand come back at nearly the same position: the same
//! rules are loaded and encoded once for all of them.

use super::hub::Hub;
use bytes::Bytes;
use countersign_feed::stream::{Event, Position};
use countersign_issuer::revocation::publish;
use countersign_issuer::{Issuer, Result};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Rules of one event, so that a slow reader holds little: 23 KB as text.
pub(crate) const RULES: u64 = 1_024;
/// Events kept.
const KEPT: usize = 32;

/// The newest ones.
#[derive(Default)]
pub(crate) struct Caught(Mutex<VecDeque<Run>>);

/// A run of rules as an event.
#[derive(Clone)]
pub(crate) struct Run {
    after: Position,
    pub(crate) end: u64,
    pub(crate) event: Bytes,
}

impl Caught {
    fn get(&self, after: Position, most: u64) -> Option<Run> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|run| run.after == after && run.end <= most).cloned()
    }

    fn keep(&self, run: &Run) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(run.clone());
    }
}

/// The next event for a reader at `after`, of rules up to `most`. `None`: only a snapshot has them.
pub(crate) async fn next(hub: &Hub, issuer: &Issuer, after: Position, most: u64) -> Result<Option<Run>> {
    if let Some(run) = hub.caught.get(after, most) {
        return Ok(Some(run));
    }
    // It is never closed; whoever waited may find it kept by then.
    let _turn = hub.catching_up.acquire().await;
    if let Some(run) = hub.caught.get(after, most) {
        return Ok(Some(run));
    }
    // Up to the next whole run: readers at different positions share all but the first.
    let whole = (after.seq / RULES + 1) * RULES;
    let many = usize::try_from(whole.min(most).saturating_sub(after.seq)).unwrap_or(0);
    let Some(page) = publish::page(issuer, after.epoch, after.seq, many).await? else { return Ok(None) };
    if page.rules.is_empty() {
        return Ok(None);
    }
    let run = Run { after, end: page.end(), event: Bytes::from(Event::Rules(page.bytes()).text()) };
    hub.caught.keep(&run);
    Ok(Some(run))
}
