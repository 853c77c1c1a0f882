//! Counting failures, and how long each further one makes the next wait; how buckets are kept in bounded
//! memory; what counts as one address. The limiters for sign-in and for client secrets share it.

use crate::error::{Code, Rejected};
use countersign_token::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// Most entries of a [`Shelf`]. When half of them are new, those not touched since the last such moment go.
pub(crate) const MOST: usize = 65_536;

/// The first delay of most buckets.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// When a bucket delays, and when it forgets.
pub(crate) struct Limits {
    /// Failures without a delay.
    pub(crate) free: u32,
    /// The delay after the first failure that is not free; each further one doubles it.
    pub(crate) first: Duration,
    /// The longest delay.
    pub(crate) longest: Duration,
    /// One failure is forgotten after this long.
    pub(crate) forget: Duration,
}

/// Where an attempt comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Address {
    /// IPv4.
    One([u8; 4]),
    /// The first 64 bits of IPv6: what one customer commonly has.
    Network([u8; 8]),
}

impl Address {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::One(ip.octets()),
            IpAddr::V6(ip) => Self::Network(ip.octets().first_chunk().copied().unwrap_or_default()),
        }
    }
}

/// Failures, not yet forgotten.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bucket {
    pub(crate) failures: u32,
    pub(crate) under_way: u32,
    /// Of the last failure, or of the last one forgotten.
    last: Timestamp,
    /// No attempt before this.
    pub(crate) until: Timestamp,
}

impl Bucket {
    /// Forgets what is old.
    pub(crate) fn settle(&mut self, limits: &Limits, now: Timestamp) {
        if self.last > now {
            // The clock was set back: what counts is how long there is to wait, not the hour it was to end.
            self.last = now;
            self.until = self.until.min(now + limits.longest);
        }
        let passed = now.since(self.last).as_millis() / limits.forget.as_millis().max(1);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_sub(passed);
        self.last = match self.failures {
            0 => now,
            _ => self.last + limits.forget.saturating_mul(passed),
        };
    }

    pub(crate) fn fail(&mut self, limits: &Limits, now: Timestamp) {
        self.settle(limits, now);
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        if let Some(over) = self.failures.checked_sub(limits.free).and_then(|n| n.checked_sub(1)) {
            let delay = limits.first.saturating_mul(2_u32.saturating_pow(over)).min(limits.longest);
            self.until = self.until.max(now + delay);
        }
    }

    /// How long to wait, if at all.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        Some(self.until.since(now)).filter(|wait| !wait.is_zero())
    }
}

/// At most [`MOST`] entries, in two halves: when the newer is full it becomes the older, and the older goes.
pub(crate) struct Shelf<K, V> {
    newer: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { newer: HashMap::new(), older: HashMap::new() }
    }
}

impl<K: Hash + Eq + Copy, V: Default> Shelf<K, V> {
    /// The entry, made if there is none.
    pub(crate) fn get(&mut self, key: K) -> &mut V {
        if !self.newer.contains_key(&key) {
            let held = self.older.remove(&key).unwrap_or_default();
            if self.newer.len() >= MOST / 2 {
                self.older = std::mem::take(&mut self.newer);
            }
            self.newer.insert(key, held);
        }
        self.newer.entry(key).or_default()
    }

    /// Is there one?
    pub(crate) fn holds(&self, key: &K) -> bool {
        self.newer.contains_key(key) || self.older.contains_key(key)
    }

    /// Takes the entry away.
    pub(crate) fn drop(&mut self, key: &K) {
        self.newer.remove(key);
        self.older.remove(key);
    }

    /// How many.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }
}

/// The refusal of every limiter.
pub(crate) fn too_many(wait: Duration) -> Rejected {
    let mut refused =
        Rejected::new(Code::TooManyAttempts, "Too many attempts. Wait a little, then try again.");
    refused.retry_after = Some(wait);
    refused
}
