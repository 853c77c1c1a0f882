//! The verifier against an issuer on a loopback socket, with time driven by hand.

mod discovery;
mod issuer;
mod keys;
mod offline;
mod routes;
mod tokens;
