//! The log of one epoch as far as it is proven, and rules after that which wait for a head.

use crate::head::FeedId;
use crate::{Chain, Page, Rule};

/// Most rules that wait for a head (24 bytes each). An issuer names a snapshot at least this often.
pub const MOST_WAITING: u64 = 1 << 20;

/// The log of one epoch.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) epoch: u64,
    /// How many rules are proven.
    pub(crate) seq: u64,
    /// The chain over those.
    pub(crate) chain: Chain,
    /// What follows, unproven.
    waiting: Vec<Rule>,
    /// The chain over everything.
    end: Chain,
}

/// What a page came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It extends what was had, or repeats it.
    Done,
    /// It does not. What waited may be forged as well, and is gone.
    Refused(&'static str),
    /// Its chain up to the proven rule is another one than the proven one.
    Contradicts,
}

impl Log {
    pub(crate) fn new(feed: &FeedId, epoch: u64) -> Self {
        let chain = Chain::genesis(&feed.0, epoch);
        Self { epoch, seq: 0, chain, waiting: Vec::new(), end: chain }
    }

    /// How many rules are here, proven and waiting.
    pub(crate) fn had(&self) -> u64 {
        self.seq.saturating_add(self.waiting.len() as u64)
    }

    /// Proven up to here by a snapshot; what waited has to be had again.
    pub(crate) fn jump(&mut self, seq: u64, chain: Chain) {
        (self.seq, self.chain) = (seq, chain);
        self.forget();
    }

    /// Drops what waits.
    pub(crate) fn forget(&mut self) {
        self.waiting = Vec::new();
        self.end = self.chain;
    }

    /// Takes a page of this epoch.
    pub(crate) fn take(&mut self, page: &Page) -> Taken {
        if page.end() <= self.seq {
            return Taken::Done;
        }
        if page.after > self.had() {
            return Taken::Refused("a page after a gap");
        }
        if page.after <= self.seq {
            return self.take_from_proven(page);
        }
        // It begins among the rules that wait, or right behind them.
        let Some((same, more)) = self.overlap(page) else {
            self.forget();
            return Taken::Refused("a page that contradicts one before");
        };
        if same == 0 && page.chain != self.end {
            self.forget();
            return Taken::Refused("a page whose chain is not that of the rules before");
        }
        self.append(more)
    }

    /// A page that begins at the proven rule or before.
    fn take_from_proven(&mut self, page: &Page) -> Taken {
        let known = usize::try_from(self.seq - page.after).unwrap_or(usize::MAX);
        let Some((known, after)) = page.rules.split_at_checked(known) else {
            return Taken::Refused("a page that is not one");
        };
        if page.chain.over(known) != self.chain {
            return Taken::Contradicts;
        }
        let fresh = Page { after: self.seq, rules: after.to_vec(), ..page.clone() };
        match self.overlap(&fresh) {
            Some((_, more)) => self.append(more),
            None => {
                // This one begins where the proof ends; what waited may have been forged.
                self.forget();
                self.append(after)
            }
        }
    }

    /// How many rules of the page are here already, and the others; `None` if they differ from those here.
    fn overlap<'p>(&self, page: &'p Page) -> Option<(usize, &'p [Rule])> {
        let from = usize::try_from(page.after.checked_sub(self.seq)?).ok()?;
        let here = self.waiting.get(from..)?;
        let same = here.len().min(page.rules.len());
        let (before, more) = page.rules.split_at_checked(same)?;
        here.starts_with(before).then_some((same, more))
    }

    fn append(&mut self, rules: &[Rule]) -> Taken {
        if self.waiting.len() as u64 + rules.len() as u64 > MOST_WAITING {
            return Taken::Refused("more rules than may wait for a head");
        }
        self.end = self.end.over(rules);
        self.waiting.extend_from_slice(rules);
        Taken::Done
    }

    /// The chain over the first `seq` rules, if they are here, going on from an earlier one.
    pub(crate) fn chain_from(&self, (at, chain): (u64, Chain), seq: u64) -> Option<Chain> {
        if seq == self.had() {
            return Some(self.end);
        }
        let place = |seq: u64| usize::try_from(seq.checked_sub(self.seq)?).ok();
        self.waiting.get(place(at)?..place(seq)?).map(|rules| chain.over(rules))
    }

    /// Proven up to `seq`, whose chain this is: hands out the rules that waited up to there.
    pub(crate) fn prove(&mut self, seq: u64, chain: Chain) -> Vec<Rule> {
        let count = usize::try_from(seq.saturating_sub(self.seq)).unwrap_or(usize::MAX);
        let rest = self.waiting.split_off(count.min(self.waiting.len()));
        (self.seq, self.chain) = (seq, chain);
        std::mem::replace(&mut self.waiting, rest)
    }
}
