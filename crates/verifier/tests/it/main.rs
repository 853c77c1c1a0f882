//! The verifier against an issuer on a loopback socket, with time driven by hand.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod discovery;
mod feed;
mod feed_server;
mod issuer;
mod keys;
mod offline;
mod routes;
mod tokens;
