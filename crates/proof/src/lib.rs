//! Dev only: the revocation feed simulated on the code that runs, with an issuer that crashes and is put back from
//! backups, a relay that does its worst, and a verifier whose clock and disk are not to be trusted. One seed, one
//! course of events. The model check of the protocol is in `tests/`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a simulation that cannot go on has failed"
)]

pub mod chance;
pub mod issuer;
pub mod relay;
pub mod tokens;
pub mod verifier;
pub mod world;

pub use issuer::Flaw;
pub use world::{Broken, Course, simulate};
