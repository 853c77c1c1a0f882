//! The rules of the issuing side and the ports they need.
//!
//! Owns: what is allowed, in which order, and what is written. No HTTP, SQL, async runtime, environment
//! or clock: those are adapters behind `port`, passed in by the runtime.

pub mod error;
pub mod model;
pub mod port;
