//! What a follower keeps on disk: the very bytes it was given (heads, pages, snapshots), in order.
//!
//! Read back, they go through the follower again, so a journal is believed exactly as far as its signed heads
//! prove it: a truncated end is a shorter log, an altered byte breaks a signature, a chain or a digest. Ages
//! come from the heads' `as_of` and the clock at the time of reading.

use crate::{Follower, FormatError, Page};
use countersign_token::Timestamp;
use std::time::Duration;

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A head, compact.
    Head(String),
    /// A page.
    Page(Page),
    /// The bytes of a snapshot.
    Snapshot(Vec<u8>),
}

impl Entry {
    /// Appends it: length (4), kind (1), bytes.
    pub fn append(&self, _out: &mut Vec<u8>) {
        todo!()
    }
}

/// Replays a journal. Answers how many bytes were good: a writer truncates the file there and goes on.
pub fn replay(
    _follower: &mut Follower,
    _bytes: &[u8],
    _wall: Timestamp,
    _elapsed: Duration,
) -> Result<usize, FormatError> {
    todo!()
}
