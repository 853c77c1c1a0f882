//! Revocation: the live rules this node judges by, and the feed that tells every verifier.
//!
//! `rules` is the set asked for every token this issuer is shown. `sequence` numbers what transactions wrote
//! and extends the chain; `publish` signs heads and answers what the feed's endpoints serve; `receipt` counts
//! who has it in force.

pub mod publish;
pub mod receipt;
mod rules;
pub mod sequence;

pub use publish::{Feed, Published};
pub use receipt::Receipt;
pub use rules::{Facts, RuleSet};
