//! Why a follower does not believe something.

use crate::FormatError;
use countersign_token::VerifyError;
use std::time::Duration;

/// Why something was not believed. What was proven stays; what only waited may be gone ([`crate::Follower::need`]).
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
    Format(#[from] FormatError),
}
