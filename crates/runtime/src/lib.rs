//! What makes a running node: configuration, adapters, wiring, jobs.

mod breached;
mod clock;
pub mod config;
mod courier;
pub mod doctor;
mod egress;
mod entropy;
mod error;
mod hasher;
mod jobs;
mod log;
mod marker;
mod master_key;
mod open_files;
mod pool;
pub mod receipts;
mod serve;
mod sign_pool;
mod signals;
pub mod tokens;
mod wire;

pub use countersign_issuer as issuer;
pub use countersign_server::mail::kind as message_kind;
pub use countersign_token as engine;
pub use error::StartError;
pub use serve::{Announce, Running, serve};
pub use wire::{Node, open_beside};
