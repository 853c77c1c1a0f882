//! One limiter in front of every secret check: buckets of failures for an account, for an address, and for
//! everything. Answers at once, never sleeps; time is an argument.
//!
//! A bucket allows some failures, then each further one doubles the time until the next attempt. Failures
//! are forgotten one by one. An account's bucket says nothing about other accounts. The bucket of
//! everything never refuses: while it is full (a spread attack), addresses get fewer free failures.
//! Attempts under way count, so a burst in parallel gets no more tries than one after the other. Only an
//! attempt let through makes a bucket: who is refused cannot push others out of memory by making up names.

pub(crate) mod bucket;

use crate::error::Rejected;
use crate::seal::Mark;
use bucket::{Address, Bucket, Limits, Shelf};
use countersign_token::Timestamp;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Attempts under way for an account without failures.
const PARALLEL: u32 = 64;
/// Failures, everywhere, from which on addresses get few free ones.
const STORM: u32 = 1_000;

/// A longest delay of five minutes allows 288 guesses a day and lets the owner in again soon.
const ACCOUNT: Limits =
    Limits { free: 5, longest: Duration::from_secs(300), forget: Duration::from_secs(600) };
/// Many people may share an address.
const ADDRESS: Limits =
    Limits { free: 20, longest: Duration::from_secs(300), forget: Duration::from_secs(30) };
const ADDRESS_IN_STORM: Limits = Limits { free: 5, ..ADDRESS };
const EVERYTHING: Limits =
    Limits { free: u32::MAX, longest: Duration::ZERO, forget: Duration::from_millis(100) };

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Account(Mark),
    From(Address),
}

/// For an account: as many at a time as it has free failures left.
fn crowded(bucket: &Bucket) -> bool {
    let room = match bucket.failures {
        0 => PARALLEL,
        some => ACCOUNT.free.saturating_sub(some).max(1),
    };
    bucket.under_way >= room
}

/// For an address: once its free failures are used up, one at a time.
fn queues(bucket: &Bucket, limits: &Limits) -> bool {
    bucket.failures > limits.free && bucket.under_way > 0
}

#[derive(Default)]
struct Buckets {
    held: Shelf<Key, Bucket>,
    everything: Bucket,
}

impl Buckets {
    fn get(&mut self, key: Key) -> &mut Bucket {
        self.held.get(key)
    }

    /// One there is, settled; as new for others, which are not kept for the asking.
    fn look(&mut self, key: Key, limits: &Limits, now: Timestamp) -> Bucket {
        if !self.held.holds(&key) {
            return Bucket::default();
        }
        let held = self.get(key);
        held.settle(limits, now);
        *held
    }

    fn address_limits(&mut self, now: Timestamp) -> &'static Limits {
        self.everything.settle(&EVERYTHING, now);
        if self.everything.failures >= STORM { &ADDRESS_IN_STORM } else { &ADDRESS }
    }
}

/// The limiter.
#[derive(Default)]
pub struct Throttle(Mutex<Buckets>);

/// An attempt that was let through. Dropped without a result (the caller went away, the hash queue was
/// full), it counts neither way.
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    account: Key,
    address: Key,
}

impl Throttle {
    fn with<T>(&self, work: impl FnOnce(&mut Buckets) -> T) -> T {
        // Counters stay usable whatever panicked while they were held.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets an attempt on this account from this address through, or says when to come back.
    pub(crate) fn admit(&self, account: Mark, ip: IpAddr, now: Timestamp) -> Result<Attempt<'_>, Rejected> {
        let (account, address) = (Key::Account(account), Key::From(Address::of(ip)));
        let wait = self.with(|buckets| {
            let limits = buckets.address_limits(now);
            let (from, to) = (buckets.look(address, limits, now), buckets.look(account, &ACCOUNT, now));
            let crowd = (crowded(&to) || queues(&from, limits)).then_some(Duration::from_secs(1));
            let wait = [from.wait(now), to.wait(now), crowd].into_iter().flatten().max();
            if wait.is_none() {
                buckets.get(address).under_way += 1;
                buckets.get(account).under_way += 1;
            }
            wait
        });
        match wait {
            None => Ok(Attempt { throttle: self, account, address }),
            Some(wait) => Err(bucket::too_many(wait)),
        }
    }
}

impl Attempt<'_> {
    /// The secret was wrong.
    pub(crate) fn failed(self, now: Timestamp) {
        self.throttle.with(|buckets| {
            buckets.everything.fail(&EVERYTHING, now);
            let limits = buckets.address_limits(now);
            buckets.get(self.address).fail(limits, now);
            buckets.get(self.account).fail(&ACCOUNT, now);
        });
    }

    /// The secret was right: the account's failures are forgotten. The address's are not, or an attacker
    /// would sign in to an account of their own in between.
    pub(crate) fn succeeded(self) {
        self.throttle.with(|buckets| {
            let bucket = buckets.get(self.account);
            bucket.failures = 0;
            bucket.until = Timestamp::default();
        });
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.throttle.with(|buckets| {
            for key in [self.account, self.address] {
                let bucket = buckets.get(key);
                bucket.under_way = bucket.under_way.saturating_sub(1);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::bucket::MOST;
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const ME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn account(n: u8) -> Mark {
        Mark([n; 16])
    }
    fn ip(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }
    fn fail(t: &Throttle, who: Mark, ip: IpAddr, now: Timestamp) {
        t.admit(who, ip, now).unwrap_or_else(|e| panic!("{e:?}")).failed(now);
    }
    fn wait(t: &Throttle, who: Mark, ip: IpAddr, now: Timestamp) -> Option<u64> {
        t.admit(who, ip, now).err().and_then(|r| r.retry_after).map(|d| d.as_secs())
    }

    #[test]
    fn delays_double_after_the_free_failures() {
        let t = Throttle::default();
        (0..5).for_each(|_| fail(&t, account(1), ME, at(0)));
        let mut now = 0;
        for due in [1, 2, 4, 8] {
            fail(&t, account(1), ME, at(now));
            assert_eq!(wait(&t, account(1), ME, at(now)), Some(due));
            now += i64::try_from(due).unwrap();
        }
        for n in 0..8 {
            fail(&t, account(1), ip(n), at(now));
            now += 300;
        }
        assert_eq!(wait(&t, account(1), ip(9), at(now - 300)), Some(300), "never longer");
    }

    #[test]
    fn one_account_does_not_block_another() {
        let t = Throttle::default();
        (0..6).for_each(|n| fail(&t, account(1), ip(n), at(0)));
        assert!(wait(&t, account(1), ip(99), at(0)).is_some(), "from any address");
        assert_eq!(wait(&t, account(2), ip(0), at(0)), None);
    }

    #[test]
    fn an_address_is_slowed_over_many_accounts() {
        let t = Throttle::default();
        (0..21).for_each(|n| fail(&t, account(n), ME, at(0)));
        assert_eq!(wait(&t, account(99), ME, at(0)), Some(1));
        assert_eq!(wait(&t, account(99), ip(1), at(0)), None);
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let t = Throttle::default();
        let host = |n: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 1, n, 2, 3, 4).into();
        (0..21).for_each(|n| fail(&t, account(n), host(n.into()), at(0)));
        assert_eq!(wait(&t, account(99), host(500), at(0)), Some(1));
        assert_eq!(wait(&t, account(99), Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 2, 3, 4).into(), at(0)), None);
        let mapped = Ipv4Addr::new(192, 0, 2, 9).to_ipv6_mapped().into();
        assert!(Address::of(mapped) == Address::of(Ipv4Addr::new(192, 0, 2, 9).into()));
    }

    #[test]
    fn success_and_time_forget() {
        let t = Throttle::default();
        (0..5).for_each(|_| fail(&t, account(1), ME, at(0)));
        t.admit(account(1), ME, at(0)).unwrap().succeeded();
        (0..5).for_each(|_| fail(&t, account(1), ME, at(0)));
        assert_eq!(wait(&t, account(1), ME, at(0)), None, "five free ones again");
        fail(&t, account(1), ME, at(0));
        assert_eq!(wait(&t, account(1), ME, at(0)), Some(1));
        (0..2).for_each(|_| fail(&t, account(1), ME, at(1200)));
        assert_eq!(wait(&t, account(1), ME, at(1200)), Some(1), "two of six were forgotten");
    }

    #[test]
    fn a_burst_in_parallel_gets_no_more_tries() {
        let t = Throttle::default();
        fail(&t, account(1), ME, at(0));
        let under_way: Vec<_> = (0..10).filter_map(|_| t.admit(account(1), ME, at(0)).ok()).collect();
        assert_eq!(under_way.len(), 4);
        drop(under_way);
        assert!(t.admit(account(1), ME, at(0)).is_ok(), "given back when dropped");
        let fresh: Vec<_> = (0..100).filter_map(|_| t.admit(account(2), ME, at(0)).ok()).collect();
        assert_eq!(fresh.len(), 64, "somebody who never failed may come in parallel");
    }

    #[test]
    fn who_is_refused_pushes_nobody_out() {
        let t = Throttle::default();
        (0..9).for_each(|n| fail(&t, account(1), ip(n), at(i64::from(n) * 9)));
        (0..21).for_each(|n| fail(&t, account(n + 10), ME, at(72)));
        let made_up = |n: usize| {
            let mut mark = [0xff; 16];
            mark.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
            Mark(mark)
        };
        for n in 0..=MOST {
            assert!(t.admit(made_up(n), ME, at(72)).is_err(), "the address waits");
        }
        assert_eq!(wait(&t, account(1), ip(99), at(72)), Some(8), "not forgotten for names made up");
    }

    #[test]
    fn a_slowed_address_tries_one_at_a_time() {
        let t = Throttle::default();
        (0..21).for_each(|n| fail(&t, account(n), ME, at(0)));
        let under_way: Vec<_> = (50..90).filter_map(|n| t.admit(account(n), ME, at(1)).ok()).collect();
        assert_eq!(under_way.len(), 1, "a burst over many accounts");
        drop(under_way);
        assert!(t.admit(account(50), ME, at(1)).is_ok(), "given back when dropped");
        let others: Vec<_> = (50..90).filter_map(|n| t.admit(account(n), ip(1), at(1)).ok()).collect();
        assert_eq!(others.len(), 40, "an address that did nothing wrong");
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let t = Throttle::default();
        (0..7).for_each(|n| fail(&t, account(1), ip(n), at(7200 + i64::from(n))));
        assert!(
            wait(&t, account(1), ip(99), at(0)).is_some_and(|w| w <= 300),
            "not until the clock is there"
        );
        assert_eq!(wait(&t, account(1), ip(99), at(300)), None);
    }

    #[test]
    fn a_storm_refuses_nobody_by_itself() {
        let t = Throttle::default();
        (0..2_000_u32).for_each(|n| fail(&t, Mark(u128::from(n).to_be_bytes()), ip(n), at(0)));
        let fresh = Mark([0xff; 16]);
        assert_eq!(wait(&t, fresh, ME, at(0)), None);
        (0..6).for_each(|n| fail(&t, Mark([0xf0 + n; 16]), ME, at(0)));
        assert_eq!(wait(&t, fresh, ME, at(0)), Some(1), "fewer free failures while it lasts");
        assert_eq!(wait(&t, fresh, ME, at(600)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let t = Throttle::default();
        for n in 0..100_000_u32 {
            fail(&t, Mark(u128::from(n).to_be_bytes()), ip(n), at(0));
        }
        let held = t.with(|b| b.held.len());
        assert!(held <= MOST, "{held}");
    }
}
