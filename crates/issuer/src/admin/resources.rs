//! `resource apply/list/show/remove`.

use super::invisible::{self, Joiners};
use super::{level, nearest, not_found, objects, settled, shown};
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result};
use crate::keys::{self, secret_identity};
use crate::model::{Actor, EventDraft, EventKind, Resource, Scopes, Sealed, Secret};
use countersign_token::Algorithm;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const MEMBERS: [&str; 9] = [
    "resource",
    "name",
    "scopes",
    "access_token_ttl",
    "signing_alg",
    "by_role",
    "status_list",
    "acr",
    "secret",
];
/// RFC 7518 3.2: as long as the hash.
const SHORTEST_SECRET: usize = 32;
const LONGEST_SECRET: usize = 1024;
/// A day: a revocation rule lives as long as the longest token.
const LONGEST_TTL: u64 = 24 * 60 * 60;
/// Scopes about the person, not about an API (OIDC Core 5.4, 11).
const RESERVED: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/// What `apply` did with one resource.
#[derive(Debug)]
pub struct Applied {
    /// As it is now.
    pub resource: Resource,
    /// It is new.
    pub created: bool,
    /// HS256 without a `secret` in the document: the one made for it, shown this once. Its UTF-8 bytes are
    /// the key.
    pub secret: Option<Secret>,
}

/// Creates or updates resources from one object or an array; all or none. `invalid_client_metadata` names
/// the member and what to write instead.
///
/// The document is the whole resource. Only the secret stays when it is left out.
pub async fn apply(issuer: &Issuer, document: &Value) -> Result<Vec<Applied>> {
    let kept = issuer.store.list_resources().await?;
    let mut applied: Vec<Applied> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, object) in objects(document, "resource")?.into_iter().enumerate() {
        let here = |r: Rejected| named(r, object.get("resource"), at);
        let (mut resource, given) = parse(object, &issuer.settings.issuer).map_err(here)?;
        if !seen.insert(resource.resource.clone()) {
            return Err(here(invalid("it stands in the document twice")).into());
        }
        let before = kept.iter().find(|r| r.resource == resource.resource);
        let mut made = None;
        if resource.signing_alg == Some(Algorithm::Hs256) {
            resource.secret = match (given, before.and_then(|b| b.secret.clone())) {
                (Some(secret), _) => Some(seal(issuer, &resource.resource, &secret)?),
                (None, Some(kept)) => Some(kept),
                (None, None) => {
                    let secret = keys::fresh_secret(issuer);
                    let sealed = seal(issuer, &resource.resource, &secret)?;
                    made = Some(secret);
                    Some(sealed)
                }
            };
        }
        applied.push(Applied { created: before.is_none(), secret: made, resource });
    }
    // Every document is good: now something may be written.
    for alg in applied.iter().filter_map(|a| a.resource.signing_alg) {
        keys::ensure(issuer, alg).await?;
    }
    // Before the first token of a longer life is made, every rule written must live as long.
    let longest = applied.iter().map(|a| a.resource.ttl(issuer.settings.access_token_ttl)).max();
    issuer.store.token_life(crate::token_life(longest.unwrap_or_default()), false).await?;
    let event = |a: &Applied| {
        EventDraft::new(EventKind::ResourceApplied, Actor::Operator)
            .with("resource", a.resource.resource.as_str())
            .with("created", a.created)
    };
    let events = applied.iter().map(event).collect();
    issuer.store.apply_resources(applied.iter().map(|a| a.resource.clone()).collect(), events).await?;
    settled(issuer).await?;
    Ok(applied)
}

fn seal(issuer: &Issuer, resource: &str, secret: &Secret) -> Result<Sealed> {
    issuer.sealer.seal(&secret_identity(resource), secret.expose().as_bytes(), &*issuer.entropy)
}

fn named(mut r: Rejected, id: Option<&Value>, at: usize) -> Rejected {
    let who = match id.and_then(Value::as_str) {
        Some(id) => format!("resource {}", shown(id)),
        None => format!("resource number {}", at + 1),
    };
    r.public = format!("{who}: {}", r.public).into();
    r
}

fn invalid(what: impl Into<String>) -> Rejected {
    Rejected::new(Code::InvalidClientMetadata, what.into())
}

fn parse(object: &Map<String, Value>, issuer: &str) -> Result<(Resource, Option<Secret>), Rejected> {
    if let Some(name) = object.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(invalid(format!("{} is not known{}", shown(name), nearest(name, MEMBERS))));
    }
    let text = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(invalid(format!("{name} must be a string"))),
    };
    let id = text("resource")?.ok_or_else(|| invalid("resource is missing: the URL or URN of the API"))?;
    identifier(id, issuer).map_err(invalid)?;
    let name = text("name")?;
    if name.is_some_and(|n| n.is_empty() || n.len() > 200 || invisible::first(n, Joiners::Fine).is_some()) {
        return Err(invalid("name must be 1 to 200 bytes without control and invisible characters"));
    }
    let scopes = scopes(object, "scopes")?;
    if let Some(own) = scopes.iter().find(|s| RESERVED.contains(s)) {
        return Err(invalid(format!(
            "scopes: {own} is a scope of OpenID Connect and belongs to no resource"
        )));
    }
    let by_role = self::scopes(object, "by_role")?;
    if let Some(stray) = by_role.iter().find(|s| !scopes.contains(s)) {
        return Err(invalid(format!("by_role: {} is not among scopes", shown(stray))));
    }
    let signing_alg = text("signing_alg")?.map(algorithm).transpose()?;
    let secret = text("secret")?;
    if let Some(secret) = secret {
        if signing_alg != Some(Algorithm::Hs256) {
            return Err(invalid("secret goes with signing_alg HS256 only"));
        }
        if !(SHORTEST_SECRET..=LONGEST_SECRET).contains(&secret.len()) {
            return Err(invalid("secret must be 32 to 1024 bytes long; leave it out and one is made"));
        }
    }
    let resource = Resource {
        resource: id.to_owned(),
        name: name.map(str::to_owned),
        scopes,
        by_role,
        access_token_ttl: ttl(object)?,
        signing_alg,
        status_list: flag(object, "status_list")?,
        acr: text("acr")?.map(level).transpose().map_err(|what| invalid(format!("acr {what}")))?,
        secret: None,
    };
    Ok((resource, secret.map(Secret::new)))
}

/// RFC 8707 2: an absolute URI without a fragment.
fn identifier(id: &str, issuer: &str) -> Result<(), &'static str> {
    if id.is_empty() || id.len() > Resource::MAX_ID || !id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("resource must be 1 to 512 visible ASCII characters");
    }
    if id.contains('#') || url::Url::parse(id).is_err() {
        return Err(
            "resource must be an absolute URI without a fragment, such as https://api.example or urn:example:api",
        );
    }
    if id.trim_end_matches('/') == issuer {
        return Err("resource must not be the issuer, which is the audience of tokens for no resource");
    }
    Ok(())
}

fn scopes(object: &Map<String, Value>, name: &str) -> Result<Scopes, Rejected> {
    let text = match object.get(name) {
        None | Some(Value::Null) => return Ok(Scopes::default()),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let words = words.filter(|w| w.iter().all(|s| !s.is_empty() && !s.contains(' ')));
            words.ok_or_else(|| invalid(format!("{name} must hold words without spaces")))?.join(" ")
        }
        Some(_) => return Err(invalid(format!("{name} must be an array of strings"))),
    };
    Scopes::parse(&text)
        .ok_or_else(|| invalid(format!("{name} must be at most 64 words without quotes and backslashes")))
}

fn ttl(object: &Map<String, Value>) -> Result<Option<u32>, Rejected> {
    let value = match object.get("access_token_ttl") {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_u64().filter(|s| (1..=LONGEST_TTL).contains(s)),
    };
    let value = value.and_then(|s| u32::try_from(s).ok());
    value.map(Some).ok_or_else(|| invalid("access_token_ttl must be 1 to 86400 seconds"))
}

fn flag(object: &Map<String, Value>, name: &str) -> Result<bool, Rejected> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(invalid(format!("{name} must be true or false"))),
    }
}

fn algorithm(name: &str) -> Result<Algorithm, Rejected> {
    match Algorithm::parse(name) {
        Some(alg) if !alg.is_symmetric() || alg == Algorithm::Hs256 => Ok(alg),
        _ => Err(invalid(format!(
            "signing_alg {} is not offered: use ES256, Ed25519, RS256, another asymmetric one, or HS256",
            shown(name)
        ))),
    }
}

/// All.
pub async fn list(issuer: &Issuer) -> Result<Vec<Resource>> {
    Ok(issuer.store.list_resources().await?)
}
/// One.
pub async fn show(issuer: &Issuer, resource: &str) -> Result<Resource> {
    let all = issuer.store.list_resources().await?;
    all.into_iter().find(|r| r.resource == resource).ok_or_else(|| not_found("resource", resource))
}
/// Removes it.
pub async fn remove(issuer: &Issuer, resource: &str) -> Result<(), Failure> {
    let event = EventDraft::new(EventKind::ResourceRemoved, Actor::Operator).with("resource", resource);
    if !issuer.store.remove_resource(resource, event).await? {
        return Err(not_found("resource", resource));
    }
    settled(issuer).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(document: Value) -> Result<(Resource, Option<Secret>), Rejected> {
        parse(document.as_object().unwrap(), "https://id.example")
    }

    #[test]
    fn documents() {
        let (r, secret) = of(json!({
            "resource": "urn:example:api", "name": "API", "scopes": ["read", "write"], "by_role": ["write"],
            "access_token_ttl": 60, "signing_alg": "HS256", "secret": "0123456789abcdef0123456789abcdef",
        }))
        .unwrap();
        assert_eq!((r.scopes.to_string(), r.by_role.to_string()), ("read write".into(), "write".into()));
        assert_eq!((r.access_token_ttl, r.signing_alg), (Some(60), Some(Algorithm::Hs256)));
        assert!(secret.is_some() && r.secret.is_none());
        let (r, _) = of(json!({"resource": "https://api.example/v1", "scopes": "read write"})).unwrap();
        assert_eq!((r.scopes.to_string(), r.signing_alg), ("read write".into(), None));
        assert!(!r.status_list, "tokens stay small unless asked for");
        assert!(of(json!({"resource": "urn:api", "status_list": true})).unwrap().0.status_list);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let with = |member: &str, value: Value| {
            let mut document = json!({"resource": "urn:api", "scopes": ["read"]});
            document[member] = value;
            document
        };
        let refused = [
            (json!({}), "resource is missing"),
            (with("resource", json!("api")), "absolute URI"),
            (with("resource", json!("https://api.example/#x")), "absolute URI"),
            (with("resource", json!("https://id.example/")), "must not be the issuer"),
            (with("resource", json!("urn:a b")), "visible ASCII"),
            (with("scope", json!([])), "did you mean scopes?"),
            (with("scopes", json!([1])), "words"),
            (with("scopes", json!(["a b"])), "words"),
            (with("scopes", json!(["openid"])), "OpenID Connect"),
            (with("by_role", json!(["admin"])), "not among scopes"),
            (with("access_token_ttl", json!(0)), "1 to 86400"),
            (with("access_token_ttl", json!("1h")), "1 to 86400"),
            (with("access_token_ttl", json!(100_000)), "1 to 86400"),
            (with("status_list", json!("yes")), "true or false"),
            (with("signing_alg", json!("HS512")), "not offered"),
            (with("signing_alg", json!("none")), "not offered"),
            (with("secret", json!("0123456789abcdef0123456789abcdef")), "HS256 only"),
            (json!({"resource": "urn:api", "signing_alg": "HS256", "secret": "short"}), "32 to 1024 bytes"),
        ];
        for (document, due) in refused {
            let e = of(document.clone()).err().unwrap_or_else(|| panic!("{document} was taken"));
            assert!(e.public.contains(due), "{document}: {}", e.public);
        }
    }
}
