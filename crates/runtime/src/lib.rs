//! What makes a running node: configuration, adapters, wiring, jobs.

mod clock;
pub mod config;
mod entropy;
mod hasher;
mod pool;
mod sign_pool;
