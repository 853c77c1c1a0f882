//! The revocation feed, without I/O and without a clock: what stands on the wire, and what may be believed.
//!
//! A rule says which tokens are revoked. The issuer numbers rules, chains them, and signs a head that says
//! "these are all, as of this moment". A [`Follower`] takes heads, pages of the log and snapshots from
//! wherever they come, and applies what a head of the pinned feed key proves; a [`View`] is what requests
//! ask while it does. Both sides of the feed, the tests and the model check use this one crate.

pub mod chain;
pub mod follower;
pub mod head;
pub mod journal;
mod log;
pub mod metadata;
pub mod page;
mod refused;
pub mod rule;
pub mod snapshot;
pub mod stream;
pub mod table;
pub mod view;

pub use chain::Chain;
pub use follower::{Follower, Need};
pub use head::{Head, Pins, SnapRef, Staleness};
pub use metadata::Metadata;
pub use page::Page;
pub use refused::Refused;
pub use rule::{Cutoff, Kind, Names, Rule, Salt, Subject};
pub use snapshot::Snapshot;
pub use table::Table;
pub use view::{Hit, View};

/// Rules in a full block of the log; a full block never changes.
pub const BLOCK: u64 = 4_096;

/// Why bytes of the feed cannot be read. Codes: `truncated`, `malformed`, `too_large`, `unsupported`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct FormatError {
    /// Stable code.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

impl FormatError {
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}
