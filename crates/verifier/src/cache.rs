//! The cache of verified tokens: bounded, without a lock or a shared counter on the way of a hit.
//!
//! An entry says one thing: "the signature of exactly this token, its static claims and its times were good
//! at that moment, under that generation of keys". Nobody is let in by it alone: see [`crate::check`]. Tokens
//! that fail are never kept. One cache belongs to one verifier, so audience and policy need no part in the key.
//!
//! A token's place is an XXH3 hash of its last 40 characters (they are signature) under a secret of this
//! process; the whole token is compared. Whole tokens are therefore in memory, as they are in the requests
//! themselves; what is pushed out is wiped.

use crate::entropy::Entropy;
use crate::feed::Named;
use crate::identity::Identity;
use arc_swap::ArcSwapOption;
use countersign_token::Timestamp;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use xxhash_rust::xxh3::xxh3_128_with_secret;
use zeroize::Zeroizing;

/// Most tokens kept, unless the builder says otherwise: some 25 MB when full of large tokens.
pub(crate) const CAPACITY: usize = 8_192;
/// Upper bound of what a builder may ask for.
const MOST: usize = 1 << 24;
/// Tokens longer than this are not kept.
const MOST_BYTES: usize = 8 * 1024;

/// Places of one set: tags and pointers of a set fill one cache line.
const WAYS: usize = 4;
/// Counters per entry: a hit takes the one of its thread.
const REPLICAS: usize = 4;
/// What of a token is hashed.
const TAIL: usize = 40;
/// Bytes of secret; XXH3 wants at least 136.
const SECRET: usize = 192;

/// See the module.
pub(crate) struct Cache {
    sets: Box<[Set]>,
    secret: Box<[u8; SECRET]>,
}

#[derive(Default)]
#[repr(align(64))]
struct Set {
    tags: [AtomicU64; WAYS],
    slots: [ArcSwapOption<Entry>; WAYS],
}

/// A token whose signature was good.
pub(crate) struct Entry {
    token: Zeroizing<String>,
    /// Of the keys it was verified with.
    pub(crate) generation: u64,
    /// When. `nbf` and `iat` were past then, and are as long as the clock is not set back.
    pub(crate) verified: Timestamp,
    /// `exp`, in whole seconds.
    pub(crate) expires: Timestamp,
    /// Its names in the revocation feed.
    pub(crate) names: Named,
    /// The rules under which it was last found to be covered by none ([`crate::feed::Look::mark`]).
    pub(crate) clean: AtomicU64,
    replicas: [Identity; REPLICAS],
}

impl Entry {
    pub(crate) fn new(
        token: &str,
        generation: u64,
        verified: Timestamp,
        identity: &Identity,
        names: Named,
    ) -> Self {
        Self {
            token: Zeroizing::new(token.to_owned()),
            generation,
            verified,
            expires: Timestamp::from_seconds(identity.claims().exp),
            names,
            clean: AtomicU64::new(u64::MAX),
            replicas: std::array::from_fn(|_| identity.replica()),
        }
    }

    /// Whom it speaks for; the copy of this thread.
    pub(crate) fn identity(&self) -> &Identity {
        let [first, ..] = &self.replicas;
        self.replicas.get(lane() % REPLICAS).unwrap_or(first)
    }
}

/// A number of this thread: threads that start one after the other get different ones.
fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static LANE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed)));
    LANE.with(Cell::get)
}

impl Cache {
    /// Room for `capacity` tokens, rounded up to a power of two; zero keeps none. `None`: no randomness.
    pub(crate) fn new(capacity: usize, entropy: &dyn Entropy) -> Option<Self> {
        let mut secret = Box::new([0; SECRET]);
        if !entropy.fill(secret.as_mut_slice()) {
            return None;
        }
        let sets = match capacity {
            0 => 0,
            some => some.min(MOST).div_ceil(WAYS).next_power_of_two(),
        };
        Some(Self { sets: std::iter::repeat_with(Set::default).take(sets).collect(), secret })
    }

    /// Asks the entry of exactly this token, if there is one.
    pub(crate) fn with<R>(&self, token: &str, ask: impl FnOnce(&Entry) -> R) -> Option<R> {
        let (set, tag) = self.place(token)?;
        for (held, slot) in set.tags.iter().zip(&set.slots) {
            if held.load(Ordering::Acquire) != tag {
                continue;
            }
            let entry = slot.load();
            if let Some(entry) = entry.as_ref().filter(|entry| *entry.token == *token) {
                return Some(ask(entry));
            }
        }
        None
    }

    /// Keeps an entry: in its own place, a free one, that of a token that is over, or any of its set.
    pub(crate) fn keep(&self, entry: Entry, now: Timestamp) {
        if entry.token.len() > MOST_BYTES {
            return;
        }
        let Some((set, tag)) = self.place(&entry.token) else { return };
        let rank = |slot: &ArcSwapOption<Entry>| match slot.load().as_ref() {
            Some(held) if held.token == entry.token => 0,
            None => 1,
            Some(held) if held.expires <= now => 2,
            Some(_) => 3,
        };
        let chance = usize::try_from(now.millis().rem_euclid(4)).unwrap_or_default();
        let order = |way: &usize| (set.slots.get(*way).map_or(4, rank), way.wrapping_add(chance) % WAYS);
        let Some(way) = (0..WAYS).min_by_key(order) else { return };
        if let (Some(held), Some(slot)) = (set.tags.get(way), set.slots.get(way)) {
            slot.store(Some(Arc::new(entry)));
            held.store(tag, Ordering::Release);
        }
    }

    /// Most tokens kept.
    pub(crate) fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Tokens kept. Counts them one by one.
    pub(crate) fn len(&self) -> usize {
        let full = |set: &Set| set.slots.iter().filter(|slot| slot.load().is_some()).count();
        self.sets.iter().map(full).sum()
    }

    fn place(&self, token: &str) -> Option<(&Set, u64)> {
        let bytes = token.as_bytes();
        let tail = bytes.last_chunk::<TAIL>().map_or(bytes, |tail| tail);
        let hash = xxh3_128_with_secret(tail, self.secret.as_slice());
        let [low, high] = [hash & u128::from(u64::MAX), hash >> 64];
        let mask = self.sets.len().checked_sub(1)?;
        let index = usize::try_from(low & mask as u128).ok()?;
        // Zero is the tag of an empty place.
        Some((self.sets.get(index)?, u64::try_from(high).ok()?.max(1)))
    }
}
