//! Who a verified token speaks for.

use countersign_token::AccessToken;

/// The bearer of a token that passed every check. Built by a [`crate::Verifier`] only.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    claims: AccessToken,
    kid: Option<String>,
}

impl Identity {
    pub(crate) fn new(claims: AccessToken, kid: Option<String>) -> Self {
        Self { claims, kid }
    }

    /// All claims.
    pub fn claims(&self) -> &AccessToken {
        &self.claims
    }

    /// The key that signed the token.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `sub`: a user, or the client itself where no user is involved.
    pub fn subject(&self) -> &str {
        &self.claims.sub
    }

    /// The client the token was issued to.
    pub fn client_id(&self) -> &str {
        &self.claims.client_id
    }

    /// A client that acts for itself (RFC 9068 2.2: `sub` is then the client id).
    pub fn is_machine(&self) -> bool {
        self.claims.sub == self.claims.client_id
    }

    /// Scopes granted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims.scope.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether a scope was granted. Exact and case-sensitive (RFC 6749 3.3).
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// Whether the subject holds a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.claims.roles.iter().any(|held| held == role)
    }
}
