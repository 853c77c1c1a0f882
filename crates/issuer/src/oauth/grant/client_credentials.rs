//! `client_credentials` (RFC 6749 4.4): a client acts for itself. The store is not asked for each: the
//! client, the resources and the rules are the directory's.

use super::{Ask, Grant};
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::model::{Client, Scopes};
use crate::oauth::issue::Granted;
use crate::oauth::{client_sign_in, target};
use async_trait::async_trait;

/// The grant.
pub(super) struct ClientCredentials;

#[async_trait]
impl Grant for ClientCredentials {
    async fn run(&self, ask: &Ask<'_>) -> Result<Granted> {
        let granted = decide(ask.issuer, ask.client, ask.scope.as_ref(), &ask.resources).await?;
        client_sign_in::note(ask.issuer, ask.client, ask.ip).await;
        Ok(granted)
    }
}

/// What the client gets, for itself.
pub(crate) async fn decide(
    issuer: &Issuer,
    client: &Client,
    scope: Option<&Scopes>,
    resources: &[&str],
) -> Result<Granted> {
    // RFC 6749 4.4: confidential clients only.
    if client.is_public() {
        return Err(rejected(Code::UnauthorizedClient, "a public client cannot act for itself"));
    }
    let now = issuer.store.cached_now();
    let known = issuer.directory.resources_for(client).await?;
    let audiences = target::resources(client, resources, &known)?;
    // What is about a person has no meaning without one (OIDC Core 3.1.2.1, 11).
    let scopes =
        target::scopes(client, scope, &audiences, &known)?.filter(|s| !target::IDENTITY.contains(&s));
    if scopes.is_empty() && scope.is_some() {
        return Err(rejected(Code::InvalidScope, "no scope asked for is open to this client"));
    }
    Ok(Granted { now, person: None, scopes, audiences, nonce: None, refresh_token: None })
}
