//! The feed from outside, as issuer and verifier use it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod follower;
mod issuer;
mod journal;
mod snapshot;
mod stream;
mod table;
mod vectors;
