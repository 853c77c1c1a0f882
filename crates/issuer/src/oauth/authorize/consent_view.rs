//! What the consent page says about a request, for people.

use super::ConsentGroup;
use super::request::Request;
use crate::oauth::target::{IDENTITY, Known};

/// Scopes with a sentence each: first what is about the person, then a group for each resource.
pub(super) fn scopes(request: &Request, known: &Known) -> Vec<ConsentGroup> {
    let owner = |scope: &str| {
        let owners = request.resources.iter().filter_map(|r| known.get(r));
        owners.into_iter().find(|r| r.scopes.contains(scope))
    };
    let mut groups: Vec<ConsentGroup> = Vec::new();
    let (about, apis): (Vec<&str>, Vec<&str>) = request.scopes.iter().partition(|s| IDENTITY.contains(s));
    for scope in about.into_iter().chain(apis) {
        let group = owner(scope)
            .filter(|_| !IDENTITY.contains(&scope))
            .map(|r| r.name.clone().unwrap_or_else(|| r.resource.clone()));
        let line = (scope.to_owned(), sentence(scope).to_owned());
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((group, vec![line])),
        }
    }
    groups
}

fn sentence(scope: &str) -> &str {
    match scope {
        "openid" => "Know who you are here",
        "profile" => "See your name and user name",
        "email" => "See your e-mail address",
        "offline_access" => "Stay connected while you are away",
        other => other,
    }
}

/// Where the answer goes, as people read it: a host, or the scheme of an app.
pub(super) fn host(redirect_uri: &str) -> String {
    match url::Url::parse(redirect_uri) {
        Ok(uri) => uri.host_str().map_or_else(|| format!("{}:", uri.scheme()), str::to_owned),
        Err(_) => redirect_uri.to_owned(),
    }
}
