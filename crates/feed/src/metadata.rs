//! `/.well-known/revocation-feed`: where a feed is and which key signs it.

use crate::head::FeedId;
use countersign_token::Jwk;
use serde::{Deserialize, Serialize};

/// Where the metadata is, under the issuer.
pub const PATH: &str = "/.well-known/revocation-feed";

/// Its member in the server metadata (RFC 8414).
pub const SERVER_METADATA: &str = "revocation_feed";

/// The metadata document. Unknown members are ignored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Metadata {
    /// Exactly the issuer.
    pub issuer: String,
    /// The feed.
    pub feed: FeedId,
    /// Feed keys: the one that signs, and the next one once announced. Pin them.
    pub keys: Vec<Jwk>,
    /// `GET`: the head, a compact JWS (`application/jwt`).
    pub head_endpoint: String,
    /// `GET …/{epoch}/{block}`, or `GET …?epoch=E&from=SEQ&wait=SECONDS` (at most 25): [`crate::Page`].
    pub log_endpoint: String,
    /// `GET …/{epoch}/{seq}`: [`crate::snapshot`].
    pub snapshot_endpoint: String,
    /// `GET`, server-sent events: [`crate::stream`].
    pub stream_endpoint: String,
    /// `POST`, for verifiers that authenticate.
    pub ack_endpoint: String,
}

/// What `POST /rev/ack` takes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// A name of this process, random, at most 64 visible ASCII characters.
    pub verifier: String,
    /// What it has applied.
    pub epoch: u64,
    /// What it has applied.
    pub seq: u64,
    /// Its hard staleness bound, in seconds; the longest of its routes.
    pub hard: u64,
    /// What its routes do beyond it: `closed`, `open`, `introspect`.
    pub modes: Vec<String>,
}
