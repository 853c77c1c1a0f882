//! What a token must be to be accepted. Cannot be built without issuer, audience, type and algorithms.

use crate::Algorithm;
use std::time::Duration;

/// A header `typ`, compared without case and without `application/` (RFC 7515 4.1.9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TokenType {
    /// `at+jwt` (RFC 9068).
    Access,
    /// `JWT`, the ID token; absent `typ` is accepted too, since other issuers leave it out.
    Id,
    /// Any other, by name.
    Named(&'static str),
}

/// A complete policy.
#[derive(Clone, Debug)]
pub struct Policy {}

/// Typestate: issuer given, audience missing.
pub struct NeedAudience {}
/// Typestate: type missing.
pub struct NeedType {}
/// Typestate: algorithms missing.
pub struct NeedAlgorithms {}

impl Policy {
    /// Starts with the exact issuer.
    pub fn issuer(_issuer: impl Into<String>) -> NeedAudience {
        todo!()
    }
    /// Clock difference tolerated, 0 to 60 s; more is cut to 60. Default 0.
    pub fn leeway(self, _leeway: Duration) -> Self {
        todo!()
    }
    /// Maximum token size in bytes; default 64 KiB.
    pub fn max_bytes(self, _max: usize) -> Self {
        todo!()
    }
    /// For `id_token_hint` only (OIDC RP-Initiated Logout 2): expiry is not judged.
    pub fn expired_is_fine(self) -> Self {
        todo!()
    }
}

impl NeedAudience {
    /// One of these audiences must be named by the token.
    pub fn audience<S: Into<String>>(self, _any_of: impl IntoIterator<Item = S>) -> NeedType {
        todo!()
    }
    /// No audience rule: for the issuer's own userinfo and introspection, where every audience of this
    /// issuer is due.
    pub fn any_audience(self) -> NeedType {
        todo!()
    }
}

impl NeedType {
    /// The one kind of token due.
    pub fn token_type(self, _typ: TokenType) -> NeedAlgorithms {
        todo!()
    }
}

impl NeedAlgorithms {
    /// The algorithms due; the key's own must be among them.
    pub fn algorithms(self, _algs: &[Algorithm]) -> Policy {
        todo!()
    }
}
