//! How often codes and links are sent: to one address or number, and for one network. Without a word to who
//! asks, since an answer that depends on the address would tell of it; only a network that asks for too many,
//! whoever for, is told.

use super::bucket::{Address, Shelf, too_many};
use crate::error::Rejected;
use crate::model::message::Way;
use crate::seal::Mark;
use countersign_token::Timestamp;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Between two of the same flow to the same place.
const GAP: Duration = Duration::from_secs(30);

/// At most so many in that time; the last window is a day.
type Most = [(usize, Duration); 2];
/// To one address, asked for by one network.
const MAIL_FROM_NETWORK: Most = [(5, HOUR), (20, DAY)];
/// To one address, whoever asks: what a mailbox gets at the worst. More than one network may ask for, so
/// that a stranger who asks without end does not keep the owner from asking.
const MAIL: Most = [(10, HOUR), (40, DAY)];
/// To one number, and for one person: each costs money.
const SMS: Most = [(5, HOUR), (20, DAY)];
/// For one network, which may be a whole office.
const NETWORK: Most = [(50, HOUR), (500, DAY)];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Flow(Mark),
    Target(Mark),
    TargetFrom(Mark, Address),
    Asker(Mark),
    Network(Address),
}

/// Something to be sent.
pub(crate) struct Sending {
    pub(crate) way: Way,
    /// The address or number.
    pub(crate) target: Mark,
    /// The flow that asks, and the target.
    pub(crate) flow: Mark,
    /// Whose it is.
    pub(crate) asker: Mark,
    pub(crate) ip: IpAddr,
}

/// When the last ones were sent, oldest first; none older than a day.
#[derive(Default)]
struct Sent(VecDeque<Timestamp>);

impl Sent {
    fn settle(&mut self, now: Timestamp) {
        // The clock was set back: nothing was sent later than now.
        self.0.iter_mut().for_each(|at| *at = (*at).min(now));
        while self.0.front().is_some_and(|at| now.since(*at) >= DAY) {
            self.0.pop_front();
        }
    }

    /// How long until there is room for one more.
    fn wait(&self, most: &Most, now: Timestamp) -> Option<Duration> {
        let until = |(count, window): &(usize, Duration)| {
            let oldest = self.0.len().checked_sub(*count).and_then(|n| self.0.get(n))?;
            Some(window.saturating_sub(now.since(*oldest))).filter(|wait| !wait.is_zero())
        };
        most.iter().filter_map(until).max()
    }
}

/// What was sent of late.
#[derive(Default)]
pub struct Sends(Mutex<Shelf<Key, Sent>>);

impl Sends {
    /// May this be sent? If so, it counts. An error: this network is to wait.
    pub(crate) fn admit(&self, sending: &Sending, now: Timestamp) -> Result<bool, Rejected> {
        let network = Address::of(sending.ip);
        // Counters stay usable whatever panicked while they were held.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = |key: Key, most: &Most| {
            if !held.holds(&key) {
                return None;
            }
            let sent = held.get(key);
            sent.settle(now);
            sent.wait(most, now)
        };
        if let Some(wait) = room(Key::Network(network), &NETWORK) {
            return Err(too_many(wait));
        }
        let gap = [(1, GAP), (usize::MAX, DAY)];
        let limits: &[(Key, Most)] = match sending.way {
            Way::Mail => &[
                (Key::Flow(sending.flow), gap),
                (Key::TargetFrom(sending.target, network), MAIL_FROM_NETWORK),
                (Key::Target(sending.target), MAIL),
            ],
            Way::Sms => &[
                (Key::Flow(sending.flow), gap),
                (Key::Target(sending.target), SMS),
                (Key::Asker(sending.asker), SMS),
            ],
        };
        let free = limits.iter().all(|(key, most)| room(*key, most).is_none());
        held.get(Key::Network(network)).0.push_back(now);
        if free {
            limits.iter().for_each(|(key, _)| held.get(*key).0.push_back(now));
        }
        Ok(free)
    }
}
