//! The runtime from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

mod config;
