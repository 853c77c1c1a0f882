//! `client apply/list/show/remove/rotate-secret`: RFC 7591 metadata as it stands, and ours.

mod brand;
mod document;

use super::{not_found, objects, revoked, settled};
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::keys;
use crate::model::{Actor, Client, ClientId, EventDraft, EventKind, Secret};
use countersign_token::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// What `apply` did with one client.
#[derive(Debug)]
pub struct Applied {
    /// As it is now.
    pub client: Client,
    /// It is new.
    pub created: bool,
    /// Things an operator should know (a short secret, an ignored wish).
    pub warnings: Vec<String>,
}

/// Creates or updates clients from one object or an array; all or none. `invalid_client_metadata` or
/// `invalid_redirect_uri` names the member and what to write instead; unknown members are errors.
///
/// The document is the whole client: a member left out goes back to its default. Only the secret stays
/// when it is left out.
pub async fn apply(issuer: &Issuer, document: &Value) -> Result<Vec<Applied>> {
    let mut applied: Vec<Applied> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, object) in objects(document, "client")?.into_iter().enumerate() {
        let here = |r: Rejected| named(r, object.get("client_id"), at);
        let id = document::client_id(object).map_err(here)?;
        if !seen.insert(id.clone()) {
            return Err(here(document::invalid("client_id stands in the document twice")).into());
        }
        let before = issuer.store.client(&id).await?;
        let had = before.as_ref().map(|c| c.secrets.as_slice()).unwrap_or_default();
        let parsed = document::parse(object, !had.is_empty()).map_err(here)?;
        let mut warnings = parsed.warnings;
        let secrets = match (&parsed.secret, parsed.confidential) {
            (_, false) => Vec::new(),
            (Some(secret), true) => vec![issuer.sealer.client_secret(id.as_str(), secret)],
            // The one made last: an older one ends with this.
            (None, true) => had.first().copied().into_iter().collect(),
        };
        let known = issuer.directory.resources().await?;
        let named = parsed.metadata.resources.iter().chain(&parsed.metadata.introspects);
        for resource in named.filter(|r| !known.contains_key(*r)) {
            warnings.push(format!(
                "resource {} does not exist yet: make it with resource apply",
                super::shown(resource)
            ));
        }
        // `updated_at` is the store's to set.
        let client = Client { id, metadata: parsed.metadata, secrets, updated_at: Timestamp::default() };
        applied.push(Applied { client, created: before.is_none(), warnings });
    }
    // Every document is good: now something may be written.
    for alg in applied.iter().filter_map(|a| a.client.metadata.id_token_signed_response_alg) {
        keys::ensure(issuer, alg).await?;
    }
    let event = |a: &Applied| {
        EventDraft::new(EventKind::ClientApplied, Actor::Operator)
            .client(&a.client.id)
            .with("created", a.created)
    };
    let events = applied.iter().map(event).collect();
    issuer.store.apply_clients(applied.iter().map(|a| a.client.clone()).collect(), events).await?;
    settled(issuer).await?;
    for one in &mut applied {
        if let Some(client) = issuer.store.client(&one.client.id).await? {
            one.client = client;
        }
    }
    Ok(applied)
}

/// Says which client of the document it is about.
fn named(mut r: Rejected, id: Option<&Value>, at: usize) -> Rejected {
    let who = match id.and_then(Value::as_str) {
        Some(id) => format!("client {}", super::shown(id)),
        None => format!("client number {}", at + 1),
    };
    r.public = format!("{who}: {}", r.public).into();
    r
}

/// A page of them.
pub async fn list(issuer: &Issuer, page: crate::port::Page) -> Result<Vec<Client>> {
    Ok(issuer.store.list_clients(page).await?)
}

async fn find(issuer: &Issuer, id: &str) -> Result<Client> {
    let found = match ClientId::parse(id) {
        Some(id) => issuer.store.client(&id).await?,
        None => None,
    };
    found.ok_or_else(|| not_found("client", id))
}

/// One, as the JSON that `apply` takes (secret left out).
pub async fn show(issuer: &Issuer, id: &str) -> Result<Value> {
    let client = find(issuer, id).await?;
    document::write(&client).map_err(|e| Failure::Bug(format!("client {id} does not write as JSON: {e}")))
}

/// Removes it; its sessions end.
pub async fn remove(issuer: &Issuer, id: &str) -> Result<()> {
    let id = ClientId::parse(id).ok_or_else(|| not_found("client", id))?;
    let until = issuer.longest_token_life().await?;
    let event = EventDraft::new(EventKind::ClientRemoved, Actor::Operator).client(&id);
    let rules = issuer.store.remove_client(&id, until, event).await?;
    revoked(issuer, &rules.ok_or_else(|| not_found("client", id.as_str()))?).await.map(drop)
}

/// Makes a new secret; the old one stays good until the next rotation or `apply`.
pub async fn rotate_secret(issuer: &Issuer, id: &str) -> Result<Secret> {
    let mut client = find(issuer, id).await?;
    if client.is_public() {
        return Err(rejected(
            Code::InvalidRequest,
            "This client is public (token_endpoint_auth_method none) and has no secret.",
        ));
    }
    let secret = keys::fresh_secret(issuer);
    client.secrets.truncate(1);
    client.secrets.insert(0, issuer.sealer.client_secret(client.id.as_str(), &secret));
    let event = EventDraft::new(EventKind::ClientApplied, Actor::Operator)
        .client(&client.id)
        .with("secret", "rotated");
    issuer.store.apply_clients(vec![client], vec![event]).await?;
    settled(issuer).await?;
    Ok(secret)
}
