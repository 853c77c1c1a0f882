//! What requests ask while a [`crate::Follower`] writes: the rules of every epoch that still has some, and how
//! old this knowledge is. Cheap to clone; asking takes no lock and allocates nothing.
//!
//! Ask [`View::age`] first and [`View::covers`] after it: then what the age vouches for is seen.

use crate::head::{Head, Staleness};
use crate::{Kind, Names, Rule, Salt, Table};
use arc_swap::{ArcSwap, ArcSwapOption};
use countersign_token::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Stands for an age when nothing was ever proven.
const NEVER: i64 = i64::MIN;

/// A rule that covers a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// What it names.
    pub kind: Kind,
    /// The rule.
    pub rule: Rule,
    /// Of which epoch.
    pub epoch: u64,
}

/// How far the follower is, for status pages and metrics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// Rules held, hints included, of all epochs.
    pub rules: usize,
    /// Hints among them: rules that came ahead of their number.
    pub hints: usize,
    /// Bytes these take.
    pub bytes: usize,
    /// Epochs of which rules are held.
    pub epochs: usize,
    /// The newest proven head.
    pub proven: Option<Arc<Proven>>,
    /// The log was changed under signed heads: nothing counts until a later epoch.
    pub forked: bool,
}

/// What of the newest proven head others want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proven {
    /// Its epoch.
    pub epoch: u64,
    /// Rules of that epoch.
    pub seq: u64,
    /// Its moment.
    pub as_of: Timestamp,
    /// What the issuer recommends.
    pub policy: Staleness,
}

impl Proven {
    fn of(head: &Head) -> Self {
        let as_of = Timestamp::from_millis(head.as_of);
        Self { epoch: head.epoch, seq: head.seq, as_of, policy: head.policy }
    }
}

/// Rules and their age.
#[derive(Clone, Debug, Default)]
pub struct View {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The current epoch first, then older ones that still have rules.
    epochs: ArcSwap<Vec<Arc<Epoch>>>,
    /// The monotonic nanosecond at which the newest proven head was as old as zero.
    born: AtomicI64,
    proven: ArcSwapOption<Proven>,
    forked: AtomicBool,
    /// Counts additions of rules.
    version: AtomicU64,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            epochs: ArcSwap::default(),
            born: AtomicI64::new(NEVER),
            proven: ArcSwapOption::default(),
            forked: AtomicBool::new(false),
            version: AtomicU64::new(0),
        }
    }
}

/// Rules under one epoch and one salt.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) salt: Salt,
    pub(crate) table: Table,
    /// Rules ahead of their number. Apart, so that [`Kind::Coarse`] says nothing about them.
    pub(crate) hints: Table,
}

impl Epoch {
    fn is_empty(&self) -> bool {
        self.table.is_empty() && self.hints.is_empty()
    }
}

impl View {
    /// The salt under which [`Self::covers`] wants names now. `None`: no head has come yet.
    pub fn salt(&self) -> Option<Salt> {
        self.inner.epochs.load().first().map(|epoch| epoch.salt)
    }

    /// The rule that covers a token, if any. Epochs of another salt than that of `names` ask `again` for names
    /// under theirs: names kept from before a change of salt cost time, never a rule.
    pub fn covers(&self, names: &Names, iat: i64, again: impl Fn(&Salt) -> Names) -> Option<Hit> {
        for epoch in self.inner.epochs.load().iter() {
            let other = (epoch.salt != names.salt).then(|| again(&epoch.salt));
            let names = other.as_ref().unwrap_or(names);
            // Hints first: one that is dropped there is in the table by then.
            let found = epoch.hints.covers(names, iat).or_else(|| epoch.table.covers(names, iat));
            if let Some((kind, rule)) = found {
                return Some(Hit { kind, rule, epoch: epoch.number });
            }
        }
        None
    }

    /// How old the newest proven head is at monotonic time `elapsed`. `None`: nothing was ever proven.
    pub fn age(&self, elapsed: Duration) -> Option<Duration> {
        // Acquire: whoever sees the age sees the rules it vouches for.
        match self.inner.born.load(Ordering::Acquire) {
            NEVER => None,
            born => {
                Some(Duration::from_nanos(u64::try_from(nanos(elapsed).saturating_sub(born)).unwrap_or(0)))
            }
        }
    }

    /// Another number whenever rules were added: a token that no rule covered under this number, read before
    /// [`Self::covers`] was asked, is covered by none as long as the number stays. Of this view alone.
    pub fn version(&self) -> u64 {
        self.inner.version.load(Ordering::Acquire)
    }

    /// Rules were added. To be called before [`Self::prove`]: whoever sees the age sees the number.
    pub(crate) fn added(&self) {
        self.inner.version.fetch_add(1, Ordering::Release);
    }

    /// How far the follower is.
    pub fn status(&self) -> Status {
        let epochs = self.inner.epochs.load();
        let sum = |of: fn(&Epoch) -> usize| epochs.iter().map(|epoch| of(epoch)).sum::<usize>();
        let hints = sum(|epoch| epoch.hints.len());
        Status {
            rules: hints + sum(|epoch| epoch.table.len()),
            hints,
            bytes: sum(|epoch| epoch.table.bytes() + epoch.hints.bytes()),
            epochs: epochs.len(),
            proven: self.inner.proven.load_full(),
            forked: self.inner.forked.load(Ordering::Relaxed),
        }
    }

    /// The current epoch.
    pub(crate) fn current(&self) -> Option<Arc<Epoch>> {
        self.inner.epochs.load().first().cloned()
    }

    /// How many epochs have rules still.
    pub(crate) fn live_epochs(&self) -> usize {
        self.inner.epochs.load().iter().filter(|epoch| !epoch.is_empty()).count()
    }

    /// An empty epoch before the others.
    pub(crate) fn start(&self, number: u64, salt: Salt) {
        let fresh = Epoch { number, salt, table: Table::default(), hints: Table::default() };
        let epochs = self.inner.epochs.load();
        let older = epochs.iter().filter(|epoch| !epoch.is_empty()).cloned();
        self.inner.epochs.store(Arc::new(std::iter::once(Arc::new(fresh)).chain(older).collect()));
        self.inner.forked.store(false, Ordering::Relaxed);
    }

    /// All rules of this head are here. Without `born` its age is not known to be any.
    pub(crate) fn prove(&self, head: &Head, born: Option<i64>) {
        self.inner.proven.store(Some(Arc::new(Proven::of(head))));
        if let Some(born) = born {
            self.inner.born.store(born.max(NEVER + 1), Ordering::Release);
        }
    }

    pub(crate) fn fork(&self) {
        self.inner.forked.store(true, Ordering::Relaxed);
    }

    /// Drops what is over, and older epochs without rules.
    pub(crate) fn expire(&self, now: Timestamp) {
        let epochs = self.inner.epochs.load();
        for epoch in epochs.iter() {
            epoch.table.expire(now);
            epoch.hints.expire(now);
        }
        let (current, older) = epochs.split_first().map_or((None, &[][..]), |(c, older)| (Some(c), older));
        if older.iter().any(|epoch| epoch.is_empty()) {
            let left = older.iter().filter(|epoch| !epoch.is_empty());
            self.inner.epochs.store(Arc::new(current.into_iter().chain(left).cloned().collect()));
        }
    }
}

/// The monotonic nanosecond at which a head received now was as old as zero: by the wall clock it is at least as
/// old as `as_of` says.
pub(crate) fn born(as_of: Timestamp, wall: Timestamp, elapsed: Duration) -> i64 {
    nanos(elapsed).saturating_sub(nanos(wall.since(as_of)))
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
