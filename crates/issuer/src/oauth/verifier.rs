//! Which client is the verifier that acknowledges? One that authenticates with its secret in the header, or
//! shows an access token with the scope `feed:ack`.

use super::params::Params;
use super::{bearer, client_auth};
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::model::{Client, ClientId, Scopes};
use std::net::IpAddr;
use std::sync::Arc;

/// What a token must be granted to acknowledge with it.
pub const SCOPE: &str = "feed:ack";

/// The client. `invalid_client`, `invalid_token` or `insufficient_scope` otherwise; `too_many_attempts` for who
/// guesses secrets. `ip` is the address the request came from.
pub async fn authenticate(issuer: &Issuer, authorization: Option<&str>, ip: IpAddr) -> Result<Arc<Client>> {
    let Some(token) = bearer::from_header(authorization)? else {
        // Public clients are named, not proven; a name alone acknowledges nothing.
        return client_auth::authenticate(issuer, authorization, &Params::default(), ip).await;
    };
    let claims = bearer::access_token(issuer, token).await?.it.claims;
    if !Scopes::from(claims.scope.clone()).contains(SCOPE) {
        return Err(rejected(Code::InsufficientScope, format!("the scope {SCOPE} is needed")));
    }
    let client = match ClientId::parse(&claims.client_id) {
        Some(id) => client_auth::find(issuer, &id).await?,
        None => None,
    };
    client.ok_or_else(|| rejected(Code::InvalidToken, "the client of this token is gone"))
}
