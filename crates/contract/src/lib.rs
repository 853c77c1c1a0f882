//! What every store must do, as tests that an adapter runs against itself.
//!
//! Owns: the manual clock, seeded entropy and fixtures that these and other tests begin with.

pub mod clock;
pub mod entropy;
pub mod fixture;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
