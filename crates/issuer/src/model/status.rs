//! Entries of status lists (draft-ietf-oauth-status-list-21): one bit that says of a session, or of a
//! machine's token, whether it is revoked.

/// Entries of one list. 2^20 bits are 128 KiB, and some hundred bytes when few are set.
pub const ENTRIES: u32 = 1 << 20;
/// Entries a node takes from the store at once.
pub const LEASED: u32 = 1_024;
/// Such stretches in a list.
pub const BLOCKS: u32 = ENTRIES / LEASED;

const INDEX_BITS: u32 = ENTRIES.trailing_zeros();

/// One entry: a list and an index in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StatusEntry {
    /// The list's number, from 1.
    pub list: u32,
    /// Below [`ENTRIES`].
    pub index: u32,
}

impl StatusEntry {
    /// The first entry of a stretch of [`LEASED`].
    pub fn of_block(list: u32, block: u32) -> Self {
        Self { list, index: block.saturating_mul(LEASED) }
    }

    /// As one number, in which the entries of a list follow one another.
    pub fn number(self) -> i64 {
        (i64::from(self.list) << INDEX_BITS) | i64::from(self.index)
    }

    /// Reads the number.
    pub fn from_number(number: i64) -> Option<Self> {
        let list = u32::try_from(number >> INDEX_BITS).ok()?;
        let index = u32::try_from(number & i64::from(ENTRIES - 1)).ok()?;
        Some(Self { list, index })
    }

    /// The `jti` of a token that has this entry to itself, so that a rule about the token says which bit to
    /// set. The random part never holds a dot.
    pub fn jti(self, random: &str) -> String {
        format!("{random}.{}", self.number())
    }

    /// The entry a `jti` names; `None` for those of other tokens.
    pub fn of_jti(jti: &str) -> Option<Self> {
        let (_, number) = jti.split_once('.')?;
        let read: i64 = number.parse().ok()?;
        Self::from_number(read).filter(|entry| entry.list > 0 && number == read.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back() {
        for entry in [
            StatusEntry { list: 1, index: 0 },
            StatusEntry { list: 1, index: ENTRIES - 1 },
            StatusEntry { list: u32::MAX, index: 7 },
        ] {
            assert_eq!(StatusEntry::from_number(entry.number()), Some(entry));
            assert_eq!(StatusEntry::of_jti(&entry.jti("AAAAAAAAAAAAAAAAAAAAAA")), Some(entry));
        }
        let (one, two) = (StatusEntry { list: 1, index: ENTRIES - 1 }, StatusEntry { list: 2, index: 0 });
        assert_eq!(one.number() + 1, two.number());
        for other in
            ["", "AAAA", "AAAA.", "AAAA.x", "AAAA.0", "AAAA.1", "AAAA.-1", "AAAA.+1048577", "a.01048577"]
        {
            assert_eq!(StatusEntry::of_jti(other), None, "{other}");
        }
        assert_eq!(StatusEntry::from_number(-1), None);
    }
}
