//! What happens when the verifier's knowledge of revocations is old.

use std::time::Duration;

/// Bound of a critical route.
pub(crate) const CRITICAL: Duration = Duration::from_secs(5);

/// What a route does with tokens while the revocation feed is older than the hard bound. Below it every route
/// decides by the rules it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnStale {
    /// Lets nobody in: 503 with `Retry-After`. A revoked token is then never accepted longer than the bound.
    #[default]
    Closed,
    /// Lets in tokens issued less than this long ago (by `iat`); the others get 503. Rules that are known
    /// are applied as ever.
    Open {
        /// The greatest age of a token.
        younger_than: Duration,
    },
    /// Asks the issuer about each token (RFC 7662), with the credentials of [`crate::Builder::introspection`];
    /// where that cannot be had, 503.
    Introspect,
}

/// What one route, or the verifier itself, has decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// `None`: as the verifier does.
    pub(crate) on_stale: Option<OnStale>,
    /// `None`: as the verifier does.
    pub(crate) hard: Option<Duration>,
}

impl Terms {
    /// These, where they decide, else those.
    pub(crate) fn or(self, general: Self) -> Self {
        Self { on_stale: self.on_stale.or(general.on_stale), hard: self.hard.or(general.hard) }
    }
}
