#![doc = include_str!("../README.md")]

mod bearer;
mod builder;
mod check;
mod clock;
mod discovery;
mod fetch;
mod guard;
mod identity;
mod keys;
mod layer;
mod refusal;
mod verifier;

#[cfg(feature = "axum")]
mod axum;

pub use builder::{BuildError, Builder, NeedAudience};
pub use clock::{Clock, SystemClock};
pub use countersign_token::{AccessToken, Algorithm, Timestamp, VerifyError};
pub use discovery::SourceError;
pub use fetch::{Fetch, FetchError, HttpFetch};
pub use guard::Guard;
pub use identity::Identity;
pub use keys::KeysUnavailable;
pub use layer::Guarded;
pub use refusal::Refusal;
pub use verifier::Verifier;
