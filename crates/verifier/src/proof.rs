//! Tokens bound to a key: the hook that checks the proof of possession.
//!
//! A token with a `cnf` claim (RFC 7800) is worth nothing without the proof its binding names: a DPoP proof
//! for `jkt` (RFC 9449), the TLS client certificate for `x5t#S256` (RFC 8705). Without a hook that accepts
//! the proof such a token is refused, whatever scheme it came by (RFC 9449 7.1: no downgrade to `Bearer`).

use crate::identity::Identity;
use async_trait::async_trait;
use http::request::Parts;

/// How the token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer,
    /// `Authorization: DPoP` (RFC 9449 7.1).
    Dpop,
}

/// Why a proof was not accepted. Told as `WWW-Authenticate: DPoP` with this code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ProofError {
    /// `invalid_dpop_proof`, `use_dpop_nonce` or `invalid_token`.
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// A nonce for the next proof; told as `DPoP-Nonce` (RFC 9449 9).
    pub nonce: Option<String>,
}

/// Checks that a request proves possession of the key its token is bound to.
#[async_trait]
pub trait ProofCheck: Send + Sync + 'static {
    /// Called for every request whose token passed all else, when the token is bound
    /// ([`Identity::confirmation`]) or came by the `DPoP` scheme. Must compare the key of the proof with the
    /// binding, and refuse a binding it does not know.
    async fn check(
        &self,
        request: &Parts,
        scheme: Scheme,
        token: &str,
        identity: &Identity,
    ) -> Result<(), ProofError>;

    /// Algorithms of proofs, space-separated, for the challenge (RFC 9449 7.1).
    fn algorithms(&self) -> &str {
        "ES256 EdDSA"
    }
}
