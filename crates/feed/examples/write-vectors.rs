//! Writes `sdk/vectors` anew: after a change of what the feed or tokens mean.

#![expect(
    clippy::unwrap_used,
    dead_code,
    clippy::indexing_slicing,
    reason = "a development tool made of test code, which judges too"
)]

#[path = "../tests/it/issuer.rs"]
mod issuer;
#[path = "../tests/it/vectors/mod.rs"]
mod vectors;

fn main() {
    for (name, document) in vectors::documents() {
        std::fs::write(vectors::path(name), vectors::text(&document)).unwrap();
    }
}
