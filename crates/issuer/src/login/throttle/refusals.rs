//! What the limiters turned away, told to the event log: one event for many, so that nobody fills the disk by
//! knocking, and none on the way of a refusal, which must cost nothing.

use super::bucket::Address;
use crate::Issuer;
use crate::error::Result;
use crate::model::{Actor, EventDraft, EventKind};
use countersign_token::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Between two tellings: at most 17 events a minute for each of the two limiters, 49,000 a day.
const EVERY: Duration = Duration::from_secs(60);
/// Addresses told one by one; the rest together.
const ADDRESSES: usize = 16;

/// Counts what is turned away.
#[derive(Default)]
pub(crate) struct Refusals {
    /// By address and what was tried: the last address of the network, and how often.
    held: BTreeMap<(Address, &'static str), (IpAddr, u64)>,
    /// At other addresses.
    others: u64,
    told_at: Timestamp,
}

/// So many were turned away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    /// From where, trying what; `None`: everywhere else.
    pub(crate) whence: Option<(IpAddr, &'static str)>,
    /// How many.
    pub(crate) count: u64,
}

impl Refusals {
    /// One more.
    pub(crate) fn note(&mut self, what: &'static str, ip: IpAddr) {
        let key = (Address::of(ip), what);
        if self.held.len() >= ADDRESSES && !self.held.contains_key(&key) {
            self.others = self.others.saturating_add(1);
            return;
        }
        let held = self.held.entry(key).or_insert((ip, 0));
        *held = (ip, held.1.saturating_add(1));
    }

    /// All since the last time, which is [`EVERY`] ago at least.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<Told> {
        // A clock that was set back does not silence it.
        if now >= self.told_at && now.since(self.told_at) < EVERY {
            return Vec::new();
        }
        let held = std::mem::take(&mut self.held);
        let others = std::mem::take(&mut self.others);
        let mut told: Vec<Told> = held
            .into_iter()
            .map(|((_, what), (ip, count))| Told { whence: Some((ip, what)), count })
            .collect();
        told.extend((others > 0).then_some(Told { whence: None, count: others }));
        if !told.is_empty() {
            self.told_at = now;
        }
        told
    }
}

/// Writes what the limiters turned away, when it is time.
pub(crate) async fn tell(issuer: &Issuer) -> Result<()> {
    let now = issuer.store.cached_now();
    for told in issuer.throttle.refused(now).into_iter().chain(issuer.secrets.refused(now)) {
        let mut event =
            EventDraft::new(EventKind::LoginThrottled, Actor::Anonymous).with("count", told.count);
        if let Some((ip, what)) = told.whence {
            event = event.with("factor", what).with("ip", ip.to_string());
        }
        issuer.store.note(event).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn ip(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    #[test]
    fn a_flood_is_few_events() {
        let mut refusals = Refusals::default();
        let at = |seconds: i64| Timestamp::from_seconds(1_000_000 + seconds);
        let mut told = 0;
        for second in 0..600 {
            for n in 0..1_000 {
                refusals.note("password", ip(n));
            }
            told += refusals.take(at(second)).len();
        }
        assert_eq!(told, 10 * (ADDRESSES + 1), "once a minute");
    }

    #[test]
    fn each_is_counted_once() {
        let mut refusals = Refusals::default();
        let now = Timestamp::from_seconds(1_000_000);
        assert_eq!(refusals.take(now), []);
        for _ in 0..3 {
            refusals.note("password", ip(1));
        }
        refusals.note("totp", ip(1));
        let due = [("password", 3), ("totp", 1)];
        let due = due.map(|(what, count)| Told { whence: Some((ip(1), what)), count });
        assert_eq!(refusals.take(now), due);
        for n in 0..20 {
            refusals.note("password", ip(n));
        }
        assert_eq!(refusals.take(now + Duration::from_secs(59)), []);
        let told = refusals.take(now + EVERY);
        assert_eq!(told.iter().map(|t| t.count).sum::<u64>(), 20);
        assert_eq!(told.last(), Some(&Told { whence: None, count: 4 }));
        refusals.note("password", ip(1));
        assert_eq!(refusals.take(now).len(), 1, "the clock was set back");
    }
}
