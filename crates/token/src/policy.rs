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

impl TokenType {
    /// The name, without `application/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Id => "JWT",
            Self::Named(name) => strip(name),
        }
    }

    /// Types whose usual header a key knows by heart; see [`crate::VerifyingKey`].
    pub(crate) const USUAL: [Self; 2] = [Self::Access, Self::Id];

    pub(crate) fn accepts(self, typ: Option<&str>) -> bool {
        match typ {
            Some(typ) => strip(typ).eq_ignore_ascii_case(self.name()),
            None => self == Self::Id,
        }
    }
}

/// Without `application/`.
pub(crate) fn strip(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

/// Clock difference that may be tolerated at most.
const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// Compact tokens longer than this are refused unread.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// A complete policy.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) issuer: String,
    /// `None`: every audience is due.
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) typ: TokenType,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) leeway: Duration,
    /// More for `nbf` and `iat`, when that is more.
    pub(crate) early: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) judge_expiry: bool,
}

/// Typestate: issuer given, audience missing.
#[derive(Clone, Debug)]
pub struct NeedAudience {
    issuer: String,
}

/// Typestate: type missing.
#[derive(Clone, Debug)]
pub struct NeedType {
    issuer: String,
    audiences: Option<Vec<String>>,
}

/// Typestate: algorithms missing.
#[derive(Clone, Debug)]
pub struct NeedAlgorithms {
    issuer: String,
    audiences: Option<Vec<String>>,
    typ: TokenType,
}

impl Policy {
    /// Starts with the exact issuer.
    ///
    /// ```compile_fail
    /// use countersign_token::{Algorithm, Policy, TokenType};
    /// // no audience rule: does not compile
    /// let policy = Policy::issuer("https://id.example").token_type(TokenType::Access).algorithms(&[Algorithm::Es256]);
    /// ```
    ///
    /// ```
    /// use countersign_token::{Algorithm, Policy, TokenType};
    /// let policy = Policy::issuer("https://id.example")
    ///     .audience(["https://api.example"])
    ///     .token_type(TokenType::Access)
    ///     .algorithms(&[Algorithm::Es256, Algorithm::Ed25519]);
    /// ```
    pub fn issuer(issuer: impl Into<String>) -> NeedAudience {
        NeedAudience { issuer: issuer.into() }
    }

    /// Clock difference tolerated, 0 to 60 s; more is cut to 60. Default 0.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway: leeway.min(MAX_LEEWAY), ..self }
    }

    /// How far ahead `nbf` and `iat` may lie, 0 to 60 s, when that is more than the leeway; more is cut to 60.
    /// Default 0. A token made on a machine whose clock goes a little ahead is no attack; one used after
    /// its end is, so `exp` does not move.
    #[must_use]
    pub fn early(self, early: Duration) -> Self {
        Self { early: early.min(MAX_LEEWAY), ..self }
    }

    /// Maximum token size in bytes; default 64 KiB.
    #[must_use]
    pub fn max_bytes(self, max: usize) -> Self {
        Self { max_bytes: max, ..self }
    }

    /// For `id_token_hint` only (OIDC RP-Initiated Logout 2): expiry is not judged. It must still be
    /// there and be a number.
    #[must_use]
    pub fn expired_is_fine(self) -> Self {
        Self { judge_expiry: false, ..self }
    }
}

impl NeedAudience {
    /// One of these audiences must be named by the token.
    pub fn audience<S: Into<String>>(self, any_of: impl IntoIterator<Item = S>) -> NeedType {
        NeedType { issuer: self.issuer, audiences: Some(any_of.into_iter().map(Into::into).collect()) }
    }

    /// No audience rule: for the issuer's own userinfo and introspection, where every audience of this
    /// issuer is due. The token must still name one.
    pub fn any_audience(self) -> NeedType {
        NeedType { issuer: self.issuer, audiences: None }
    }
}

impl NeedType {
    /// The one kind of token due.
    pub fn token_type(self, typ: TokenType) -> NeedAlgorithms {
        NeedAlgorithms { issuer: self.issuer, audiences: self.audiences, typ }
    }
}

impl NeedAlgorithms {
    /// The algorithms due; the key's own must be among them.
    pub fn algorithms(self, algs: &[Algorithm]) -> Policy {
        Policy {
            issuer: self.issuer,
            audiences: self.audiences,
            typ: self.typ,
            algorithms: algs.to_vec(),
            leeway: Duration::ZERO,
            early: Duration::ZERO,
            max_bytes: MAX_BYTES,
            judge_expiry: true,
        }
    }
}
