//! `/oauth/token`: the phases every grant shares (parse, client authentication, may this client use this
//! grant, scope and resource, run, write), and the table of grants. A grant fills its own hooks and cannot
//! skip a phase.

mod authorization_code;
pub(crate) mod client_credentials;
pub(crate) mod refresh_token;

use super::issue::{Granted, TokenResponse};
use super::params::Params;
use super::{client_auth, issue, target};
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::model::{Client, Scopes};
use async_trait::async_trait;
use std::net::IpAddr;
use std::sync::Arc;

/// What the shared phases found out.
pub(crate) struct Ask<'a> {
    /// Where.
    pub(crate) issuer: &'a Issuer,
    /// Authenticated, and allowed to use the grant.
    pub(crate) client: &'a Client,
    /// As they came.
    pub(crate) params: &'a Params,
    /// `scope`, well-formed.
    pub(crate) scope: Option<Scopes>,
    /// `resource` (RFC 8707).
    pub(crate) resources: Vec<&'a str>,
    /// The address it came from.
    pub(crate) ip: IpAddr,
}

/// What a grant does by itself: decide, and write through one port method. Minting is not its business.
#[async_trait]
pub(crate) trait Grant: Sync {
    /// Decides and writes.
    async fn run(&self, ask: &Ask<'_>) -> Result<Granted>;
}

/// One row a grant.
const GRANTS: &[(&str, &dyn Grant)] = &[
    ("authorization_code", &authorization_code::AuthorizationCode),
    ("refresh_token", &refresh_token::RefreshToken),
    ("client_credentials", &client_credentials::ClientCredentials),
];

/// Their names, for metadata.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    GRANTS.iter().map(|(name, _)| *name)
}

/// Answers a token request. The client, once known, is answered for CORS.
pub async fn token(
    issuer: &Issuer,
    authorization: Option<&str>,
    params: &Params,
    ip: IpAddr,
) -> (Option<Arc<Client>>, Result<TokenResponse>) {
    let client = match client_auth::authenticate(issuer, authorization, params, ip).await {
        Ok(client) => client,
        Err(refused) => return (None, Err(refused)),
    };
    let answer = answer(issuer, &client, params, ip).await;
    (Some(client), answer)
}

async fn answer(issuer: &Issuer, client: &Client, params: &Params, ip: IpAddr) -> Result<TokenResponse> {
    params.no_repeats()?;
    let name = params.required("grant_type")?;
    let Some((name, grant)) = GRANTS.iter().find(|(known, _)| *known == name) else {
        return Err(rejected(Code::UnsupportedGrantType, "this grant_type is not supported"));
    };
    if !client.may_use(name) {
        return Err(rejected(Code::UnauthorizedClient, "the client is not registered for this grant_type"));
    }
    let scope = target::parse_scope(params.one("scope")?)?;
    let resources = params.many("resource");
    let granted = grant.run(&Ask { issuer, client, params, scope, resources, ip }).await?;
    issue::tokens(issuer, client, granted).await
}
