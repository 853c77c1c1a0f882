//! Live rules, made for asking: one probe a kind, no lock, no allocation, at most 32 bytes a rule.
//!
//! One writer adds while any number of threads ask. A slot is two words, name and span (cutoff and until in
//! one), each an atomic; a name is written after its span, and a span only ever widens, so whoever finds the
//! name finds a span that was right. Nothing is ever taken out of an array: growing, expiry and coarsening
//! build another one and swap all kinds' arrays in together. Whoever asks holds the arrays of one moment, and
//! what was found there once is found in every later set of arrays, until it is over or buckets cover it.

use crate::{Cutoff, Kind, Names, Rule};
use arc_swap::ArcSwap;
use countersign_token::Timestamp;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Kinds that cover tokens; the discriminants of [`Kind`] from one.
const KINDS: usize = 7;
/// Bytes of a name and a span.
const SLOT: usize = 2 * size_of::<AtomicU64>();
/// Slots of the smallest array.
const LEAST: usize = 8;

/// The rules of one epoch.
#[derive(Default)]
pub struct Table {
    arrays: ArcSwap<Arrays>,
    writer: Mutex<()>,
}

/// One array a kind, in the order of the wire.
type Arrays = [Arc<Slots>; KINDS];

/// Open addressing, linear probing. No slots at all: a kind without rules. Names and spans lie apart: most tokens
/// are not revoked, and meet names only.
#[derive(Default)]
struct Slots {
    used: AtomicUsize,
    /// Zero: free.
    names: Box<[AtomicU64]>,
    spans: Box<[AtomicU64]>,
}

/// Cutoff and until in one word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    cutoff: Cutoff,
    until: u32,
}

impl Span {
    fn of(rule: &Rule) -> Self {
        Self { cutoff: rule.cutoff, until: rule.until }
    }

    fn word(self) -> u64 {
        u64::from(self.cutoff.0) << 32 | u64::from(self.until)
    }

    fn from_word(word: u64) -> Self {
        let half = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Self { cutoff: Cutoff(half(word >> 32)), until: half(word) }
    }

    fn widened(self, other: Self) -> Self {
        Self { cutoff: self.cutoff.max(other.cutoff), until: self.until.max(other.until) }
    }

    fn rule(self, kind: Kind, h: u64) -> Rule {
        Rule { kind, h, cutoff: self.cutoff, until: self.until }
    }
}

/// The name in the array. Names are hashes already. Of a bucket the 16 bits come first, mirrored, so that
/// neighbours do not crowd, and a one last, so that it is not zero.
fn stored(kind: Kind, h: u64) -> u64 {
    match kind {
        Kind::Bucket => h.reverse_bits() | 1,
        _ => h,
    }
}

fn h_of(kind: Kind, name: u64) -> u64 {
    match kind {
        Kind::Bucket => (name & !1).reverse_bits(),
        _ => name,
    }
}

impl Slots {
    /// Room for so many rules at two thirds full.
    fn for_rules(rules: usize) -> Self {
        let slots = if rules == 0 { 0 } else { (rules + rules.div_ceil(2)).max(LEAST) };
        let words = || (0..slots).map(|_| AtomicU64::new(0)).collect();
        Self { used: AtomicUsize::new(0), names: words(), spans: words() }
    }

    fn len(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether so many more leave it at most 4/5 full.
    fn has_room(&self, more: usize) -> bool {
        (self.len() + more).saturating_mul(5) <= self.names.len() * 4
    }

    /// Where a name is looked for first. It grows with the name, so copying an array, or adding what is sorted,
    /// goes through memory in order.
    #[inline]
    fn start(&self, name: u64) -> usize {
        let start = (u128::from(name) * self.names.len() as u128) >> 64;
        usize::try_from(start).unwrap_or(0)
    }

    fn find(&self, name: u64) -> Option<Span> {
        self.finish(name, self.begin(name))
    }

    /// Where a name is looked for first, and the name that is there; zero: none. Begun for all kinds before one
    /// is finished, the processor waits for their memory at once.
    #[inline]
    fn begin(&self, name: u64) -> (usize, u64) {
        let start = self.start(name);
        (start, self.names.get(start).map_or(0, |held| held.load(Ordering::Acquire)))
    }

    #[inline]
    fn finish(&self, name: u64, (mut place, mut held): (usize, u64)) -> Option<Span> {
        // An array is never full, so this comes to an end.
        while held != 0 {
            if held == name {
                return self.spans.get(place).map(|span| Span::from_word(span.load(Ordering::Relaxed)));
            }
            place = if place + 1 < self.names.len() { place + 1 } else { 0 };
            // Acquire: the span written before the name is seen, and so are the names in the slots before, so
            // a chain once followed to its end is never found broken.
            held = self.names.get(place)?.load(Ordering::Acquire);
        }
        None
    }

    /// Adds or widens. Only the writer calls this, with room for one more.
    fn put(&self, name: u64, span: Span) {
        let start = self.start(name);
        let places = (start..self.names.len()).chain(0..start);
        for (held, word) in places.filter_map(|place| Some((self.names.get(place)?, self.spans.get(place)?)))
        {
            let found = held.load(Ordering::Relaxed);
            if found == name {
                let before = Span::from_word(word.load(Ordering::Relaxed));
                word.store(before.widened(span).word(), Ordering::Release);
                return;
            }
            if found == 0 {
                word.store(span.word(), Ordering::Relaxed);
                held.store(name, Ordering::Release);
                self.used.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }

    fn each(&self) -> impl Iterator<Item = (u64, Span)> {
        let words = self.names.iter().zip(&self.spans);
        words
            .map(|(name, span)| (name.load(Ordering::Relaxed), span.load(Ordering::Relaxed)))
            .filter(|(name, _)| *name != 0)
            .map(|(name, word)| (name, Span::from_word(word)))
    }

    /// A larger array with the same rules and room for so many more.
    fn grown(&self, more: usize) -> Self {
        // At least half as large again: however many are added, each is copied a bounded number of times.
        let rules = (self.len() + more).max(self.names.len());
        let larger = Self::for_rules(rules);
        self.each().for_each(|(name, span)| larger.put(name, span));
        larger
    }

    /// An array of those that stay; `None` when all do.
    fn kept(&self, stays: impl Fn(u64, Span) -> bool) -> Option<Self> {
        let count = self.each().filter(|(name, span)| stays(*name, *span)).count();
        if count == self.len() {
            return None;
        }
        let smaller = Self::for_rules(count);
        self.each()
            .filter(|(name, span)| stays(*name, *span))
            .for_each(|(name, span)| smaller.put(name, span));
        Some(smaller)
    }
}

impl Table {
    /// Adds one; of two with the same name the wider cutoff and the later `until` hold. [`Kind::Coarse`] drops
    /// what it says.
    pub fn add(&self, rule: &Rule) {
        self.extend(std::slice::from_ref(rule));
    }

    /// Adds many, growing at most once between two [`Kind::Coarse`].
    pub fn extend(&self, rules: &[Rule]) {
        let _writer = self.lock();
        for run in rules.split_inclusive(|rule| rule.kind == Kind::Coarse) {
            self.make_room(run);
            let arrays = self.arrays.load();
            for rule in run {
                let name = stored(rule.kind, rule.h);
                // No token has the name zero.
                if let Some(slots) = arrays.get(place(rule.kind))
                    && name != 0
                {
                    slots.put(name, Span::of(rule));
                }
            }
            if let Some(coarse) = run.last().filter(|rule| rule.kind == Kind::Coarse) {
                self.coarsen(coarse);
            }
        }
    }

    /// The first rule that covers the token, in the order iss, kid, cid, sub, sid, jti, bucket. A kind without
    /// rules costs one comparison.
    #[inline]
    pub fn covers(&self, names: &Names, iat: i64) -> Option<(Kind, Rule)> {
        let arrays = self.arrays.load();
        let [iss, kid, cid, sub, sid, jti, bucket] = &**arrays;
        let asked = [
            (Kind::Iss, iss, names.iss),
            (Kind::Kid, kid, names.kid.unwrap_or(0)),
            (Kind::Cid, cid, names.cid),
            (Kind::Sub, sub, names.sub),
            (Kind::Sid, sid, names.sid.unwrap_or(0)),
            (Kind::Jti, jti, names.jti.unwrap_or(0)),
            (Kind::Bucket, bucket, stored(Kind::Bucket, names.bucket())),
        ];
        let begun = asked.map(|(_, slots, name)| if name == 0 { (0, 0) } else { slots.begin(name) });
        for ((kind, slots, name), begun) in asked.into_iter().zip(begun) {
            if let Some(span) = slots.finish(name, begun)
                && span.cutoff.covers(iat)
            {
                return Some((kind, span.rule(kind, h_of(kind, name))));
            }
        }
        None
    }

    /// Whether a rule at least as wide as this one is held.
    pub fn holds(&self, rule: &Rule) -> bool {
        let arrays = self.arrays.load();
        let found = arrays.get(place(rule.kind)).and_then(|slots| slots.find(stored(rule.kind, rule.h)));
        found.is_some_and(|span| span.widened(Span::of(rule)) == span)
    }

    /// Drops what is over. Reads all rules, and copies those of a kind of which one is over: for now and then.
    pub fn expire(&self, now: Timestamp) {
        self.retain(|rule| !rule.is_over(now));
    }

    /// Keeps only these.
    pub(crate) fn retain(&self, stays: impl Fn(&Rule) -> bool) {
        let _writer = self.lock();
        self.keep(|kind, name, span| stays(&span.rule(kind, h_of(kind, name))));
    }

    /// Every rule, sorted by kind and name, one a name: what a snapshot holds.
    pub fn rules(&self) -> Vec<Rule> {
        let _writer = self.lock();
        let arrays = self.arrays.load();
        let mut rules = Vec::with_capacity(arrays.iter().map(|slots| slots.len()).sum());
        for (kind, slots) in Kind::ALL.into_iter().zip(arrays.iter()) {
            rules.extend(slots.each().map(|(name, span)| span.rule(kind, h_of(kind, name))));
        }
        rules.sort_unstable();
        rules
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.arrays.load().iter().map(|slots| slots.len()).sum()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let arrays = self.arrays.load();
        let slots: usize = arrays.iter().map(|slots| slots.names.len()).sum();
        slots * SLOT + size_of::<Self>() + size_of::<Arrays>() + KINDS * size_of::<Slots>()
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Swaps in larger arrays where these rules need them.
    fn make_room(&self, rules: &[Rule]) {
        let arrays = self.arrays.load();
        let fits = |more: &[usize; KINDS]| {
            arrays.iter().zip(more).all(|(slots, more)| *more == 0 || slots.has_room(*more))
        };
        if fits(&count(rules.iter())) {
            return;
        }
        // Many of them may be here already, as after a snapshot of what was mostly had.
        let more = count(rules.iter().filter(|rule| {
            arrays.get(place(rule.kind)).is_some_and(|slots| slots.find(stored(rule.kind, rule.h)).is_none())
        }));
        if fits(&more) {
            return;
        }
        let mut next = Arrays::clone(&arrays);
        for (slots, more) in next.iter_mut().zip(more).filter(|(_, more)| *more > 0) {
            if !slots.has_room(more) {
                *slots = Arc::new(slots.grown(more));
            }
        }
        self.arrays.store(Arc::new(next));
    }

    /// Swaps in smaller arrays where not all rules stay.
    fn keep(&self, stays: impl Fn(Kind, u64, Span) -> bool) {
        let arrays = self.arrays.load();
        let mut next = Arrays::clone(&arrays);
        let mut changed = false;
        for (kind, slots) in Kind::ALL.into_iter().zip(&mut next) {
            if let Some(fewer) = slots.kept(|name, span| stays(kind, name, span)) {
                *slots = Arc::new(fewer);
                changed = true;
            }
        }
        if changed {
            self.arrays.store(Arc::new(next));
        }
    }

    /// Drops what [`Kind::Coarse`] says: of subjects only those whose bucket is seen to cover them.
    fn coarsen(&self, coarse: &Rule) {
        let arrays = self.arrays.load();
        let [.., buckets] = &**arrays;
        let wide = buckets.each().filter(|(_, span)| span.cutoff >= coarse.cutoff);
        let reach = wide.map(|(_, span)| span.until).max().unwrap_or(0).min(coarse.until);
        self.keep(|kind, name, span| match kind {
            Kind::Sub => {
                let bucket = buckets.find(stored(Kind::Bucket, name >> 48));
                // Of a subject revoked for good there is no token later than the issuer's word.
                let due = if span.cutoff == Cutoff::ALWAYS { coarse.cutoff } else { span.cutoff };
                let covered = bucket.is_some_and(|bucket| bucket.until >= span.until && bucket.cutoff >= due);
                !covered || span.until > coarse.until
            }
            Kind::Sid | Kind::Jti => span.until > reach,
            _ => true,
        });
    }
}

fn count<'a>(rules: impl Iterator<Item = &'a Rule>) -> [usize; KINDS] {
    let mut counts = [0; KINDS];
    for rule in rules {
        if let Some(count) = counts.get_mut(place(rule.kind)) {
            *count += 1;
        }
    }
    counts
}

/// Where a kind's array is; of [`Kind::Coarse`] there is none.
fn place(kind: Kind) -> usize {
    usize::from(kind as u8) - 1
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rules", &self.len()).finish_non_exhaustive()
    }
}
