//! Receipts: who has a revocation in force, and since when.

use crate::Issuer;
use crate::error::{Failure, Result, Unavailable};
use crate::model::ClientId;
use crate::port::At;
use crate::port::feed::Acknowledged;
use countersign_feed::head::SKEW;
use countersign_feed::metadata::Ack;
use countersign_token::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A verifier not heard of for that long is disconnected.
pub const CONNECTED: Duration = Duration::from_secs(12);
/// One not heard of for that long is not counted any more.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// Acknowledgements are written at most this often.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);
/// Most verifiers whose word waits to be written.
const MOST: usize = 20_000;

/// What is known of one revocation's spread.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Receipt {
    /// Epoch of the log.
    pub epoch: u64,
    /// The rule is among the first so many.
    pub seq: u64,
    /// Connected verifiers that authenticate.
    pub connected: u32,
    /// Those that have it in force.
    pub in_force: u32,
    /// Of those connected, the ones with routes that stay open when the feed is lost.
    pub open: u32,
    /// From the revocation to the last acknowledgement that was waited for, in milliseconds.
    pub after_ms: Option<u64>,
    /// Verifiers that were connected in the last day and are not.
    pub disconnected: u32,
    /// From when on all of these refuse by themselves. `None`: there are none, or some stay open.
    pub disconnected_refuse_from: Option<Timestamp>,
}

/// Acknowledgements heard since they were last written.
#[derive(Default)]
pub(super) struct Heard {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    by_name: HashMap<(ClientId, String), Acknowledged>,
    /// When they were last written.
    written_at: Timestamp,
}

impl Heard {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // An entry is put in whole, so a panic elsewhere leaves nothing half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, client: &ClientId, ack: Ack, now: Timestamp) -> Result<()> {
        let mut waiting = self.waiting();
        let key = (client.clone(), ack.verifier.clone());
        let before = waiting.by_name.get(&key).filter(|held| (held.epoch, held.seq) == (ack.epoch, ack.seq));
        let reached_at = before.map_or(now, |held| held.reached_at);
        if waiting.by_name.len() >= MOST && !waiting.by_name.contains_key(&key) {
            return Err(Failure::Unavailable(Unavailable {
                what: "acknowledgements",
                detail: format!("{MOST} wait to be written"),
                retry_after: WRITTEN_EVERY,
            }));
        }
        let Ack { verifier, epoch, seq, hard, modes } = ack;
        let (client, seen_at) = (client.clone(), now);
        let held = Acknowledged { client, verifier, epoch, seq, reached_at, seen_at, hard, modes };
        waiting.by_name.insert(key, held);
        Ok(())
    }

    /// What is to be written now.
    fn due(&self, now: Timestamp) -> Vec<Acknowledged> {
        let mut waiting = self.waiting();
        let age = now.millis().abs_diff(waiting.written_at.millis());
        if waiting.by_name.is_empty() || u128::from(age) < WRITTEN_EVERY.as_millis() {
            return Vec::new();
        }
        waiting.written_at = now;
        std::mem::take(&mut waiting.by_name).into_values().collect()
    }

    fn all(&self) -> Vec<Acknowledged> {
        self.waiting().by_name.values().cloned().collect()
    }
}

/// Takes an acknowledgement of a verifier that authenticated as this client.
pub(super) fn hear(issuer: &Issuer, client: &ClientId, ack: Ack) -> Result<()> {
    issuer.feed.heard.take(client, ack, issuer.store.cached_now())
}

/// Writes down what was heard. What cannot be written is said again within seconds.
pub(super) async fn write_down(issuer: &Issuer) -> Result<()> {
    let due = issuer.feed.heard.due(issuer.store.cached_now());
    if due.is_empty() { Ok(()) } else { Ok(issuer.store.acknowledge(due).await?) }
}

/// What is known now of everything numbered up to `seq`; `since` is when the revocation was asked for.
pub async fn receipt(issuer: &Issuer, epoch: u64, seq: u64, since: Timestamp) -> Result<Receipt> {
    let day_ago = issuer.store.cached_now() - REMEMBERED;
    let At { now, it: mut all } = issuer.store.verifiers(day_ago).await?;
    for heard in issuer.feed.heard.all() {
        match all.iter_mut().find(|v| v.client == heard.client && v.verifier == heard.verifier) {
            Some(known) => put(known, heard),
            None => all.push(heard),
        }
    }
    Ok(count(&all, epoch, seq, since, now))
}

/// The later word; one that says the same again was reached when it was first said.
fn put(known: &mut Acknowledged, heard: Acknowledged) {
    let same = (known.epoch, known.seq) == (heard.epoch, heard.seq);
    let reached_at = if same { known.reached_at } else { heard.reached_at };
    *known = Acknowledged { reached_at, ..heard };
}

fn count(all: &[Acknowledged], epoch: u64, seq: u64, since: Timestamp, now: Timestamp) -> Receipt {
    let is_open = |v: &&Acknowledged| v.modes.iter().any(|mode| mode == "open");
    let (connected, lost): (Vec<_>, Vec<_>) = all.iter().partition(|v| now.since(v.seen_at) < CONNECTED);
    let in_force: Vec<_> =
        connected.iter().filter(|v| v.epoch > epoch || (v.epoch == epoch && v.seq >= seq)).collect();
    // What a verifier knew when it was last heard was not younger than that; it refuses when that is too old.
    let refuses = |v: &&Acknowledged| v.seen_at + Duration::from_secs(v.hard) + SKEW;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Receipt {
        epoch,
        seq,
        connected: number(connected.len()),
        in_force: number(in_force.len()),
        open: number(connected.iter().copied().filter(is_open).count()),
        after_ms: in_force.iter().map(|v| v.reached_at.since(since)).max().map(millis),
        disconnected: number(lost.len()),
        disconnected_refuse_from: match lost.iter().copied().any(|v| is_open(&v)) {
            true => None,
            false => lost.iter().copied().map(|v| refuses(&v)).max(),
        },
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    fn verifier(name: &str, position: (u64, u64), reached: u64, seen: u64, mode: &str) -> Acknowledged {
        Acknowledged {
            client: ClientId::from_stored("svc"),
            verifier: name.to_owned(),
            epoch: position.0,
            seq: position.1,
            reached_at: at(reached),
            seen_at: at(seen),
            hard: 60,
            modes: vec![mode.to_owned()],
        }
    }

    #[test]
    fn who_has_it_who_has_not_and_who_is_away() {
        let mut all = vec![
            verifier("has it", (3, 10), 101, 109, "closed"),
            verifier("has more", (3, 11), 102, 109, "open"),
            verifier("has a later epoch", (4, 1), 100, 98, "closed"),
            verifier("has not", (3, 9), 90, 109, "introspect"),
            verifier("has an earlier epoch", (2, 99), 90, 109, "closed"),
            verifier("is away", (3, 10), 90, 97, "closed"),
            verifier("is long away", (3, 9), 50, 60, "introspect"),
        ];
        let due = Receipt {
            epoch: 3,
            seq: 10,
            connected: 5,
            in_force: 3,
            open: 1,
            after_ms: Some(2_000),
            disconnected: 2,
            disconnected_refuse_from: Some(at(97 + 60) + SKEW),
        };
        assert_eq!(count(&all, 3, 10, at(100), at(109)), due);
        all.push(verifier("stays open", (3, 10), 5, 5, "open"));
        let with = count(&all, 3, 10, at(100), at(109));
        assert_eq!((with.disconnected, with.disconnected_refuse_from), (3, None));
        let nobody = count(&[], 3, 10, at(100), at(109));
        assert_eq!((nobody.connected, nobody.after_ms, nobody.disconnected_refuse_from), (0, None, None));
    }

    #[test]
    fn what_is_heard_is_written_once_a_second_with_when_it_was_first_said() {
        let heard = Heard::default();
        let client = ClientId::from_stored("svc");
        let ack = |name: &str, seq| Ack {
            verifier: name.to_owned(),
            epoch: 1,
            seq,
            hard: 60,
            modes: vec!["closed".to_owned()],
        };
        heard.take(&client, ack("a", 5), at(0)).unwrap();
        heard.take(&client, ack("a", 5), at(3)).unwrap();
        assert_eq!(heard.due(at(3)), [verifier("a", (1, 5), 0, 3, "closed")]);
        heard.take(&client, ack("a", 6), at(3)).unwrap();
        assert!(heard.due(at(3) + Duration::from_millis(999)).is_empty());
        assert_eq!(heard.all().len(), 1);
        assert_eq!(heard.due(at(4)), [verifier("a", (1, 6), 3, 3, "closed")]);
        assert!(heard.due(at(9)).is_empty());
        for n in 0..MOST {
            heard.take(&client, ack(&n.to_string(), 1), at(9)).unwrap();
        }
        assert!(heard.take(&client, ack("one more", 1), at(9)).is_err());
        heard.take(&client, ack("7", 2), at(9)).unwrap();
    }
}
