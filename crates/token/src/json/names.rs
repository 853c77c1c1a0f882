//! The member names seen so far in every open object, so that a duplicate is refused at once.

use std::borrow::Cow;
use std::collections::HashSet;

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The first eight bytes of a name, and its length mixed in: unequal tags mean unequal names, and equal
/// tags mean equal names when the name has fewer than eight bytes.
pub(crate) const fn tag(name: &[u8]) -> u64 {
    let mut first = [0; 8];
    let mut i = 0;
    while i < 8 && i < name.len() {
        #[expect(clippy::indexing_slicing, reason = "const fn; the bound is the line above")]
        {
            first[i] = name[i];
        }
        i += 1;
    }
    mixed(u64::from_le_bytes(first), name.len())
}

const fn mixed(first: u64, len: usize) -> u64 {
    first ^ (len as u64).wrapping_mul(MIX)
}

/// The tag of the name that the text begins with, by one load where the text is long enough.
#[inline]
pub(super) fn tag_at(text: &[u8], len: usize) -> u64 {
    match text.first_chunk::<8>() {
        Some(first) if len >= 8 => mixed(u64::from_le_bytes(*first), len),
        Some(first) => mixed(u64::from_le_bytes(*first) & ((1 << (8 * len)) - 1), len),
        None => tag(text.get(..len).unwrap_or(text)),
    }
}

/// Names of all open objects that are looked up one by one; objects with more are looked up by hash.
const FEW: usize = 32;

/// One stack for all open objects; each knows where its own names begin.
pub(super) struct Names {
    tags: [u64; FEW],
    /// Start and end in the text, quotes excluded.
    spans: [Span; FEW],
    len: usize,
}

/// Where a name stands in the text, quotes excluded.
pub(super) type Span = (u32, u32);

/// The names of one open object.
#[derive(Default)]
pub(super) struct Open<'de> {
    base: usize,
    /// One bit of each tag: where it is not set, the name is new.
    seen: u64,
    many: Option<HashSet<Cow<'de, str>>>,
}

impl Names {
    pub(super) const fn new() -> Self {
        Self { tags: [0; FEW], spans: [(0, 0); FEW], len: 0 }
    }

    #[inline]
    pub(super) fn open<'de>(&self) -> Open<'de> {
        Open { base: self.len, ..Open::default() }
    }

    #[inline]
    pub(super) fn close(&mut self, open: &Open<'_>) {
        self.len = open.base;
    }

    /// Takes the name where that is quickly done: it is new, and there is room. Else asks for
    /// [`Self::add_slowly`].
    #[inline]
    pub(super) fn add(&mut self, open: &mut Open<'_>, tag: u64, span: Span) -> bool {
        let bit = 1 << (tag.wrapping_mul(MIX) >> 58);
        if open.seen & bit != 0 && self.tags.get(open.base..self.len).is_none_or(|tags| tags.contains(&tag)) {
            return false;
        }
        let (Some(to), Some(at), None) =
            (self.tags.get_mut(self.len), self.spans.get_mut(self.len), &open.many)
        else {
            return false;
        };
        (*to, *at) = (tag, span);
        open.seen |= bit;
        self.len += 1;
        true
    }

    /// False when the object already has the name. `read` reads a name again from its span.
    #[cold]
    pub(super) fn add_slowly<'de>(
        &mut self,
        open: &mut Open<'de>,
        name: &str,
        read: impl Fn(Span) -> Cow<'de, str>,
    ) -> bool {
        let spans = self.spans.get(open.base..self.len).unwrap_or_default();
        let many = open.many.get_or_insert_with(|| spans.iter().map(|span| read(*span)).collect());
        self.len = open.base;
        many.insert(Cow::Owned(name.to_owned()))
    }
}
