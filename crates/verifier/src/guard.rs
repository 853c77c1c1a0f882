//! What a route asks for: a verified token, scopes, roles, a recent or strong enough sign-in, and how fresh
//! the knowledge of revocations must be. The last step of [`crate::check`].

use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::staleness::{CRITICAL, OnStale, Terms};
use crate::verifier::Verifier;
use http::request::Parts;
use std::sync::Arc;
use std::time::Duration;

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
    acr: Vec<String>,
    max_age: Option<Duration>,
    terms: Terms,
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

    /// The person must have proven who they are in one of these ways (`acr`); otherwise 401
    /// `insufficient_user_authentication`, which tells the client what to ask the issuer for (RFC 9470).
    pub fn acr<S: Into<String>>(self, any_of: impl IntoIterator<Item = S>) -> Self {
        self.with(|rule| rule.acr.extend(any_of.into_iter().map(Into::into)))
    }

    /// The person must have proven who they are at most this many seconds ago (`auth_time`); told as
    /// [`Self::acr`] is. A token without `auth_time`, as machines have, is refused.
    pub fn max_age(self, seconds: u64) -> Self {
        self.with(|rule| rule.max_age = Some(Duration::from_secs(seconds)))
    }

    /// What happens here while the revocation feed is older than the hard bound. Default: as the verifier
    /// was built, which is [`OnStale::Closed`] unless said otherwise.
    pub fn on_stale(self, on_stale: OnStale) -> Self {
        self.with(|rule| rule.terms.on_stale = Some(on_stale)).noted()
    }

    /// The hard bound of this route: how old the knowledge of revocations may get.
    pub fn max_staleness(self, hard: Duration) -> Self {
        self.with(|rule| rule.terms.hard = Some(hard)).noted()
    }

    /// A route where a revoked token must not work a moment longer than it can be helped: the hard bound is
    /// 5 s, and beyond it nobody is let in.
    pub fn critical(self) -> Self {
        self.with(|rule| rule.terms = Terms { on_stale: Some(OnStale::Closed), hard: Some(CRITICAL) }).noted()
    }

    /// Acknowledgements name what routes do when the feed is stale.
    fn noted(self) -> Self {
        self.verifier.inner.feed.note(self.rule.terms);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Rule)) -> Self {
        change(Arc::make_mut(&mut self.rule));
        self
    }

    /// Verifies the request's token and holds it against what is asked for.
    pub async fn check(&self, request: &Parts) -> Result<Identity, Refusal> {
        let identity = self.verifier.inner.request(request, self.rule.terms).await?;
        self.allows(&identity)?;
        Ok(identity)
    }

    /// Holds an identity against what is asked for: scopes first, then roles, then how and when the person
    /// signed in. What is in force of revocations is not asked again.
    pub fn allows(&self, identity: &Identity) -> Result<(), Refusal> {
        let Rule { scopes, roles, any_role, .. } = &*self.rule;
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
            None => self.signed_in_well(identity),
        }
    }

    fn signed_in_well(&self, identity: &Identity) -> Result<(), Refusal> {
        let Rule { acr, max_age, .. } = &*self.rule;
        let claims = identity.claims();
        let strong = acr.is_empty() || claims.acr.as_ref().is_some_and(|held| acr.contains(held));
        let recent = max_age.is_none_or(|age| {
            let Some(at) = claims.auth_time else { return false };
            let now = self.verifier.inner.clock.now() - self.verifier.inner.leeway;
            now <= countersign_token::Timestamp::from_seconds(at) + age
        });
        if strong && recent {
            return Ok(());
        }
        Err(Refusal::InsufficientAuthentication {
            acr_values: acr.clone(),
            max_age: max_age.map(|age| age.as_secs()),
        })
    }

    /// The verifier behind it.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}
