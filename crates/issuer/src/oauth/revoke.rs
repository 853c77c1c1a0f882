//! `/oauth/revoke` (RFC 7009): refresh token: its client session ends; access token: rule `jti`. Unknown
//! tokens are fine; another client's are refused.

use super::grant::refresh_token;
use super::params::Params;
use super::{bearer, client_auth};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{Actor, Client, ClientSessionId, EventDraft, EventKind};
use crate::revocation;
use countersign_token::{AccessToken, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

/// Revokes. The client, once known, is answered for CORS.
pub async fn revoke(
    issuer: &Issuer,
    authorization: Option<&str>,
    params: &Params,
    ip: IpAddr,
) -> (Option<Arc<Client>>, Result<()>) {
    let client = match client_auth::authenticate(issuer, authorization, params, ip).await {
        Ok(client) => client,
        Err(refused) => return (None, Err(refused)),
    };
    let done = of_client(issuer, &client, params, ip).await;
    (Some(client), done)
}

async fn of_client(issuer: &Issuer, client: &Client, params: &Params, ip: IpAddr) -> Result<()> {
    params.no_repeats()?;
    let token = params.required("token")?;
    // `token_type_hint` is not needed: the forms of the two kinds cannot be taken for each other.
    if let Some(named) = refresh_token::named(issuer, token) {
        return match issuer.store.client_session(named.sid).await?.it {
            Some((session, _)) if session.client != client.id => Err(not_yours()),
            Some(_) => end_session(issuer, client, named.sid, ip).await,
            None => Ok(()),
        };
    }
    match bearer::access_token(issuer, token).await {
        Ok(good) if good.it.claims.client_id != client.id.as_str() => Err(not_yours()),
        Ok(good) => one_token(issuer, client, &good.it.claims, ip).await,
        Err(Failure::Rejected(_)) => not_ours_to_judge(issuer, token).await,
        Err(failure) => Err(failure),
    }
}

/// RFC 7009 2.2: a token that is not valid any more needs no revoking. One under a resource's own secret is
/// no proof here, since the resource could have made it; the client is told that nothing happened (2.2.1).
async fn not_ours_to_judge(issuer: &Issuer, token: &str) -> Result<()> {
    match bearer::access_token_of_any_resource(issuer, token).await {
        Ok(_) => Err(rejected(Code::UnsupportedTokenType, "tokens under a shared secret end by expiry")),
        Err(Failure::Rejected(_)) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// RFC 7009 2.1: the request is refused and the client told.
fn not_yours() -> Failure {
    rejected(Code::InvalidGrant, "the token was issued to another client")
}

/// Ends a client session, with its refresh token and every access token of it.
pub(crate) async fn end_session(
    issuer: &Issuer,
    client: &Client,
    sid: ClientSessionId,
    ip: IpAddr,
) -> Result<()> {
    let event = EventDraft::new(EventKind::ClientSessionEnded, Actor::Client(client.id.clone()))
        .client(&client.id)
        .session(sid)
        .with("ip", ip.to_string());
    let until = issuer.longest_token_life().await?;
    let rules = issuer.store.end_session(sid, Some(&client.id), None, until, event).await?;
    revocation::enforce(issuer, &rules.unwrap_or_default()).await.map(drop)
}

async fn one_token(issuer: &Issuer, client: &Client, claims: &AccessToken, ip: IpAddr) -> Result<()> {
    let event = EventDraft::new(EventKind::TokenRevoked, Actor::Client(client.id.clone()))
        .client(&client.id)
        .with("jti", claims.jti.as_str())
        .with("ip", ip.to_string());
    // A minute more than its life: verifiers may allow that much leeway.
    let until = Timestamp::from_seconds(claims.exp.saturating_add(60));
    let rule = issuer.store.revoke_token(&claims.jti, Some(&claims.sub), until, event).await?;
    revocation::enforce(issuer, &[rule]).await.map(drop)
}
