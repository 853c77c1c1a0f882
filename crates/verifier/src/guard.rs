//! What a route asks for: a verified token, scopes, roles. The last step of [`crate::check`].

use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::verifier::Verifier;
use http::request::Parts;
use std::sync::Arc;

/// A verifier with what one route, or a group of them, asks for. A tower layer; cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard {
    verifier: Verifier,
    rule: Arc<Rule>,
}

#[derive(Debug, Clone, Default)]
struct Rule {
    scopes: Vec<String>,
    roles: Vec<String>,
    any_role: Vec<Vec<String>>,
}

impl Guard {
    pub(crate) fn new(verifier: Verifier) -> Self {
        Self { verifier, rule: Arc::default() }
    }

    /// The token must carry this scope, and every other one asked for.
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.with(|rule| rule.scopes.push(scope.into()))
    }

    /// The subject must hold this role, and every other one asked for.
    pub fn role(self, role: impl Into<String>) -> Self {
        self.with(|rule| rule.roles.push(role.into()))
    }

    /// The subject must hold at least one of these roles. An empty list lets nobody in.
    pub fn any_role<S: Into<String>>(self, roles: impl IntoIterator<Item = S>) -> Self {
        self.with(|rule| rule.any_role.push(roles.into_iter().map(Into::into).collect()))
    }

    fn with(mut self, change: impl FnOnce(&mut Rule)) -> Self {
        change(Arc::make_mut(&mut self.rule));
        self
    }

    /// Verifies the request's token and holds it against what is asked for.
    pub async fn check(&self, request: &Parts) -> Result<Identity, Refusal> {
        let identity = self.verifier.verify_request(request).await?;
        self.allows(&identity)?;
        Ok(identity)
    }

    /// Holds an identity against what is asked for: scopes first, then roles.
    pub fn allows(&self, identity: &Identity) -> Result<(), Refusal> {
        let Rule { scopes, roles, any_role } = &*self.rule;
        let missing: Vec<String> = scopes.iter().filter(|s| !identity.has_scope(s)).cloned().collect();
        if !missing.is_empty() {
            return Err(Refusal::MissingScope { required: scopes.clone(), missing });
        }
        let missing: Vec<String> = roles.iter().filter(|r| !identity.has_role(r)).cloned().collect();
        if !missing.is_empty() {
            return Err(Refusal::MissingRole { all_of: missing, any_of: Vec::new() });
        }
        match any_role.iter().find(|group| !group.iter().any(|r| identity.has_role(r))) {
            Some(group) => Err(Refusal::MissingRole { all_of: Vec::new(), any_of: group.clone() }),
            None => Ok(()),
        }
    }

    /// The verifier behind it.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}
