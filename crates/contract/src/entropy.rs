//! Bytes that look random and are the same in every run. For tests only: anybody can compute them.

use countersign_issuer::port::Entropy;
use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64 from a seed.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    state: AtomicU64,
}

impl SeededEntropy {
    /// The sequence of this seed, from its beginning.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: AtomicU64::new(seed) }
    }
    /// The seed, for messages of failing tests.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// The next number.
    pub fn next(&self) -> u64 {
        const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// One of `0..below`; 0 when there is nothing to choose from.
    pub fn below(&self, below: u64) -> u64 {
        self.next().checked_rem(below).unwrap_or(0)
    }
}

impl Default for SeededEntropy {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *to = from;
            }
        }
    }
}
