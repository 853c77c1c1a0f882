//! The server over real sockets, on a real store.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod account;
mod bad_input;
mod bad_input_direct;
mod brand;
mod cors;
mod direct;
mod direct_mail;
mod direct_mfa;
mod documents;
mod enrol;
mod enumeration;
mod feed;
mod first_party;
mod guesses;
mod headers;
mod host;
mod language;
mod limits;
mod logs;
mod methods;
mod pages;
mod pages_codes;
mod pages_guard;
mod pages_hostile;
mod pages_second;
mod passkey;
mod passwords;
mod phone;
mod proxies;
mod races;
mod recover;
mod shutdown;
mod sign_up;
mod status_list;
mod tab;
mod tls;
mod token_kinds;
mod wire;
mod world;
