//! `/oauth/logout` (OIDC RP-Initiated Logout 1.0).

use super::authorize::Visitor;
use super::params::Params;
use super::{client_auth, id_token_hint};
use crate::Issuer;
use crate::error::{Code, Rejected, Result, rejected};
use crate::model::{Actor, Client, ClientId, EventDraft, EventKind};
use crate::revocation;
use countersign_token::IdToken;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the browser gets.
#[derive(Debug)]
pub enum Next {
    /// No good hint, or one for somebody else: ask first. The page posts `resume` back.
    Confirm {
        /// The sealed request.
        resume: String,
        /// Who asked, when known.
        client: Option<Arc<Client>>,
    },
    /// The session is ended (or there was none): clear the cookie, then go there, or show the signed-out page.
    Done {
        /// Registered `post_logout_redirect_uri` with `state`.
        redirect: Option<String>,
        /// Who asked, when known.
        client: Option<Arc<Client>>,
    },
}

const PURPOSE: &str = "logout";
const LIFE: Duration = Duration::from_secs(600);

/// A request found good.
struct Request {
    client: Option<Arc<Client>>,
    redirect: Option<String>,
    hint: Option<IdToken>,
}

/// Decides. Errors are shown as a page, never by a redirect.
pub async fn logout(issuer: &Issuer, params: &Params, visitor: &Visitor, ip: IpAddr) -> Result<Next> {
    let request = read(issuer, params).await?;
    let signed_in = visitor.session.as_ref().map(|s| s.session.user.as_str());
    match (signed_in, &request.hint) {
        (None, _) => {}
        (Some(user), Some(hint)) if hint.sub == user => end(issuer, visitor, ip).await?,
        // Anybody can send a browser here: without a token of the one signed in, the person is asked (2).
        (Some(_), _) => {
            let plain = serde_json::to_vec(params).map_err(|e| crate::Failure::Bug(e.to_string()))?;
            let now = issuer.store.cached_now();
            let resume = issuer.sealer.blob(PURPOSE, &visitor.binding, now, &plain, &*issuer.entropy);
            return Ok(Next::Confirm { resume, client: request.client });
        }
    }
    Ok(Next::Done { redirect: request.redirect, client: request.client })
}

/// The person confirmed.
pub async fn confirm(issuer: &Issuer, resume: &str, visitor: &Visitor, ip: IpAddr) -> Result<Next> {
    let now = issuer.store.cached_now();
    let params: Params = issuer
        .sealer
        .open_blob(PURPOSE, &visitor.binding, resume)
        .filter(|(made_at, _)| now.since(*made_at) <= LIFE)
        .and_then(|(_, plain)| serde_json::from_slice(&plain).ok())
        .ok_or_else(|| Rejected::new(Code::InvalidRequest, "this page is too old: sign out again"))?;
    let request = read(issuer, &params).await?;
    if visitor.session.is_some() {
        end(issuer, visitor, ip).await?;
    }
    Ok(Next::Done { redirect: request.redirect, client: request.client })
}

async fn read(issuer: &Issuer, params: &Params) -> Result<Request> {
    params.no_repeats()?;
    let hint = match params.one("id_token_hint")? {
        None => None,
        Some(text) => Some(id_token_hint::read(issuer, text).ok_or_else(|| {
            Rejected::new(Code::InvalidRequest, "id_token_hint is not an ID token of this issuer")
        })?),
    };
    let named = params.one("client_id")?;
    let client = match named_client(named, hint.as_ref())? {
        None => None,
        Some(id) => client_auth::find(issuer, &id).await?,
    };
    if named.is_some() && client.is_none() {
        // One that only the hint names may have been removed since: that is no reason to stay signed in.
        return Err(rejected(Code::InvalidClient, "the application is unknown"));
    }
    let wanted = params.one("post_logout_redirect_uri")?;
    let redirect = wanted.map(|uri| redirect(client.as_deref(), uri, params.one("state")?)).transpose()?;
    Ok(Request { client, redirect, hint })
}

/// `client_id` and the hint's audience must not contradict (2). A hint names its client alone.
fn named_client(client_id: Option<&str>, hint: Option<&IdToken>) -> Result<Option<ClientId>, Rejected> {
    let of_hint = hint.and_then(|h| h.aud.0.first()).map(String::as_str);
    if let (Some(named), Some(of_hint)) = (client_id, of_hint)
        && named != of_hint
    {
        return Err(Rejected::new(Code::InvalidRequest, "id_token_hint was issued to another client"));
    }
    let Some(name) = client_id.or(of_hint) else { return Ok(None) };
    let id = ClientId::parse(name)
        .ok_or_else(|| Rejected::new(Code::InvalidClient, "the application is unknown"))?;
    Ok(Some(id))
}

/// Exactly one of those registered (3); `state` is added.
fn redirect(client: Option<&Client>, uri: &str, state: Option<&str>) -> Result<String> {
    let client = client.ok_or_else(|| {
        Rejected::new(Code::InvalidRequest, "post_logout_redirect_uri needs id_token_hint or client_id")
    })?;
    if !client.metadata.post_logout_redirect_uris.iter().any(|u| u == uri) {
        return Err(rejected(Code::InvalidRequest, "post_logout_redirect_uri is not registered"));
    }
    let pairs: Vec<(&str, String)> = state.map(|s| ("state", s.to_owned())).into_iter().collect();
    Ok(super::authorize::with_query(uri, &pairs))
}

async fn end(issuer: &Issuer, visitor: &Visitor, ip: IpAddr) -> Result<()> {
    let Some(live) = &visitor.session else { return Ok(()) };
    let (user, browser) = (&live.session.user, &live.session.id);
    let event = EventDraft::new(EventKind::BrowserSessionEnded, Actor::User(user.clone()))
        .user(user)
        .browser(browser)
        .with("ip", ip.to_string())
        .with("device", visitor.device.as_str());
    let until = issuer.longest_token_life().await?;
    let rules = issuer.store.end_browser(user, browser, until, event).await?;
    revocation::enforce(issuer, &rules.unwrap_or_default()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::fixture::client;
    use countersign_token::Audience;

    #[test]
    fn hint_and_client_must_agree() {
        let hint = IdToken { aud: Audience(vec!["app".to_owned()]), ..IdToken::default() };
        let named = |id, hint: Option<&IdToken>| named_client(id, hint).map(|id| id.map(|id| id.to_string()));
        assert_eq!(named(None, None).unwrap(), None);
        assert_eq!(named(None, Some(&hint)).unwrap().as_deref(), Some("app"));
        assert_eq!(named(Some("app"), Some(&hint)).unwrap().as_deref(), Some("app"));
        assert!(named(Some("other"), Some(&hint)).is_err());
        assert!(named(Some("no space allowed"), None).is_err());
    }

    #[test]
    fn only_registered_addresses() {
        let mut app = client();
        app.metadata.post_logout_redirect_uris = vec!["https://app.example/bye?x=1".to_owned()];
        let to = |uri, state| redirect(Some(&app), uri, state).ok();
        let good = "https://app.example/bye?x=1";
        assert_eq!(to(good, None).as_deref(), Some(good));
        assert_eq!(to(good, Some("a&b")).unwrap(), "https://app.example/bye?x=1&state=a%26b");
        for bad in ["https://app.example/bye", "https://app.example/bye?x=1#", "https://evil.example/"] {
            assert_eq!(to(bad, None), None, "{bad}");
        }
        assert!(redirect(None, good, None).is_err(), "nobody is named");
    }
}
