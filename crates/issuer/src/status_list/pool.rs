//! Entries this node has taken from the store and not yet given to anybody. What is lost with the process is
//! a gap in a list, nothing more.

use crate::model::ClientId;
use crate::model::status::{LEASED, StatusEntry};
use crate::port::Entropy;
use countersign_token::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// How long entries are given out after they were taken: a list whose members are dead can go then.
pub(super) const LIFE: Duration = Duration::from_secs(3_600);
/// Most machines with entries at hand, 4 KiB each; when there are more, all are taken anew.
const MOST: usize = 2_048;

struct Pool {
    taken_at: Timestamp,
    /// In the order in which they are given, the next one last.
    left: Vec<StatusEntry>,
}

/// For sessions and, apart, for each machine.
#[derive(Default)]
pub(super) struct Pools {
    sessions: Vec<Pool>,
    machines: HashMap<ClientId, Vec<Pool>>,
}

impl Pools {
    /// An entry, if there is one; those taken at a time, in seconds, that is not `usable` are dropped.
    pub(super) fn draw(
        &mut self,
        machine: Option<&ClientId>,
        now: Timestamp,
        usable: impl Fn(i64) -> bool,
    ) -> Option<StatusEntry> {
        let pools = match machine {
            None => &mut self.sessions,
            Some(id) => self.machines.get_mut(id)?,
        };
        pools.retain(|pool| {
            let age = now.millis().abs_diff(pool.taken_at.millis());
            !pool.left.is_empty() && u128::from(age) < LIFE.as_millis() && usable(pool.taken_at.seconds())
        });
        pools.last_mut()?.left.pop()
    }

    /// Takes in a stretch, shuffled.
    pub(super) fn add(
        &mut self,
        machine: Option<&ClientId>,
        first: StatusEntry,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) {
        let left = shuffled(first, entropy);
        let pools = match machine {
            None => &mut self.sessions,
            Some(id) => {
                if self.machines.len() >= MOST && !self.machines.contains_key(id) {
                    self.machines.clear();
                }
                self.machines.entry(id.clone()).or_default()
            }
        };
        pools.push(Pool { taken_at: now, left });
    }
}

/// Fisher and Yates.
fn shuffled(first: StatusEntry, entropy: &dyn Entropy) -> Vec<StatusEntry> {
    let mut left: Vec<StatusEntry> =
        (0..LEASED).map(|n| StatusEntry { index: first.index + n, ..first }).collect();
    let mut random = [0; LEASED as usize * 4];
    entropy.fill(&mut random);
    for (at, bytes) in (1..left.len()).rev().zip(random.as_chunks::<4>().0) {
        let other = usize::try_from(u32::from_be_bytes(*bytes)).unwrap_or_default() % (at + 1);
        left.swap(at, other);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU8, Ordering};

    struct Counting(AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill_with(|| self.0.fetch_add(101, Ordering::Relaxed));
        }
    }

    const FIRST: StatusEntry = StatusEntry { list: 3, index: 5 * LEASED };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000) + Duration::from_secs(seconds)
    }

    #[test]
    fn every_entry_of_a_stretch_once_and_in_no_order() {
        let (mut pools, entropy) = (Pools::default(), Counting(AtomicU8::new(1)));
        assert_eq!(pools.draw(None, at(0), |_| true), None);
        pools.add(None, FIRST, at(0), &entropy);
        let given: Vec<u32> =
            std::iter::from_fn(|| pools.draw(None, at(1), |_| true)).map(|e| e.index).collect();
        let all: BTreeSet<u32> = given.iter().copied().collect();
        assert_eq!((given.len(), all), (1_024, (5 * LEASED..6 * LEASED).collect()));
        assert!(given.iter().zip(given.iter().skip(1)).filter(|(a, b)| a.abs_diff(**b) == 1).count() < 100);
    }

    #[test]
    fn machines_draw_from_their_own_and_old_ones_go() {
        let (mut pools, entropy) = (Pools::default(), Counting(AtomicU8::new(1)));
        let (a, b) = (ClientId::from_stored("a"), ClientId::from_stored("b"));
        pools.add(Some(&a), FIRST, at(0), &entropy);
        assert_eq!(pools.draw(Some(&b), at(0), |_| true), None);
        assert_eq!(pools.draw(None, at(0), |_| true), None);
        assert!(pools.draw(Some(&a), at(3_599), |_| true).is_some());
        assert_eq!(pools.draw(Some(&a), at(3_600), |_| true), None, "an hour old");
        pools.add(Some(&a), FIRST, at(10), &entropy);
        assert_eq!(pools.draw(Some(&a), at(11), |since| since > at(10).seconds()), None, "a cutoff passed");
        assert_eq!(pools.draw(Some(&a), at(11), |_| true), None, "dropped for good");
        for n in 0..2 * MOST {
            pools.add(Some(&ClientId::from_stored(n.to_string())), FIRST, at(0), &entropy);
            assert!(pools.machines.len() <= MOST);
        }
    }
}
