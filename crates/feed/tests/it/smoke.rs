//! The fuzz targets' work on a stable compiler: a bounded number of seeded mutations of their seeds.

use crate::checks;
use countersign_feed::{Page, Snapshot};

/// SplitMix64: a seeded stream, the same in every run.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const WORDS: [&[u8]; 10] = [
            b"\r\n",
            b"\n\n",
            b"data: ",
            b"id: 1.2\n",
            b"\0",
            b"\xff\xff\xff\xff",
            b"\0\0\0\0",
            b"CSL1",
            b"=",
            b".",
        ];
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            let to = (at + self.below(20)).min(bytes.len());
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..to)),
                2 => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
                3 => {
                    let copy = bytes[at..to].to_vec();
                    bytes.splice(at..at, copy);
                }
                4 => bytes.truncate(at),
                _ => bytes.insert(at, u8::try_from(self.next() & 0xff).unwrap()),
            }
        }
    }
}

fn mutations(seed: &[u8], rounds: u64, check: fn(&[u8])) {
    check(seed);
    let mut stream = Stream(rounds);
    for _ in 0..rounds {
        let mut bytes = seed.to_vec();
        stream.mutate(&mut bytes);
        check(&bytes);
    }
}

#[test]
fn heads() {
    let seed = include_bytes!("../../../../fuzz/seeds/head/good");
    let text = std::str::from_utf8(seed).unwrap();
    assert_eq!(checks::pins().read(text, checks::NOW).unwrap().seq, 40);
    mutations(seed, 6_000, checks::head);
}

#[test]
fn pages() {
    let seed = include_bytes!("../../../../fuzz/seeds/page/good");
    assert_eq!(Page::read(seed).unwrap().rules.len(), 40);
    mutations(seed, 10_000, checks::page);
}

#[test]
fn snapshots() {
    let seed = include_bytes!("../../../../fuzz/seeds/snapshot/good");
    assert!(Snapshot::read(seed).unwrap().rules.len() > 20);
    mutations(seed, 20_000, checks::snapshot);
}

#[test]
fn streams() {
    let seed = include_bytes!("../../../../fuzz/seeds/stream/good");
    mutations(seed, 10_000, checks::stream);
}

#[test]
fn journals() {
    let seed = include_bytes!("../../../../fuzz/seeds/journal/good");
    mutations(seed, 3_000, checks::journal);
}
