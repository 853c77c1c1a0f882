//! The member names seen so far in every open object, so that a duplicate is refused at once.

use std::borrow::Cow;
use std::collections::HashSet;

/// Up to eight leading bytes of a name and its length, mixed: unequal tags mean unequal names, and equal
/// tags mean equal names when the name has fewer than eight bytes.
pub(crate) const fn tag(name: &[u8]) -> u64 {
    let mut out = 0u64;
    let mut i = 0;
    while i < 8 {
        out <<= 8;
        if i < name.len() {
            #[expect(clippy::indexing_slicing, reason = "const fn; the bound is the line above")]
            {
                out |= name[i] as u64;
            }
        }
        i += 1;
    }
    out ^ (name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// One stack for all open objects; each knows where its own names begin.
#[derive(Default)]
pub(super) struct Names<'de> {
    tags: Vec<u64>,
    names: Vec<Cow<'de, str>>,
}

/// Objects with more members than this are looked up by hash.
const FEW: usize = 32;

/// The names of one open object.
#[derive(Default)]
pub(super) struct Open<'de> {
    base: usize,
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    pub(super) fn open(&self) -> Open<'de> {
        Open { base: self.names.len(), many: None }
    }

    pub(super) fn close(&mut self, open: &Open<'de>) {
        self.tags.truncate(open.base);
        self.names.truncate(open.base);
    }

    /// False when the object already has the name.
    pub(super) fn add(&mut self, open: &mut Open<'de>, tag: u64, name: Cow<'de, str>) -> bool {
        if let Some(many) = &mut open.many {
            return many.insert(name);
        }
        let tags = self.tags.get(open.base..).unwrap_or_default();
        let names = self.names.get(open.base..).unwrap_or_default();
        if tags.contains(&tag) && names.contains(&name) {
            return false;
        }
        if names.len() == FEW {
            let mut many: HashSet<_> = names.iter().cloned().collect();
            many.insert(name);
            open.many = Some(many);
            return true;
        }
        if self.tags.capacity() == 0 {
            self.tags.reserve(FEW);
            self.names.reserve(FEW);
        }
        self.tags.push(tag);
        self.names.push(name);
        true
    }
}
