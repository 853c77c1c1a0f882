//! The one way in: parse, choose the key, check the signature, then type, issuer, audience and times.

use crate::{KeySet, Policy, Timestamp};
use serde::de::DeserializeOwned;

/// Why a token was refused. Never holds the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct VerifyError {
    /// Stable code: `malformed`, `unknown_key`, `bad_signature`, `wrong_type`, `wrong_issuer`,
    /// `wrong_audience`, `expired`, `not_yet_valid`, `too_large`, `wrong_algorithm`, ...
    pub code: &'static str,
    /// The claim or header parameter judged, if one.
    pub claim: Option<&'static str>,
    /// For people: what was expected and what came. Never the token.
    pub detail: String,
}

/// A token that passed. Built by [`verify`] only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verified<C> {
    /// Claims.
    pub claims: C,
    /// The key's id.
    pub kid: Option<String>,
}

/// Verifies a compact token at `now`.
pub fn verify<C: DeserializeOwned>(
    _token: &str,
    _keys: &KeySet,
    _policy: &Policy,
    _now: Timestamp,
) -> Result<Verified<C>, VerifyError> {
    todo!()
}
