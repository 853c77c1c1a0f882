//! `revoke`: a token, a session, a user, a client, a key.

use super::{not_found, revoked, shown, users};
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::keys;
use crate::model::{Actor, ClientId, ClientSessionId, EventDraft, EventKind, RuleKind};
use crate::oauth::bearer;
use crate::oauth::grant::refresh_token;
use crate::port::Position;
use countersign_token::Timestamp;

/// What is to be revoked.
#[derive(Clone, Debug)]
pub enum What {
    /// An access or refresh token, whole.
    Token(crate::model::Secret),
    /// One access token by `jti`.
    Jti(String),
    /// A client session by `sid`.
    Session(String),
    /// Everything of a person (id, e-mail or user name): a global sign-out.
    User(String),
    /// Everything of a client.
    Client(String),
    /// A signing key.
    Key(String),
}

/// A revocation that is in force here and published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// What was done, for people.
    pub text: String,
    /// Epoch of the revocation feed.
    pub epoch: u64,
    /// A verifier that has this many rules of that epoch has it ([`crate::revocation::receipt`]).
    pub seq: u64,
    /// When it was asked for, by the store's clock.
    pub at: Timestamp,
}

/// Revokes, and answers when it is published.
pub async fn revoke(issuer: &Issuer, what: What) -> Result<Done> {
    let at = issuer.store.cached_now();
    let (text, log) = act(issuer, what).await?;
    Ok(Done { text, epoch: log.epoch, seq: log.seq, at })
}

async fn act(issuer: &Issuer, what: What) -> Result<(String, Position)> {
    match what {
        What::Token(token) => one_token(issuer, token.expose()).await,
        What::Jti(jti) => {
            if jti.is_empty() || jti.len() > 128 || !jti.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(rejected(Code::InvalidRequest, "A jti is 1 to 128 visible ASCII characters."));
            }
            let until = issuer.store.ping().await? + issuer.longest_token_life().await?;
            by_jti(issuer, &jti, None, until).await
        }
        What::Session(sid) => {
            let id = ClientSessionId::parse(&sid).ok_or_else(|| not_found("session", &sid))?;
            session(issuer, id).await
        }
        What::User(user) => person(issuer, &user).await,
        What::Client(client) => everything_of(issuer, &client).await,
        What::Key(kid) => {
            let log = keys::withdraw(issuer, &kid).await?;
            Ok((format!("Key {} is withdrawn; tokens signed with it are refused.", shown(&kid)), log))
        }
    }
}

fn event(kind: EventKind) -> EventDraft {
    EventDraft::new(kind, Actor::Operator)
}

/// A refresh token ends its session, an access token itself. One that nobody would accept is an error: the
/// operator may have cut it short.
async fn one_token(issuer: &Issuer, token: &str) -> Result<(String, Position)> {
    let token = token.trim();
    if let Some(named) = refresh_token::named(issuer, token) {
        return session(issuer, named.sid).await;
    }
    let good = match bearer::access_token_of_any_resource(issuer, token).await {
        Ok(good) => good.it,
        Err(Failure::Rejected(r)) => {
            let what = "This is not a token that works: expired, revoked, of another issuer, or not whole.";
            let refused = Rejected::new(Code::InvalidToken, what);
            return Err(refused.because(r.private.unwrap_or_default()).into());
        }
        Err(failure) => return Err(failure),
    };
    // A minute more than its life: verifiers may allow that much leeway.
    let until = Timestamp::from_seconds(good.claims.exp.saturating_add(60));
    by_jti(issuer, &good.claims.jti, Some(&good.claims.sub), until).await
}

async fn by_jti(
    issuer: &Issuer,
    jti: &str,
    sub: Option<&str>,
    until: Timestamp,
) -> Result<(String, Position)> {
    let event = event(EventKind::TokenRevoked).with("jti", jti);
    let rule = issuer.store.revoke_token(jti, sub, until, event).await?;
    let log = revoked(issuer, &[rule]).await?;
    Ok((format!("Access token {} is revoked.", shown(jti)), log))
}

async fn session(issuer: &Issuer, id: ClientSessionId) -> Result<(String, Position)> {
    let until = issuer.longest_token_life().await?;
    let event = event(EventKind::ClientSessionEnded).session(id);
    let rules = issuer.store.end_session(id, None, None, until, event).await?;
    let rules = rules.ok_or_else(|| not_found("live session", &id.to_string()))?;
    let log = revoked(issuer, &rules).await?;
    Ok((format!("Session {id} is ended, with its refresh token and access tokens."), log))
}

async fn person(issuer: &Issuer, user: &str) -> Result<(String, Position)> {
    let person = users::find(issuer, user).await?.user;
    let until = issuer.longest_token_life().await?;
    let event = event(EventKind::Revoked).user(&person.id);
    let done = issuer.store.sign_out_user(&person.id, until, event).await?;
    let (_, rules) = done.ok_or_else(|| not_found("user", user))?;
    let log = revoked(issuer, &rules).await?;
    Ok((format!("{} is signed out everywhere; every token is revoked.", shown(&person.email)), log))
}

/// Every access token of a client up to now. Its sessions go on: they get new ones.
async fn everything_of(issuer: &Issuer, client: &str) -> Result<(String, Position)> {
    let id = ClientId::parse(client).ok_or_else(|| not_found("client", client))?;
    if issuer.store.client(&id).await?.is_none() {
        return Err(not_found("client", client));
    }
    let until = issuer.longest_token_life().await?;
    let event = event(EventKind::Revoked).client(&id);
    let rule = issuer.store.revoke_before_now(RuleKind::Cid, id.as_str(), until, event).await?;
    let log = revoked(issuer, &[rule]).await?;
    Ok((format!("Every access token of client {} up to now is revoked.", shown(client)), log))
}
