//! The end of the log as this node has it: the last rules, each with the chain up to it.

use crate::port::Position;
use countersign_feed::{Chain, Page, Rule};
use std::collections::VecDeque;

/// Rules kept; 56 bytes each.
pub(super) const MOST: usize = 65_536;

/// The last rules of one epoch.
#[derive(Debug)]
pub(super) struct Ring {
    /// What comes before the first one kept.
    before: Position,
    rules: VecDeque<(Rule, Chain)>,
}

impl Ring {
    /// Nothing kept yet of a log that stands there.
    pub(super) fn at(end: Position) -> Self {
        Self { before: end, rules: VecDeque::new() }
    }

    /// Where it ends.
    pub(super) fn end(&self) -> Position {
        let chain = self.rules.back().map_or(self.before.chain, |(_, chain)| *chain);
        Position { seq: self.before.seq.saturating_add(count(self.rules.len())), chain, ..self.before }
    }

    /// These come next.
    pub(super) fn push(&mut self, rules: &[Rule]) {
        let mut chain = self.end().chain;
        for rule in rules {
            chain = chain.then(rule);
            self.rules.push_back((*rule, chain));
        }
        while self.rules.len() > MOST {
            let Some((_, chain)) = self.rules.pop_front() else { return };
            self.before = Position { seq: self.before.seq.saturating_add(1), chain, ..self.before };
        }
    }

    /// The rules after that one, at most `most`. `None`: of another epoch, not kept, or beyond the end.
    pub(super) fn page(&self, epoch: u64, after: u64, most: usize) -> Option<Page> {
        let skip = after.checked_sub(self.before.seq).filter(|_| epoch == self.before.epoch)?;
        let skip = usize::try_from(skip).ok().filter(|skip| *skip <= self.rules.len())?;
        let chain = match skip.checked_sub(1) {
            Some(last) => self.rules.get(last)?.1,
            None => self.before.chain,
        };
        let rules = self.rules.iter().skip(skip).take(most).map(|(rule, _)| *rule).collect();
        Some(Page { epoch, after, chain, rules, head: None })
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_feed::{Cutoff, Kind};

    fn rule(h: u64) -> Rule {
        Rule { kind: Kind::Sid, h, cutoff: Cutoff::ALWAYS, until: 9 }
    }

    #[test]
    fn the_last_rules_are_kept_under_the_chain() {
        let genesis = Chain::genesis(&[1; 16], 3);
        let mut ring = Ring::at(Position { epoch: 3, seq: 0, chain: genesis });
        let all: Vec<Rule> = (1..=count(MOST) + 10).map(rule).collect();
        let (first, rest) = all.split_at(7);
        ring.push(first);
        let page = ring.page(3, 2, 3).unwrap();
        assert_eq!((page.after, page.chain), (2, genesis.over(&all[..2])));
        assert_eq!(page.rules, all[2..5]);
        ring.push(rest);
        let end = Position { epoch: 3, seq: count(all.len()), chain: genesis.over(&all) };
        assert_eq!(ring.end(), end);
        assert_eq!(ring.rules.len(), MOST);
        assert!(ring.page(3, 9, 1).is_none(), "gone");
        assert_eq!(ring.page(3, 10, 1).unwrap().rules, [rule(11)]);
        assert_eq!(ring.page(3, 10, 1).unwrap().chain, genesis.over(&all[..10]));
        assert!(ring.page(3, end.seq, 1).unwrap().rules.is_empty());
        assert!(ring.page(3, end.seq + 1, 1).is_none(), "beyond the end");
        assert!(ring.page(2, 20, 1).is_none(), "another epoch");
    }
}
