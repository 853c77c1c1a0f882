//! The limiter in front of client secrets: guesses are bounded, and a guesser never locks the client out
//! from where it really is.
//!
//! Failures are counted for a client at one address, which may then be told to wait; for the address over
//! all clients; and for the client everywhere, a count that refuses nobody: while it is high, addresses get
//! fewer free failures at this client. Successes are not counted. The same wrong secret again is no new
//! guess: a service that was left behind by a rotation asks once a second for days, and must not shut out
//! its siblings behind the same address.

use crate::error::Rejected;
use crate::login::throttle::bucket::{Address, Bucket, Limits, SECOND, Shelf, too_many};
use crate::login::throttle::refusals::{Refusals, Told};
use crate::model::Digest;
use crate::seal::Mark;
use countersign_token::Timestamp;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// For a client at one address: 20 wrong secrets at once, then 100 an hour.
const PAIR: Limits =
    Limits { free: 20, first: SECOND, longest: Duration::from_secs(36), forget: Duration::from_secs(36) };
/// The same while the client is guessed at from many addresses.
const PAIR_IN_STORM: Limits = Limits { free: 3, ..PAIR };
/// Failures of a client, everywhere, from which on that counts as such.
const STORM: u32 = 200;
/// A client, everywhere: refuses nobody, forgets 1,000 failures an hour.
const CLIENT: Limits =
    Limits { free: u32::MAX, first: SECOND, longest: Duration::ZERO, forget: Duration::from_millis(3_600) };
/// An address, over all clients: 200 at once, then 900 an hour.
const ADDRESS: Limits =
    Limits { free: 200, first: SECOND, longest: Duration::from_secs(4), forget: Duration::from_secs(4) };

/// What is guessed at, as the log of events says it.
pub(crate) const CLIENT_SECRET: &str = "client_secret";

/// Wrong secrets remembered for a client at one address.
const REMEMBERED: usize = 4;

#[derive(Default)]
struct Pair {
    bucket: Bucket,
    /// The beginnings of keyed digests of wrong secrets, the newest first.
    wrong: [Option<u64>; REMEMBERED],
}

#[derive(Default)]
struct Held {
    pairs: Shelf<(Mark, Address), Pair>,
    addresses: Shelf<Address, Bucket>,
    clients: Shelf<Mark, Bucket>,
    refusals: Refusals,
}

impl Held {
    fn pair_limits(&mut self, client: Mark, now: Timestamp) -> &'static Limits {
        if !self.clients.holds(&client) {
            return &PAIR;
        }
        let everywhere = self.clients.get(client);
        everywhere.settle(&CLIENT, now);
        if everywhere.failures >= STORM { &PAIR_IN_STORM } else { &PAIR }
    }

    fn wait(&mut self, client: Mark, from: Address, limits: &Limits, now: Timestamp) -> Option<Duration> {
        let mut waits = [None, None];
        if self.pairs.holds(&(client, from)) {
            let bucket = &mut self.pairs.get((client, from)).bucket;
            bucket.settle(limits, now);
            waits[0] = bucket.wait(now);
        }
        if self.addresses.holds(&from) {
            let bucket = self.addresses.get(from);
            bucket.settle(&ADDRESS, now);
            waits[1] = bucket.wait(now);
        }
        waits.into_iter().flatten().max()
    }

    fn fail(&mut self, client: Mark, from: Address, guess: u64, now: Timestamp) {
        self.clients.get(client).fail(&CLIENT, now);
        let limits = self.pair_limits(client, now);
        let pair = self.pairs.get((client, from));
        pair.bucket.fail(limits, now);
        pair.wrong.rotate_right(1);
        pair.wrong[0] = Some(guess);
        self.addresses.get(from).fail(&ADDRESS, now);
    }
}

/// What a secret that was shown is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Judged {
    /// Good.
    Right,
    /// Wrong, and counted.
    Wrong,
    /// The same wrong one as before: no new guess.
    WrongAgain,
}

/// The limiter. Three times at most 65,536 entries.
#[derive(Default)]
pub(crate) struct ClientThrottle(Mutex<Held>);

impl ClientThrottle {
    /// What was turned away, when it is time to tell.
    pub(crate) fn refused(&self, now: Timestamp) -> Vec<Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refusals.take(now)
    }

    /// Judges one secret that `client` shows from `ip`: `Err` when it is to come back later, else what
    /// `right` says. `shown`: keyed digests of the secret, in each reading of it. Judged under the lock, so
    /// that a burst gets no more guesses than one after the other.
    pub(crate) fn judge(
        &self,
        client: Mark,
        ip: IpAddr,
        shown: &[Digest],
        now: Timestamp,
        right: impl FnOnce() -> bool,
    ) -> Result<Judged, Rejected> {
        let from = Address::of(ip);
        let guess = shown.first().and_then(|d| d.0.first_chunk::<8>()).map_or(0, |b| u64::from_be_bytes(*b));
        // Counters stay usable whatever panicked while they were held.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.pairs.holds(&(client, from)) && held.pairs.get((client, from)).wrong.contains(&Some(guess)) {
            return Ok(if right() { Judged::Right } else { Judged::WrongAgain });
        }
        let limits = held.pair_limits(client, now);
        if let Some(wait) = held.wait(client, from, limits, now) {
            held.refusals.note(CLIENT_SECRET, ip);
            return Err(too_many(wait));
        }
        if right() {
            return Ok(Judged::Right);
        }
        held.fail(client, from, guess, now);
        Ok(Judged::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::throttle::bucket::MOST;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const OWNER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn client(n: u32) -> Mark {
        Mark(u128::from(n).to_be_bytes())
    }
    fn ip(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }
    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + i64::from(seconds))
    }
    fn secret(n: u32) -> [Digest; 1] {
        [Digest::of(n.to_string())]
    }
    /// The one secret that is right.
    const SECRET: u32 = u32::MAX;

    /// The verdict on a guess; a refusal when it is not looked at.
    fn guess(t: &ClientThrottle, who: u32, from: IpAddr, n: u32, now: u32) -> Result<bool, Rejected> {
        t.judge(client(who), from, &secret(n), at(now), || n == SECRET).map(|judged| judged == Judged::Right)
    }
    /// Is the guess looked at?
    fn wrong(t: &ClientThrottle, who: u32, from: IpAddr, n: u32, now: u32) -> bool {
        guess(t, who, from, n, now).is_ok()
    }
    fn right(t: &ClientThrottle, who: u32, from: IpAddr, now: u32) -> Result<bool, Rejected> {
        guess(t, who, from, SECRET, now)
    }

    #[test]
    fn a_thousand_guesses_get_no_further_than_the_limit() {
        let t = ClientThrottle::default();
        let looked_at = (0..1_000).filter(|n| wrong(&t, 1, ip(9), *n, 0)).count();
        assert_eq!(looked_at, 21, "20 free ones and the one that starts the delays");
        let refused = right(&t, 1, ip(9), 0).unwrap_err();
        assert_eq!(
            (refused.code.name(), refused.retry_after),
            ("too_many_attempts", Some(Duration::from_secs(1)))
        );
        // One guess a second for an hour, each another secret.
        let looked_at = (0..3_600).filter(|n| wrong(&t, 1, ip(9), 10_000 + n, 1 + n)).count();
        assert!((95..=110).contains(&looked_at), "{looked_at} in an hour");
    }

    #[test]
    fn the_owner_comes_in_from_another_address_whatever_goes_on() {
        let t = ClientThrottle::default();
        for n in 0..1_000 {
            wrong(&t, 1, ip(9), n, 0);
        }
        assert!(right(&t, 1, OWNER, 0).unwrap());
        for n in 0..10_000 {
            wrong(&t, 1, ip(n), n, 0);
        }
        assert!(right(&t, 1, OWNER, 0).unwrap(), "from ten thousand addresses");
        assert!(wrong(&t, 1, OWNER, 1, 0) && right(&t, 1, OWNER, 0).unwrap(), "also after a slip");
        assert!(right(&t, 2, ip(9), 0).unwrap(), "another client at the guesser's address");
    }

    #[test]
    fn guessers_from_many_addresses_get_fewer_guesses_each() {
        let t = ClientThrottle::default();
        assert!((0..STORM).all(|n| wrong(&t, 1, ip(n), n, 0)));
        let looked_at = (0..100).filter(|n| wrong(&t, 1, ip(70_000), *n, 0)).count();
        assert_eq!(looked_at, 4);
        let elsewhere = (0..100).filter(|n| wrong(&t, 2, ip(70_001), *n, 0)).count();
        assert_eq!(elsewhere, 21, "a client that is left alone");
        let after = (0..100).filter(|n| wrong(&t, 1, ip(70_002), *n, 3_600)).count();
        assert_eq!(after, 21, "an hour later");
    }

    #[test]
    fn the_same_wrong_secret_is_one_guess() {
        let t = ClientThrottle::default();
        assert!((0..1_000).all(|n| wrong(&t, 1, ip(9), 7, n)));
        assert!(right(&t, 1, ip(9), 1_000).unwrap(), "a sibling behind the same address");
        // Beside a guesser, it is still told at once that it is wrong, and opens no way for guesses.
        assert!((0..1_000).filter(|n| wrong(&t, 1, ip(9), 100 + n, 1_000)).count() <= 21);
        assert!(!wrong(&t, 1, ip(9), 5_000, 1_000));
    }

    #[test]
    fn successes_are_not_counted_and_forgive_nothing() {
        let t = ClientThrottle::default();
        (0..10_000).for_each(|_| assert!(right(&t, 1, OWNER, 0).unwrap()));
        let held = t.0.lock().unwrap();
        assert_eq!(
            (held.pairs.len(), held.addresses.len(), held.clients.len()),
            (0, 0, 0),
            "nothing is kept"
        );
        drop(held);
        for n in 0..20 {
            assert!(wrong(&t, 1, OWNER, n, 0) && right(&t, 1, OWNER, 0).unwrap());
        }
        assert!(wrong(&t, 1, OWNER, 20, 0));
        assert!(right(&t, 1, OWNER, 0).is_err(), "successes in between open no way");
    }

    #[test]
    fn an_address_is_slowed_over_many_clients() {
        let t = ClientThrottle::default();
        let looked_at = (0..1_000).filter(|n| wrong(&t, *n, ip(9), *n, 0)).count();
        assert_eq!(looked_at, 201);
        let network = |n: u32| Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | u128::from(n)).into();
        let looked_at = (0..1_000).filter(|n| wrong(&t, *n, network(*n), *n, 0)).count();
        assert_eq!(looked_at, 201, "one network of IPv6 is one address");
    }

    #[test]
    fn memory_is_bounded() {
        let t = ClientThrottle::default();
        for n in 0..100_000 {
            wrong(&t, n, ip(n), n, 0);
        }
        let held = t.0.lock().unwrap();
        for len in [held.pairs.len(), held.addresses.len(), held.clients.len()] {
            assert!(len <= MOST, "{len}");
        }
    }
}
