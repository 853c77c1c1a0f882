//! The follower: takes what comes, from whatever relay, and believes what a head of a pinned key proves.
//!
//! Rules of pages wait until a head's chain covers them; a snapshot is believed by its digest in a head; a
//! head counts only if it is later than the last one and complete: every rule up to its `seq` is applied. Its
//! age is measured from its receipt, not from when its rules were complete. A head of a new epoch starts an
//! empty log beside the old ones, whose rules stay until they are over.

use crate::head::Pins;
use crate::{Head, Page, View};
use countersign_token::{Timestamp, VerifyError};
use std::time::Duration;

/// What the follower needs to become complete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: the newest head is proven.
    Nothing,
    /// Pages of this epoch after this rule.
    Log {
        /// Epoch.
        epoch: u64,
        /// Rules had.
        after: u64,
    },
    /// The snapshot that this head names.
    Snapshot(crate::SnapRef),
}

/// Why something was not believed. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Signature, issuer, type, expiry.
    #[error("head: {0}")]
    Head(#[from] VerifyError),
    /// `as_of` ahead of the wall clock by more than [`crate::head::SKEW`].
    #[error("the head is {0:?} ahead of this machine's clock")]
    Ahead(Duration),
    /// Of another feed than the one followed.
    #[error("a head of another feed")]
    OtherFeed,
    /// Not later than the last one: replayed, reordered or rolled back.
    #[error("not later than the head before")]
    Old,
    /// The signed chain contradicts the rules had: the log was changed, or its store put back without a new
    /// epoch. Nothing counts until a later epoch comes.
    #[error("the chain of the signed head contradicts the log")]
    Fork,
    /// A page that does not extend what was had, or a snapshot that no head names.
    #[error("{0}")]
    Unproven(&'static str),
    /// Cannot be read.
    #[error(transparent)]
    Format(#[from] crate::FormatError),
}

/// Follows one feed.
#[derive(Debug)]
pub struct Follower {
    view: View,
    pins: Pins,
}

impl Follower {
    /// Follows the feed whose keys are pinned.
    pub fn new(_pins: Pins) -> Self {
        todo!()
    }

    /// What requests ask.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// The keys believed, after they were announced in a head ([`Head::next_key`]) and found in the metadata.
    pub fn pin(&mut self, pins: Pins) {
        self.pins = pins;
    }

    /// Takes a head, received at this wall and monotonic time.
    pub fn head(&mut self, _jws: &str, _wall: Timestamp, _elapsed: Duration) -> Result<(), Refused> {
        todo!()
    }

    /// Takes a page, and its head if it has one.
    pub fn page(&mut self, _page: Page, _wall: Timestamp, _elapsed: Duration) -> Result<(), Refused> {
        todo!()
    }

    /// Takes the bytes of a snapshot.
    pub fn snapshot(&mut self, _bytes: &[u8]) -> Result<(), Refused> {
        todo!()
    }

    /// Takes rules not yet numbered. Only from the issuer itself, over its own connection.
    pub fn hint(&mut self, _page: &Page) {
        todo!()
    }

    /// What is missing.
    pub fn need(&self) -> Need {
        todo!()
    }

    /// The newest proven head.
    pub fn proven(&self) -> Option<&Head> {
        todo!()
    }

    /// Drops rules that are over; call it now and then.
    pub fn expire(&mut self, _wall: Timestamp) {
        todo!()
    }
}
