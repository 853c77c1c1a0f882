//! What a follower keeps on disk: heads, each with the pages that it proved or the snapshot that it named behind
//! it, in order ([`Follower::kept`]).
//!
//! Read back, they go through the follower again, so a journal is believed exactly as far as its signed heads
//! prove it: a truncated end is a shorter log, an altered byte breaks a signature, a chain or a digest. Ages
//! come from the heads' `as_of` and the clock at the time of reading. One file an epoch; the files of older
//! epochs are replayed first and deleted when their rules are over.

use crate::page::Bytes;
use crate::{Follower, FormatError, Page, Refused};
use countersign_token::Timestamp;
use std::time::Duration;

const HEAD: u8 = 1;
const PAGE: u8 = 2;
const SNAPSHOT: u8 = 3;

/// Most bytes of an entry.
pub const MOST_ENTRY: usize = 512 * 1024 * 1024;

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
    /// Reads the first one of what is left.
    pub fn read(left: &mut &[u8]) -> Result<Self, FormatError> {
        let mut bytes = Bytes(left);
        let length = bytes.length(MOST_ENTRY)?;
        let [kind] = bytes.take()?;
        let entry = bytes.run(length)?;
        *left = bytes.0;
        Ok(match kind {
            HEAD => {
                let head = std::str::from_utf8(entry);
                Self::Head(
                    head.map_err(|_| FormatError::new("malformed", "a head that is not UTF-8"))?.to_owned(),
                )
            }
            PAGE => Self::Page(Page::read(entry)?),
            SNAPSHOT => Self::Snapshot(entry.to_vec()),
            _ => return Err(FormatError::new("unsupported", format!("an entry of kind {kind}"))),
        })
    }

    /// Appends it: length (4) of the bytes, kind (1: head, 2: page, 3: snapshot), bytes.
    pub fn append(&self, out: &mut Vec<u8>) {
        let page;
        let (kind, bytes) = match self {
            Self::Head(jws) => (HEAD, jws.as_bytes()),
            Self::Page(entry) => {
                page = entry.bytes();
                (PAGE, page.as_slice())
            }
            Self::Snapshot(bytes) => (SNAPSHOT, bytes.as_slice()),
        };
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.push(kind);
        out.extend_from_slice(bytes);
    }
}

/// What became of a journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// So many bytes are proven, and give the state that the follower is in: a writer truncates the file there
    /// and goes on.
    pub good: usize,
    /// Why what follows is not, if something follows.
    pub refused: Option<Refused>,
}

/// Replays a journal into a follower that follows nothing yet, or older epochs' journals. Heads may have expired.
/// Stops at what cannot be read; what no head proves is forgotten.
pub fn replay(follower: &mut Follower, bytes: &[u8], wall: Timestamp, elapsed: Duration) -> Replayed {
    let mut left = bytes;
    let mut replayed = Replayed { good: 0, refused: None };
    while !left.is_empty() {
        let before = follower.mark();
        let taken = take(follower, &mut left, wall, elapsed);
        if follower.mark() != before {
            replayed.good = bytes.len() - left.len();
        }
        match taken {
            // A later entry may make up for it.
            Ok(()) | Err(Refused::Unproven(_) | Refused::Old) => {}
            Err(refused) => {
                replayed.refused = Some(refused);
                break;
            }
        }
    }
    if replayed.good < bytes.len() && replayed.refused.is_none() {
        replayed.refused = Some(Refused::Unproven("the end of the journal is not proven by a head"));
    }
    follower.forget();
    replayed
}

fn take(
    follower: &mut Follower,
    left: &mut &[u8],
    wall: Timestamp,
    elapsed: Duration,
) -> Result<(), Refused> {
    match Entry::read(left)? {
        Entry::Head(jws) => follower.kept_head(&jws, wall, elapsed),
        Entry::Page(page) => follower.kept_page(page, wall, elapsed),
        Entry::Snapshot(bytes) => follower.snapshot(&bytes),
    }
}
