//! How often codes and links are sent: to one address or number, and for one network. Without a word to who
//! asks, since an answer that depends on the address would tell of it; only a network that asks for too many,
//! whoever for, is told. A device that signed the person in before has messages of its own, so that strangers
//! who ask without end do not keep the owner from signing in; and a number that somebody only says is theirs
//! has other counters than one that was shown to be.

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
/// To one address or number, asked for by a device that signed its owner in.
const OWNER: Most = [(5, HOUR), (20, DAY)];
/// For one network, which may be a whole office.
const NETWORK: Most = [(50, HOUR), (500, DAY)];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Flow(Mark),
    Target(Mark),
    /// A number before its first code was typed.
    NewTarget(Mark),
    Owner(Mark),
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
    /// Who may ask.
    pub(crate) standing: Standing,
}

/// What is known of who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Nothing.
    Anybody,
    /// The device signed the person of that address or number in before.
    Owner,
    /// A person says that the number is theirs.
    Claims,
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
        let (flow, asker) = ((Key::Flow(sending.flow), gap), (Key::Asker(sending.asker), SMS));
        let limits: &[(Key, Most)] = match (sending.standing, sending.way) {
            (Standing::Owner, Way::Mail) => &[flow, (Key::Owner(sending.target), OWNER)],
            (Standing::Owner, Way::Sms) => &[flow, (Key::Owner(sending.target), OWNER), asker],
            (Standing::Claims, _) => &[flow, (Key::NewTarget(sending.target), SMS), asker],
            (Standing::Anybody, Way::Mail) => &[
                flow,
                (Key::TargetFrom(sending.target, network), MAIL_FROM_NETWORK),
                (Key::Target(sending.target), MAIL),
            ],
            (Standing::Anybody, Way::Sms) => &[flow, (Key::Target(sending.target), SMS), asker],
        };
        let free = limits.iter().all(|(key, most)| room(*key, most).is_none());
        held.get(Key::Network(network)).0.push_back(now);
        if free {
            limits.iter().for_each(|(key, _)| held.get(*key).0.push_back(now));
        }
        Ok(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + minutes * 60)
    }

    /// To the same target; each in a flow of its own.
    fn ask(sends: &Sends, way: Way, standing: Standing, n: u8, now: Timestamp) -> bool {
        let sending = Sending {
            way,
            target: Mark([1; 16]),
            flow: Mark([n; 16]),
            asker: Mark([n; 16]),
            ip: Ipv4Addr::new(192, 0, 2, n).into(),
            standing,
        };
        sends.admit(&sending, now).unwrap()
    }

    #[test]
    fn strangers_who_ask_without_end_do_not_keep_the_owner_s_device_from_asking() {
        for way in [Way::Mail, Way::Sms] {
            let sends = Sends::default();
            let strangers = (0..200).filter(|n| ask(&sends, way, Standing::Anybody, *n, at(0))).count();
            assert_eq!(strangers, if way == Way::Mail { 10 } else { 5 });
            let owner = (200..=255).filter(|n| ask(&sends, way, Standing::Owner, *n, at(1))).count();
            assert_eq!(owner, 5, "{way:?}");
            assert!(!ask(&sends, way, Standing::Anybody, 0, at(30)), "the owner's are no strangers' room");
        }
    }

    #[test]
    fn who_claims_a_number_takes_nothing_from_whose_it_is() {
        let sends = Sends::default();
        let claimed = (0..200).filter(|n| ask(&sends, Way::Sms, Standing::Claims, *n, at(0))).count();
        assert_eq!(claimed, 5, "what a number gets at the worst");
        assert!(ask(&sends, Way::Sms, Standing::Anybody, 201, at(0)));
    }
}
