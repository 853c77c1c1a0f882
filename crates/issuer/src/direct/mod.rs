//! The direct API for first-party apps: the same login function and the same issuing as the pages.

pub(crate) mod built_in;
mod finish;
pub mod mfa;
pub mod passwordless;
mod wish;

pub(crate) use built_in::{BUILT_IN, built_in};
pub use finish::{Done, Due, Outcome};
pub use wish::Wish;

use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::login::throttle::API_KEY;
use crate::login::{Caller, Purpose, Transaction, password};
use crate::model::{Actor, Client, ClientId, ClientSessionId, EventDraft, EventKind, Origin, Secret};
use crate::oauth::grant::{client_credentials, refresh_token};
use crate::oauth::issue::{self, TokenResponse};
use crate::oauth::{bearer, client_auth, client_sign_in, revoke, target};
use countersign_token::base64url;
use finish::UnderWay;
use std::net::IpAddr;
use std::sync::Arc;

/// `POST /auth/login`.
#[derive(Debug)]
pub struct Login {
    /// E-mail or user name.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// At which client, for what.
    pub wish: Wish,
}

/// The client a call names (or the default), if it may use the direct API; for the CORS answer too.
pub async fn client(issuer: &Issuer, client_id: Option<&str>) -> Result<Arc<Client>> {
    let default = || issuer.settings.direct_clients.first().map_or(BUILT_IN, String::as_str);
    let id = ClientId::parse(client_id.unwrap_or_else(default));
    let client = match &id {
        Some(id) => client_auth::find(issuer, id).await?,
        None => None,
    };
    let client = client.ok_or_else(|| rejected(Code::InvalidClient, "the client is unknown"))?;
    may_be_direct(&client)?;
    Ok(client)
}

/// `unauthorized_client`: it signs nobody in without a browser.
pub(crate) fn may_be_direct(client: &Client) -> Result<(), Rejected> {
    if client.metadata.direct {
        return Ok(());
    }
    Err(Rejected::new(Code::UnauthorizedClient, "the client may not use the direct API"))
}

/// Signs in, or answers a partial token when a second factor is due.
pub async fn login(issuer: &Issuer, ask: Login, caller: &Caller) -> Result<Outcome> {
    let aim = ask.wish.aim(issuer).await?;
    let flow = base64url::encode(issuer.entropy.bytes::<16>());
    let proof = password::prove(issuer, &ask.username, ask.password, Purpose::Direct, &flow, caller).await?;
    let under_way = UnderWay::begin(issuer, Transaction::of(proof), &aim);
    finish::finish(issuer, under_way, aim, refused, caller).await
}

fn refused() -> Failure {
    // The words of a wrong password: nobody is told that it was right.
    rejected(Code::InvalidCredentials, "The name or the password is wrong.")
}

/// `POST /auth/refresh`: the client is the session row's. Answers it for CORS.
pub async fn refresh(
    issuer: &Issuer,
    refresh_token: &str,
    ip: IpAddr,
) -> (Option<Arc<Client>>, Result<TokenResponse>) {
    let client = match of_refresh_token(issuer, refresh_token).await {
        Ok((client, _)) => client,
        Err(failure) => return (None, Err(failure)),
    };
    let answer = async {
        let granted = refresh_token::refresh(issuer, &client, refresh_token, None, &[], ip).await?;
        issue::tokens(issuer, &client, granted).await
    };
    let answer = answer.await;
    (Some(client), answer)
}

/// The client of the session a good refresh token names, without using the token: cookie calls check the
/// page's origin before anything happens. `None`: no such token or session.
pub async fn client_of(issuer: &Issuer, refresh_token: &str) -> Result<Option<Arc<Client>>> {
    match of_refresh_token(issuer, refresh_token).await {
        Ok((client, _)) => Ok(Some(client)),
        Err(Failure::Rejected(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The client and session of a refresh token that may come without client authentication: of a direct
/// login, or a public client's. A confidential client's token needs the client (RFC 6749 6).
async fn of_refresh_token(issuer: &Issuer, token: &str) -> Result<(Arc<Client>, ClientSessionId)> {
    let gone = || rejected(Code::InvalidGrant, "the refresh token is invalid, expired or revoked");
    let named = refresh_token::named(issuer, token).ok_or_else(gone)?;
    let (session, _) = issuer.store.client_session(named.sid).await?.it.ok_or_else(gone)?;
    let client = client_auth::find(issuer, &session.client).await?.ok_or_else(gone)?;
    may_be_direct(&client)?;
    if session.origin != Origin::Direct && !client.is_public() {
        return Err(gone());
    }
    Ok((client, session.id))
}

/// `POST /auth/logout` by refresh token or access token: the client session ends. Unknown tokens:
/// `invalid_token`.
pub async fn logout(issuer: &Issuer, token: &str, ip: IpAddr) -> (Option<Arc<Client>>, Result<()>) {
    let (client, sid) = match of_either_token(issuer, token).await {
        Ok(found) => found,
        Err(failure) => return (None, Err(failure)),
    };
    let ended = revoke::end_session(issuer, &client, sid, ip).await;
    (Some(client), ended)
}

async fn of_either_token(issuer: &Issuer, token: &str) -> Result<(Arc<Client>, ClientSessionId)> {
    let unknown = || rejected(Code::InvalidToken, "the token is unknown, expired or revoked");
    if refresh_token::named(issuer, token).is_some() {
        return of_refresh_token(issuer, token).await.map_err(|failure| match failure {
            Failure::Rejected(r) if r.code == Code::InvalidGrant => unknown(),
            other => other,
        });
    }
    let claims = bearer::access_token(issuer, token).await?.it.claims;
    let sid = claims.sid.as_deref().and_then(ClientSessionId::parse).ok_or_else(unknown)?;
    let id = ClientId::parse(&claims.client_id).ok_or_else(unknown)?;
    let client = client_auth::find(issuer, &id).await?.ok_or_else(unknown)?;
    may_be_direct(&client)?;
    Ok((client, sid))
}

/// `POST /api/auth/login`: an API user is a client with a secret (its key); `client_credentials` underneath.
pub async fn api_login(
    issuer: &Issuer,
    username: &str,
    key: &Secret,
    scope: Option<&str>,
    resource: &[String],
    caller: &Caller,
) -> Result<TokenResponse> {
    let now = issuer.store.cached_now();
    let attempt = issuer.throttle.admit(issuer.sealer.mark("api", username), caller.ip, now)?;
    let client = match ClientId::parse(username) {
        Some(id) => client_auth::find(issuer, &id).await?,
        None => None,
    };
    // Made whether or not there is such a client: an unknown one costs the same.
    let shown = [issuer.sealer.client_secret(username, key)];
    let good = client_auth::secret_matches(client.as_deref(), &shown);
    let named = client.as_ref().map(|client| client.id.clone());
    let Some(client) = client.filter(|c| good && c.may_use("client_credentials")) else {
        attempt.failed(now);
        let mut event = EventDraft::new(EventKind::ClientAuthFailed, Actor::Anonymous)
            .with("factor", API_KEY)
            .with("ip", caller.ip.to_string())
            .with("device", caller.device.as_str());
        event.client = named;
        issuer.store.note(event).await?;
        return Err(rejected(Code::InvalidCredentials, "The API user or the key is wrong."));
    };
    attempt.succeeded();
    let scope = target::parse_scope(scope.filter(|s| !s.is_empty()))?;
    let wanted: Vec<&str> = resource.iter().map(String::as_str).collect();
    let granted = client_credentials::decide(issuer, &client, scope.as_ref(), &wanted).await?;
    client_sign_in::note(issuer, &client, caller.ip).await;
    issue::tokens(issuer, &client, granted).await
}
