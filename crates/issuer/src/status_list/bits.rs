//! The bits of one list, and their form in a token (draft, 4.1 and 4.2).

use crate::model::status::ENTRIES;
use countersign_token::{Timestamp, base64url};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::collections::HashMap;
use std::io::Write;

const BYTES: usize = ENTRIES as usize / 8;

/// What is set, in stretches, and until when: a bit matters until the rule behind it is over, since no token
/// it covers can be alive then. About 32 bytes of memory a stretch.
#[derive(Default)]
pub(super) struct Bits {
    set: HashMap<(u32, u32), Timestamp>,
    /// The first end of them.
    ends: Option<Timestamp>,
    changed: bool,
}

impl Bits {
    /// Sets so many, from that one on.
    pub(super) fn set(&mut self, first: u32, count: u32, until: Timestamp) {
        let there = self.set.insert((first, count), until);
        if let Some(longer) = there.filter(|there| *there > until) {
            self.set.insert((first, count), longer);
        }
        self.changed |= there.is_none();
        self.ends = Some(self.ends.map_or(until, |ends| ends.min(until)));
    }

    /// Clears those that are over.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if self.ends.is_none_or(|ends| ends > now) {
            return;
        }
        let before = self.set.len();
        self.set.retain(|_, until| *until > now);
        self.changed |= self.set.len() != before;
        self.ends = self.set.values().min().copied();
    }

    /// Since they were last compressed.
    pub(super) fn changed(&self) -> bool {
        self.changed
    }

    /// Compressed with zlib at its best, base64url.
    pub(super) fn lst(&mut self) -> String {
        self.changed = false;
        let mut bytes = vec![0; BYTES];
        for (first, count) in self.set.keys() {
            for index in *first..first.saturating_add(*count).min(ENTRIES) {
                // Index 0 is the lowest bit of the first byte.
                if let Some(byte) = usize::try_from(index / 8).ok().and_then(|at| bytes.get_mut(at)) {
                    *byte |= 1 << (index % 8);
                }
            }
        }
        compressed(&bytes)
    }
}

fn compressed(bytes: &[u8]) -> String {
    let mut zlib = ZlibEncoder::new(Vec::with_capacity(1024), Compression::best());
    // Writing into memory does not fail.
    let done = zlib.write_all(bytes).and_then(|()| zlib.finish());
    base64url::encode(done.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read;

    fn inflated(lst: &str) -> Vec<u8> {
        let mut out = Vec::new();
        ZlibDecoder::new(base64url::decode(lst).unwrap().as_slice()).read_to_end(&mut out).unwrap();
        out
    }

    const END: Timestamp = Timestamp::from_seconds(100);

    #[test]
    fn the_example_of_the_draft() {
        // Draft, 4.1: sixteen statuses, the bytes 0xb9 0xa3, and their compressed form.
        assert_eq!(inflated("eNrbuRgAAhcBXQ"), [0xb9, 0xa3]);
        assert_eq!(compressed(&[0xb9, 0xa3]), "eNrbuRgAAhcBXQ");
        let mut bits = Bits::default();
        for index in [0, 3, 4, 5, 7, 8, 9, 13, 15] {
            bits.set(index, 1, END);
        }
        let bytes = inflated(&bits.lst());
        assert_eq!((bytes.len(), &bytes[..2]), (131_072, &[0xb9, 0xa3][..]));
        assert!(bytes[2..].iter().all(|b| *b == 0));
    }

    #[test]
    fn vectors_of_the_draft() {
        // Draft, appendix "Test vectors for Status List encoding", bits = 1, 2^20 entries.
        let mut bits = Bits::default();
        for index in [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345] {
            bits.set(index, 1, END);
        }
        let due = concat!(
            "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogE",
            "AAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAA",
            "A7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAA",
            "ACAZC8L2AEb"
        );
        assert_eq!(inflated(&bits.lst()), inflated(due));
    }

    #[test]
    fn stretches_and_ends() {
        let mut bits = Bits::default();
        assert!(!bits.changed());
        bits.set(1_024, 1_024, END);
        bits.set(1_030, 1, Timestamp::from_seconds(200));
        assert!(bits.changed());
        let bytes = inflated(&bits.lst());
        assert!(bytes[128..256].iter().all(|b| *b == 0xff));
        assert_eq!(bytes.iter().map(|b| b.count_ones()).sum::<u32>(), 1_024);
        assert!(!bits.changed());
        bits.set(1_024, 1_024, Timestamp::from_seconds(1));
        assert!(!bits.changed(), "nothing new");
        bits.expire(Timestamp::from_seconds(99));
        assert!(!bits.changed(), "the longer one counts");
        bits.expire(END);
        assert!(bits.changed());
        let bytes = inflated(&bits.lst());
        assert_eq!((bytes[128], bytes.iter().map(|b| b.count_ones()).sum::<u32>()), (1 << 6, 1));
        bits.expire(Timestamp::from_seconds(200));
        assert!(bits.changed() && bits.set.is_empty());
    }
}
