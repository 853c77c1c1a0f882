//! Who a verified token speaks for.

use countersign_token::AccessToken;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// The bearer of a token that passed every check. Built by a [`crate::Verifier`] only. Cheap to clone: clones
/// share the claims.
#[derive(Clone)]
pub struct Identity {
    known: Arc<Replica>,
}

/// One counter of a cache line of its own over the same claims: threads that take the same token from the
/// cache count on different lines.
#[repr(align(64))]
struct Replica(Arc<Known>);

struct Known {
    claims: AccessToken,
    kid: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("claims", self.claims()).field("kid", &self.kid()).finish()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.claims() == other.claims() && self.kid() == other.kid()
    }
}

impl Identity {
    pub(crate) fn new(claims: AccessToken, kid: Option<String>) -> Self {
        Self { known: Arc::new(Replica(Arc::new(Known { claims, kid }))) }
    }

    /// The same, counted elsewhere.
    pub(crate) fn replica(&self) -> Self {
        Self { known: Arc::new(Replica(Arc::clone(&self.known.0))) }
    }

    /// All claims.
    pub fn claims(&self) -> &AccessToken {
        &self.known.0.claims
    }

    /// The key that signed the token.
    pub fn kid(&self) -> Option<&str> {
        self.known.0.kid.as_deref()
    }

    /// `sub`: a user, or the client itself where no user is involved.
    pub fn subject(&self) -> &str {
        &self.claims().sub
    }

    /// The client the token was issued to.
    pub fn client_id(&self) -> &str {
        &self.claims().client_id
    }

    /// A client that acts for itself (RFC 9068 2.2: `sub` is then the client id).
    pub fn is_machine(&self) -> bool {
        self.claims().sub == self.claims().client_id
    }

    /// Scopes granted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims().scope.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether a scope was granted. Exact and case-sensitive (RFC 6749 3.3).
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// Whether the subject holds a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.claims().roles.iter().any(|held| held == role)
    }

    /// What the token is bound to (`cnf`, RFC 7800), if it is: then the token alone proves nothing.
    pub fn confirmation(&self) -> Option<&Value> {
        self.claims().more.get("cnf")
    }
}
