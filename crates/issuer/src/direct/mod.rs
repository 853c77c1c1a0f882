//! The direct API for first-party apps: the same login function and the same issuing as the pages.

pub(crate) mod built_in;

pub(crate) use built_in::{BUILT_IN, built_in};

use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::login::{Asked, Caller, Policy, Proof, Purpose, Step, Transaction, flow, password};
use crate::model::session::Authentication;
use crate::model::{
    Actor, Client, ClientId, ClientSession, ClientSessionId, EventDraft, EventKind, Origin, Secret,
};
use crate::oauth::grant::{client_credentials, refresh_token};
use crate::oauth::issue::{self, Granted, TokenResponse};
use crate::oauth::{bearer, client_auth, revoke, target};
use crate::port::At;
use countersign_token::{Timestamp, base64url};
use std::sync::Arc;

/// `POST /auth/login`.
#[derive(Debug)]
pub struct Login {
    /// E-mail or user name.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// Default: first of `direct_clients`.
    pub client_id: Option<String>,
    /// Default: the client's.
    pub scope: Option<String>,
    /// Default: the client's.
    pub resource: Vec<String>,
}

/// Seconds a proof is good for within one call.
const PROOF_LIFE: u32 = 60;

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

fn may_be_direct(client: &Client) -> Result<(), Rejected> {
    if client.metadata.direct {
        return Ok(());
    }
    Err(Rejected::new(Code::UnauthorizedClient, "the client may not use the direct API"))
}

/// Signs in.
pub async fn login(issuer: &Issuer, ask: Login, caller: &Caller) -> Result<TokenResponse> {
    let client = client(issuer, ask.client_id.as_deref()).await?;
    // A wish that cannot be granted is refused before a password costs a hash.
    let known = issuer.directory.resources_for(&client).await?;
    let wanted: Vec<&str> = ask.resource.iter().map(String::as_str).collect();
    let audiences = target::resources(&client, &wanted, &known)?;
    target::algorithm(&audiences)?;
    let scope = target::parse_scope(ask.scope.as_deref().filter(|s| !s.is_empty()))?;
    let scopes = target::scopes(&client, scope.as_ref(), &audiences, &known)?;

    let asked = Asked::plain(Purpose::Direct, &base64url::encode(issuer.entropy.bytes::<16>()));
    let proof =
        password::prove(issuer, &ask.username, ask.password, asked.purpose, &asked.flow, caller).await?;
    let authentication = complete(issuer, &proof, &asked).await?;
    issue::wait_out(issuer, &client, proof.subject(), proof.proven.at)?;
    built_in::ensure_row(issuer, &client).await?;

    let session = ClientSession {
        id: ClientSessionId::mint(&*issuer.entropy),
        user: proof.user.clone(),
        client: client.id.clone(),
        browser: None,
        origin: Origin::Direct,
        refresh: refresh_token::due(issuer, &client, &scopes),
        scopes,
        resources: audiences.iter().map(|r| r.resource.clone()).collect(),
        authentication,
        created_at: Timestamp::default(),
        revoked_at: None,
        device: caller.device.clone(),
    };
    let event = EventDraft::new(EventKind::ClientSessionStarted, Actor::User(proof.user.clone()))
        .user(&proof.user)
        .client(&client.id)
        .session(session.id)
        .with("ip", caller.ip.to_string());
    let absolute_for = refresh_token::absolute_for(issuer, &client);
    let started =
        issuer.store.start_session(session.clone(), proof.credential_version, absolute_for, event).await?;
    // Disabled, or the password changed, since the proof.
    let started = started.ok_or_else(refused)?;
    let refresh_token = refresh_token::current(issuer, &session)?;
    let granted = Granted {
        now: started.now,
        scopes: session.scopes.clone(),
        audiences,
        nonce: None,
        refresh_token,
        person: Some((Box::new(started.it), Box::new(session))),
    };
    issue::tokens(issuer, &client, granted).await
}

fn refused() -> Failure {
    // The words of a wrong password: nobody is told that it was right.
    rejected(Code::InvalidCredentials, "The name or the password is wrong.")
}

async fn complete(issuer: &Issuer, proof: &Proof, asked: &Asked) -> Result<Authentication> {
    let policy = Policy { proof_life: PROOF_LIFE, ..issuer.settings.login.clone() };
    let At { now, it } = issuer.store.account(&proof.user).await?;
    let account = it.ok_or_else(refused)?;
    match flow::next(&account, &Transaction::of(proof.clone()), asked, &policy, now) {
        Step::Done(authentication) => Ok(authentication),
        Step::NeedFactor(_) | Step::Enrol(_) => Err(refused()),
        Step::Refused(why) => {
            tracing::info!(why, "direct login refused after a good proof");
            Err(refused())
        }
    }
}

/// `POST /auth/refresh`: the client is the session row's. Answers it for CORS.
pub async fn refresh(issuer: &Issuer, refresh_token: &str) -> (Option<Arc<Client>>, Result<TokenResponse>) {
    let client = match of_refresh_token(issuer, refresh_token).await {
        Ok((client, _)) => client,
        Err(failure) => return (None, Err(failure)),
    };
    let answer = async {
        let granted = refresh_token::refresh(issuer, &client, refresh_token, None, &[]).await?;
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
pub async fn logout(issuer: &Issuer, token: &str) -> (Option<Arc<Client>>, Result<()>) {
    let (client, sid) = match of_either_token(issuer, token).await {
        Ok(found) => found,
        Err(failure) => return (None, Err(failure)),
    };
    let ended = revoke::end_session(issuer, &client, sid).await;
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
    let Some(client) = client.filter(|c| good && c.may_use("client_credentials")) else {
        attempt.failed(now);
        let event = EventDraft::new(EventKind::LoginFailed, Actor::Anonymous)
            .with("ip", caller.ip.to_string())
            .with("device", caller.device.as_str());
        issuer.store.note(event).await?;
        return Err(rejected(Code::InvalidCredentials, "The API user or the key is wrong."));
    };
    attempt.succeeded();
    let scope = target::parse_scope(scope.filter(|s| !s.is_empty()))?;
    let wanted: Vec<&str> = resource.iter().map(String::as_str).collect();
    let granted = client_credentials::decide(issuer, &client, scope.as_ref(), &wanted).await?;
    issue::tokens(issuer, &client, granted).await
}
