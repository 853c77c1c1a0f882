//! The verifier against an issuer on a loopback socket, with time driven by hand.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cache;
mod clock;
mod discovery;
mod explain;
mod feed;
mod feed_server;
mod grpc;
mod issuer;
mod keys;
mod offline;
mod proof;
mod relay;
mod routes;
mod state;
mod tokens;
