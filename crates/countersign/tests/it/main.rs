//! The real binary, from outside.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test; deadlines are real time"
)]

mod audit;
mod bin;
mod breached;
mod config;
mod crash;
mod demo;
mod doctor;
mod documents;
mod explain;
mod flood;
mod github;
mod help;
mod import;
mod keys_of_files;
mod live;
mod outbox;
mod people;
mod receipt;
mod reference;
mod registry;
mod secrets;
mod serve;
mod token;
