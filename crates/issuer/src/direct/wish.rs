//! What a sign-in is asked for: by which client, for which scopes and audiences. Decided when it begins, and
//! carried along sealed, so that whoever finishes it gets no more.

use super::client;
use crate::Issuer;
use crate::error::Result;
use crate::model::{Client, ClientId, Resource, Scopes};
use crate::oauth::target;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// As a caller says it. Each member left out is the client's own.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Default: first of `direct_clients`.
    pub client_id: Option<String>,
    /// Scopes.
    pub scope: Option<String>,
    /// Audiences (RFC 8707).
    pub resource: Vec<String>,
    /// The refresh token goes into a cookie: the page that finishes must be the client's.
    pub cookie: bool,
}

/// A wish that was looked at, between two calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    client: ClientId,
    scopes: Scopes,
    resources: Vec<String>,
    cookie: bool,
}

/// A wish that can be granted now.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) client: Arc<Client>,
    pub(super) scopes: Scopes,
    pub(super) audiences: Vec<Arc<Resource>>,
    pub(super) cookie: bool,
}

impl Wish {
    /// Nothing but what the default client gets anyhow.
    pub(super) async fn is_plain(&self, issuer: &Issuer, aim: &Aim) -> Result<bool> {
        let own = self.scope.is_some() || !self.resource.is_empty() || self.cookie;
        Ok(!own && client(issuer, None).await.is_ok_and(|default| default.id == aim.client.id))
    }

    /// Refused before anything costs a hash or a mail, if it cannot be granted.
    pub(super) async fn aim(&self, issuer: &Issuer) -> Result<Aim> {
        let client = client(issuer, self.client_id.as_deref()).await?;
        let known = issuer.directory.resources_for(&client).await?;
        let wanted: Vec<&str> = self.resource.iter().map(String::as_str).collect();
        let audiences = target::resources(&client, &wanted, &known)?;
        target::algorithm(&audiences)?;
        let scope = target::parse_scope(self.scope.as_deref().filter(|s| !s.is_empty()))?;
        let scopes = target::scopes(&client, scope.as_ref(), &audiences, &known)?;
        Ok(Aim { client, scopes, audiences, cookie: self.cookie })
    }
}

impl Kept {
    /// Was cookie mode asked for?
    pub(super) fn cookie(&self) -> bool {
        self.cookie
    }

    /// Looks again: the client may be gone or may no more by now, and so may an audience or a scope of it.
    pub(super) async fn aim(&self, issuer: &Issuer) -> Result<Aim> {
        let client = client(issuer, Some(self.client.as_str())).await?;
        let known = issuer.directory.resources_for(&client).await?;
        let audiences = target::narrow(&client, &[], &self.resources, &known)?;
        target::algorithm(&audiences)?;
        let scopes = match self.scopes.is_empty() {
            true => Scopes::default(),
            false => target::scopes(&client, Some(&self.scopes), &audiences, &known)?,
        };
        Ok(Aim { client, scopes, audiences, cookie: self.cookie })
    }
}

impl Aim {
    /// To be sealed.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            client: self.client.id.clone(),
            scopes: self.scopes.clone(),
            resources: self.audiences.iter().map(|r| r.resource.clone()).collect(),
            cookie: self.cookie,
        }
    }
}
