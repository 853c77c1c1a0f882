//! The feed from outside, as issuer and verifier use it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod checks;
mod coarse;
mod follower;
mod issuer;
mod journal;
mod page;
mod smoke;
mod snapshot;
mod stream;
mod table;
mod vectors;
