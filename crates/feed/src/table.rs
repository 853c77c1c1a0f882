//! Live rules, made for asking: one probe a kind, no lock, no allocation, at most 32 bytes a rule.
//!
//! One writer adds while any number of threads ask. A slot is two words, name and span (cutoff and until in
//! one), each an atomic; a name is written after its span, and a span only ever widens, so whoever finds the
//! name finds a span that was right. Growing builds a larger array and swaps it in.

use crate::{Kind, Names, Rule};
use countersign_token::Timestamp;

/// The rules of one epoch.
#[derive(Debug, Default)]
pub struct Table {}

impl Table {
    /// Adds one; of two with the same name the wider cutoff and the later `until` hold. [`Kind::Coarse`] drops
    /// what it says.
    pub fn add(&self, _rule: &Rule) {
        todo!()
    }

    /// Adds many, growing once.
    pub fn extend(&self, _rules: &[Rule]) {
        todo!()
    }

    /// The kind of the first rule that covers the token (order: iss, kid, cid, bucket, sub, sid, jti). A kind
    /// without rules costs one comparison.
    pub fn covers(&self, _names: &Names, _iat: i64) -> Option<(Kind, Rule)> {
        todo!()
    }

    /// Drops what is over.
    pub fn expire(&self, _now: Timestamp) {
        todo!()
    }

    /// Every rule, sorted by kind and name, one a name: what a snapshot holds.
    pub fn rules(&self) -> Vec<Rule> {
        todo!()
    }

    /// How many.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        todo!()
    }
}
