//! A snapshot: every rule of an epoch that was live at a moment, sorted and delta-coded. Immutable, named in a
//! signed head by its SHA-256; believed under that alone.
//!
//! Bytes, numbers big-endian: `CSS1`, feed (16), epoch (8), seq (8), the chain up to seq (32), the least `until`
//! (4), then for each kind 1 to 7 how many rules (4) and the rules, sorted by name. A rule: the difference
//! of its name to the one before, its cutoff plus one (0: always), its `until` minus the least, each as LEB128.

use crate::head::FeedId;
use crate::{Chain, FormatError, Rule};

/// Most rules of a snapshot.
pub const MOST_RULES: usize = 16 * 1024 * 1024;

/// What a snapshot holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The feed.
    pub feed: FeedId,
    /// The epoch.
    pub epoch: u64,
    /// It covers the first so many rules.
    pub seq: u64,
    /// The chain over those.
    pub chain: Chain,
    /// The live ones among them: sorted by kind and name, one rule a name (the widest). No `Coarse`.
    pub rules: Vec<Rule>,
}

impl Snapshot {
    /// Writes it.
    pub fn bytes(&self) -> Vec<u8> {
        todo!()
    }

    /// Reads one: strictly sorted, canonical, every byte used.
    pub fn read(_bytes: &[u8]) -> Result<Self, FormatError> {
        todo!()
    }
}
