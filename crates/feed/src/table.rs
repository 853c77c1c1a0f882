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

/// Open addressing, linear probing. No slots at all: a kind without rules.
#[derive(Default)]
struct Slots {
    used: AtomicUsize,
    cells: Box<[Cell]>,
}

/// Name zero: free.
#[derive(Default)]
struct Cell {
    name: AtomicU64,
    span: AtomicU64,
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
        let cells = if rules == 0 { 0 } else { (rules + rules.div_ceil(2)).max(LEAST) };
        Self { used: AtomicUsize::new(0), cells: (0..cells).map(|_| Cell::default()).collect() }
    }

    fn len(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether so many more leave it at most 4/5 full.
    fn has_room(&self, more: usize) -> bool {
        (self.len() + more).saturating_mul(5) <= self.cells.len() * 4
    }

    /// The cells in the order in which a name is looked for. The start grows with the name, so copying an
    /// array, or adding what is sorted, goes through memory in order.
    fn probe(&self, name: u64) -> impl Iterator<Item = &Cell> {
        let start = (u128::from(name) * self.cells.len() as u128) >> 64;
        let start = usize::try_from(start).unwrap_or(0);
        let (before, from) = self.cells.split_at_checked(start).unwrap_or_default();
        from.iter().chain(before)
    }

    #[inline]
    fn find(&self, name: u64) -> Option<Span> {
        if self.cells.is_empty() {
            return None;
        }
        for cell in self.probe(name) {
            // Acquire: the span written before the name is seen, and so are the names in the slots before,
            // so a chain once followed to its end is never found broken.
            match cell.name.load(Ordering::Acquire) {
                0 => return None,
                found if found == name => return Some(Span::from_word(cell.span.load(Ordering::Relaxed))),
                _ => {}
            }
        }
        None
    }

    /// Adds or widens. Only the writer calls this, with room for one more.
    fn put(&self, name: u64, span: Span) {
        for cell in self.probe(name) {
            let found = cell.name.load(Ordering::Relaxed);
            if found == name {
                let held = Span::from_word(cell.span.load(Ordering::Relaxed));
                cell.span.store(held.widened(span).word(), Ordering::Release);
                return;
            }
            if found == 0 {
                cell.span.store(span.word(), Ordering::Relaxed);
                cell.name.store(name, Ordering::Release);
                self.used.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }

    fn each(&self) -> impl Iterator<Item = (u64, Span)> {
        let read = |cell: &Cell| (cell.name.load(Ordering::Relaxed), cell.span.load(Ordering::Relaxed));
        self.cells.iter().map(read).filter(|(name, _)| *name != 0).map(|(n, word)| (n, Span::from_word(word)))
    }

    /// A larger array with the same rules and room for so many more.
    fn grown(&self, more: usize) -> Self {
        // At least half as large again: however many are added, each is copied a bounded number of times.
        let rules = (self.len() + more).max(self.cells.len());
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
            (Kind::Iss, iss, Some(names.iss)),
            (Kind::Kid, kid, names.kid),
            (Kind::Cid, cid, Some(names.cid)),
            (Kind::Sub, sub, Some(names.sub)),
            (Kind::Sid, sid, names.sid),
            (Kind::Jti, jti, names.jti),
            (Kind::Bucket, bucket, Some(names.bucket())),
        ];
        for (kind, slots, h) in asked {
            if let Some(h) = h
                && !slots.cells.is_empty()
                && let Some(span) = slots.find(stored(kind, h))
                && span.cutoff.covers(iat)
            {
                return Some((kind, span.rule(kind, h)));
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
        let cells: usize = arrays.iter().map(|slots| slots.cells.len()).sum();
        cells * size_of::<Cell>() + size_of::<Self>() + size_of::<Arrays>() + KINDS * size_of::<Slots>()
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
                let covered = bucket.is_some_and(|bucket| {
                    bucket.until >= span.until && bucket.cutoff >= span.cutoff.min(coarse.cutoff)
                });
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
