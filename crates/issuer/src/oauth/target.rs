//! What a token may be for: the scopes and audiences asked for, against what the client is registered
//! for, what the resources define and what the person's roles hold. Pure.

use crate::error::{Code, Rejected};
use crate::model::{Client, Resource, Scopes, Subject};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All resources, by identifier.
pub(crate) type Known = BTreeMap<String, Arc<Resource>>;

/// Scopes about the person, which belong to no resource (OIDC Core 5.4 and 11).
pub(crate) const IDENTITY: &[&str] = &["openid", "profile", "email", "offline_access"];

/// Reads the `scope` parameter.
pub(crate) fn parse_scope(text: Option<&str>) -> Result<Option<Scopes>, Rejected> {
    let Some(text) = text else { return Ok(None) };
    let scopes = Scopes::parse(text)
        .filter(|s| !s.is_empty())
        .ok_or_else(|| Rejected::new(Code::InvalidScope, "the scope is malformed or names too many"))?;
    Ok(Some(scopes))
}

/// The audiences of a grant (RFC 8707 2): those asked for, each of which must be known and registered for
/// the client; none asked for: the client's own list, in its order. Empty: the issuer is the audience.
pub(crate) fn resources(
    client: &Client,
    asked: &[&str],
    known: &Known,
) -> Result<Vec<Arc<Resource>>, Rejected> {
    let registered = &client.metadata.resources;
    if asked.is_empty() {
        return Ok(registered.iter().filter_map(|r| known.get(r).cloned()).collect());
    }
    let mut out: Vec<Arc<Resource>> = Vec::with_capacity(asked.len());
    for name in asked {
        let found = known.get(*name).filter(|_| registered.iter().any(|r| r == name));
        let found = found.ok_or_else(|| {
            Rejected::new(Code::InvalidTarget, "a resource asked for is unknown or not for this client")
        })?;
        if !out.iter().any(|r| r.resource == found.resource) {
            out.push(found.clone());
        }
    }
    Ok(out)
}

/// The audiences of one token out of those granted before (RFC 8707 2.2): each one asked for must have
/// been granted; all of them must still be known and registered.
pub(crate) fn narrow(
    client: &Client,
    asked: &[&str],
    granted: &[String],
    known: &Known,
) -> Result<Vec<Arc<Resource>>, Rejected> {
    if asked.is_empty() {
        let registered = |r: &&String| client.metadata.resources.contains(r);
        let out: Vec<_> = granted.iter().filter(registered).filter_map(|r| known.get(r).cloned()).collect();
        if out.is_empty() && !granted.is_empty() {
            return Err(Rejected::new(Code::InvalidTarget, "the resources granted are not there any more"));
        }
        return Ok(out);
    }
    if asked.iter().any(|a| !granted.iter().any(|g| g == a)) {
        return Err(Rejected::new(Code::InvalidTarget, "a resource asked for was not granted"));
    }
    resources(client, asked, known)
}

/// The scopes of a grant: requested (all the client has, when none are), allowed to the client, and not
/// those of a resource that is not an audience. `invalid_scope` when nothing is left of what was asked.
pub(crate) fn scopes(
    client: &Client,
    asked: Option<&Scopes>,
    audiences: &[Arc<Resource>],
    known: &Known,
) -> Result<Scopes, Rejected> {
    let allowed = &client.metadata.scope;
    let fits = |scope: &str| -> bool {
        if scope == "offline_access" && !client.may_use("refresh_token") {
            return false; // OIDC Core 11: ignored when no refresh token can come of it
        }
        IDENTITY.contains(&scope)
            || audiences.iter().any(|r| r.scopes.contains(scope))
            || !known.values().any(|r| r.scopes.contains(scope))
    };
    match asked {
        None => Ok(allowed.filter(|s| s != "offline_access" && fits(s))),
        Some(asked) => {
            let out = asked.filter(|s| allowed.contains(s) && fits(s));
            if out.is_empty() {
                return Err(Rejected::new(Code::InvalidScope, "no scope asked for is open to this client"));
            }
            Ok(out)
        }
    }
}

/// Of these scopes, those the person may use there: a scope that an audience marks `by_role` must be held
/// through a role at every audience that marks it.
pub(crate) fn held(scopes: &Scopes, subject: &Subject, audiences: &[Arc<Resource>]) -> Scopes {
    scopes.filter(|scope| {
        audiences.iter().filter(|a| a.by_role.contains(scope)).all(|a| {
            subject.roles.iter().any(|role| role.grants.get(&a.resource).is_some_and(|g| g.contains(scope)))
        })
    })
}

/// Names of the roles that say anything about these audiences.
pub(crate) fn roles<'a>(subject: &'a Subject, audiences: &[Arc<Resource>]) -> Vec<&'a str> {
    let touching = |role: &&Arc<crate::model::Role>| audiences.iter().any(|a| role.touches(&a.resource));
    subject.roles.iter().filter(touching).map(|role| role.name.as_str()).collect()
}
