//! One limiter in front of every secret check: buckets of failures for an account, for an address, and for
//! everything. Answers at once, never sleeps; time is an argument.
//!
//! A bucket allows some failures, then each further one makes the next wait longer. Failures are forgotten
//! one by one. An account's bucket says nothing about other accounts, and a factor's nothing about other
//! factors: who fills the bucket of somebody's password closes neither their passkey nor their mailbox. A
//! device that signed its person in before has a bucket of its own, so that they get in while others guess.
//! The bucket of everything never refuses: while it is full (a spread attack), addresses get fewer free
//! failures and strangers less of the hash queue. Attempts under way count, so a burst in parallel gets no
//! more tries than one after the other. Only an attempt let through makes a bucket, and one without failures
//! goes when nothing is under way any more: who makes up names pushes nobody's failures out of memory. What
//! can be guessed has shelves that nothing else fills.

pub(crate) mod bucket;
mod limits;
pub(crate) mod refusals;
pub mod sends;

use crate::error::Rejected;
use crate::model::Factor;
use crate::seal::Mark;
use bucket::{Address, Bucket, Limits, Shelf};
use countersign_token::Timestamp;
pub(crate) use limits::API_KEY;
use limits::{DEVICE, EVERYTHING, Guessed, Lane, NEW_PASSWORD, STORM, of_lane};
use refusals::{Refusals, Told};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Account(Lane, Mark),
    Device(Mark),
    From(Lane, Address),
    NewPassword(Address),
}

/// As many at a time as there are free failures left; without failures, as many as the lane says.
fn crowded(bucket: &Bucket, limits: &Limits, parallel: u32) -> bool {
    let room = match bucket.failures {
        0 => parallel,
        some => limits.free.saturating_sub(some).max(1),
    };
    bucket.under_way >= room
}

/// For an address: once its free failures are used up, one at a time.
fn queues(bucket: &Bucket, limits: &Limits) -> bool {
    bucket.failures > limits.free && bucket.under_way > 0
}

#[derive(Default)]
struct Buckets {
    passwords: Shelf<Key, Bucket>,
    codes: Shelf<Key, Bucket>,
    /// Of what nobody guesses.
    unguessable: Shelf<Key, Bucket>,
    devices: Shelf<Key, Bucket>,
    addresses: Shelf<Key, Bucket>,
    everything: Bucket,
    refusals: Refusals,
}

impl Buckets {
    fn shelf(&mut self, key: Key) -> &mut Shelf<Key, Bucket> {
        match key {
            Key::From(..) | Key::NewPassword(_) => &mut self.addresses,
            Key::Device(_) => &mut self.devices,
            Key::Account(lane, _) => match lane.guessed() {
                Guessed::Password => &mut self.passwords,
                Guessed::Code => &mut self.codes,
                Guessed::Never => &mut self.unguessable,
            },
        }
    }

    fn get(&mut self, key: Key) -> &mut Bucket {
        self.shelf(key).get(key)
    }

    /// One there is, settled; as new for others, which are not kept for the asking.
    fn look(&mut self, key: Key, limits: &Limits, now: Timestamp) -> Bucket {
        if !self.shelf(key).holds(&key) {
            return Bucket::default();
        }
        let held = self.get(key);
        held.settle(limits, now);
        *held
    }

    fn storm(&mut self, now: Timestamp) -> bool {
        self.everything.settle(&EVERYTHING, now);
        self.everything.failures >= STORM
    }

    fn address_limits(&mut self, lane: Lane, now: Timestamp) -> &'static Limits {
        if self.storm(now) { of_lane(lane).address_in_storm } else { of_lane(lane).address }
    }
}

/// The limiter.
#[derive(Default)]
pub struct Throttle(Mutex<Buckets>);

/// An attempt that was let through. Dropped without a result (the caller went away, the hash queue was
/// full), it counts neither way.
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    /// Whose bucket, under which limits.
    whose: (Key, &'static Limits),
    /// `None`: a known device, which no neighbour at its address can shut out.
    from: Option<(Lane, Address)>,
    /// A right secret empties the bucket.
    forgives: bool,
}

impl Throttle {
    fn with<T>(&self, work: impl FnOnce(&mut Buckets) -> T) -> T {
        // Counters stay usable whatever panicked while they were held.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets an attempt on an API user from this address through, or says when to come back.
    pub(crate) fn admit(&self, account: Mark, ip: IpAddr, now: Timestamp) -> Result<Attempt<'_>, Rejected> {
        self.enter(Lane::ApiKey, account, ip, now)
    }

    /// Lets an attempt to prove this factor of this account (of what was typed, where nobody is known yet)
    /// through. Each factor counts for itself.
    pub(crate) fn admit_factor(
        &self,
        factor: Factor,
        account: Mark,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt<'_>, Rejected> {
        self.enter(Lane::Factor(factor), account, ip, now)
    }

    /// As [`Self::admit_factor`], for a device that signed this very person in before (`device`: mark of
    /// both): in the bucket of its own, until that is full; then as everybody.
    pub(crate) fn admit_known(
        &self,
        device: Mark,
        factor: Factor,
        account: Mark,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt<'_>, Rejected> {
        let key = Key::Device(device);
        let free = self.with(|buckets| {
            let own = buckets.look(key, &DEVICE, now);
            let free = own.wait(now).is_none() && !crowded(&own, &DEVICE, DEVICE.free);
            if free {
                buckets.get(key).under_way += 1;
            }
            free
        });
        if free {
            return Ok(Attempt { throttle: self, whose: (key, &DEVICE), from: None, forgives: true });
        }
        self.admit_factor(factor, account, ip, now)
    }

    /// Lets one more new password from there be judged and hashed, or says when to come back. Each counts.
    pub(crate) fn admit_new_password(&self, ip: IpAddr, now: Timestamp) -> Result<(), Rejected> {
        let key = Key::NewPassword(Address::of(ip));
        let wait = self.with(|buckets| {
            let wait = buckets.look(key, &NEW_PASSWORD, now).wait(now);
            if wait.is_none() {
                buckets.get(key).fail(&NEW_PASSWORD, now);
            }
            wait
        });
        wait.map_or(Ok(()), |wait| Err(bucket::too_many(wait)))
    }

    /// So many failures everywhere that strangers get less of what is dear.
    pub(crate) fn storm(&self, now: Timestamp) -> bool {
        self.with(|buckets| buckets.storm(now))
    }

    /// What was turned away, when it is time to tell.
    pub(crate) fn refused(&self, now: Timestamp) -> Vec<Told> {
        self.with(|buckets| buckets.refusals.take(now))
    }

    fn enter(&self, lane: Lane, account: Mark, ip: IpAddr, now: Timestamp) -> Result<Attempt<'_>, Rejected> {
        let row = of_lane(lane);
        let from = (lane, Address::of(ip));
        let (account, address) = (Key::Account(lane, account), Key::From(from.0, from.1));
        let wait = self.with(|buckets| {
            let limits = buckets.address_limits(lane, now);
            let (from, to) = (buckets.look(address, limits, now), buckets.look(account, row.account, now));
            let full = crowded(&to, row.account, row.parallel) || queues(&from, limits);
            let crowd = full.then_some(Duration::from_secs(1));
            let wait = [from.wait(now), to.wait(now), crowd].into_iter().flatten().max();
            if wait.is_none() {
                buckets.get(address).under_way += 1;
                buckets.get(account).under_way += 1;
            } else {
                buckets.refusals.note(lane.name(), ip);
            }
            wait
        });
        match wait {
            None => Ok(Attempt {
                throttle: self,
                whose: (account, row.account),
                from: Some(from),
                forgives: row.forgives,
            }),
            Some(wait) => Err(bucket::too_many(wait)),
        }
    }
}

impl Attempt<'_> {
    /// The secret was wrong.
    pub(crate) fn failed(self, now: Timestamp) {
        self.throttle.with(|buckets| {
            buckets.everything.fail(&EVERYTHING, now);
            if let Some((lane, address)) = self.from {
                let limits = buckets.address_limits(lane, now);
                buckets.get(Key::From(lane, address)).fail(limits, now);
            }
            let (key, limits) = self.whose;
            buckets.get(key).fail(limits, now);
        });
    }

    /// The secret was right: the account's failures are forgotten, where the lane says so. The address's
    /// are not, or an attacker would sign in to an account of their own in between.
    pub(crate) fn succeeded(self) {
        if !self.forgives {
            return;
        }
        self.throttle.with(|buckets| {
            let bucket = buckets.get(self.whose.0);
            bucket.failures = 0;
            bucket.until = Timestamp::default();
        });
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.throttle.with(|buckets| {
            let from = self.from.map(|(lane, address)| Key::From(lane, address));
            for key in [Some(self.whose.0), from].into_iter().flatten() {
                let bucket = buckets.get(key);
                bucket.under_way = bucket.under_way.saturating_sub(1);
                if bucket.under_way == 0 && bucket.failures == 0 {
                    buckets.shelf(key).drop(&key);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
