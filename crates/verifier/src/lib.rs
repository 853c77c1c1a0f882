#![doc = include_str!("../README.md")]

mod bearer;
mod builder;
mod cache;
mod check;
mod clock;
mod discovery;
mod entropy;
mod explain;
#[cfg(feature = "feed")]
mod feed;
#[cfg(not(feature = "feed"))]
#[path = "feed_absent.rs"]
mod feed;
mod fetch;
mod grpc;
mod guard;
#[cfg(feature = "http")]
mod http_fetch;
mod identity;
mod introspect;
mod keys;
mod layer;
mod proof;
mod refusal;
mod staleness;
mod state;
mod status;
mod verifier;

#[cfg(feature = "axum")]
mod axum;

pub use builder::{BuildError, Builder, NeedAudience};
pub use clock::{Clock, SystemClock};
pub use countersign_token::{AccessToken, Algorithm, Timestamp, VerifyError};
pub use discovery::SourceError;
pub use entropy::{Entropy, SystemEntropy};
pub use explain::{Explanation, Step, Verdict};
#[cfg(feature = "feed")]
pub use feed::FeedError;
pub use fetch::{Fetch, FetchError, Incoming, Post};
pub use guard::Guard;
#[cfg(feature = "http")]
pub use http_fetch::HttpFetch;
pub use identity::Identity;
pub use keys::KeysUnavailable;
pub use layer::Guarded;
pub use proof::{ProofCheck, ProofError, Scheme};
pub use refusal::{Refusal, Revocation};
pub use staleness::OnStale;
pub use status::{CacheStatus, FeedChange, FeedStatus, KeyStatus, Status};
pub use verifier::Verifier;
