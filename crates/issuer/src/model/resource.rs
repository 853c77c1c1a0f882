//! A protected resource (an API): an audience with its scopes.

use super::{Acr, Scopes, Sealed};
use countersign_token::Algorithm;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A protected resource. The document form is `resource apply`'s.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resource {
    /// The audience: an absolute URI without fragment (RFC 8707 2), or a URN.
    pub resource: String,
    /// For people (consent page).
    pub name: Option<String>,
    /// Scopes that belong to it.
    #[serde(default)]
    pub scopes: Scopes,
    /// Of `scopes`, those a person must hold through a role.
    #[serde(default)]
    pub by_role: Scopes,
    /// Life of access tokens, in seconds; `None`: the issuer's (15 min).
    pub access_token_ttl: Option<u32>,
    /// Algorithm of its access tokens; `None`: ES256.
    pub signing_alg: Option<Algorithm>,
    /// Its access tokens name an entry of a status list (draft-ietf-oauth-status-list-21).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub status_list: bool,
    /// The least level of a sign-in that tokens for it are given to; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// HS256 only: its own secret, at least 256 bits, sealed. Never in a document or in JWKS.
    #[serde(skip)]
    pub secret: Option<Sealed>,
}

impl Resource {
    /// Longest identifier, in bytes.
    pub const MAX_ID: usize = 512;

    /// Life of its access tokens.
    pub fn ttl(&self, default: Duration) -> Duration {
        self.access_token_ttl.map_or(default, |s| Duration::from_secs(s.into()))
    }
}
