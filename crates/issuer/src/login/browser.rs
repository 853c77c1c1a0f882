//! From proofs to a browser session: the SSO cookie.

use super::{Asked, Caller, Policy, Proof, Purpose, Step, next};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{Actor, BrowserSession, BrowserSessionId, Digest, EventDraft, EventKind, Secret};
use crate::oauth::authorize::Visitor;
use crate::port::At;
use crate::port::browser_session::{LiveBrowser, SignIn, SignedIn};
use crate::revocation;
use std::time::Duration;

/// Length of a cookie's value: 32 bytes in base64url.
const COOKIE: usize = 43;
/// Uses are noted this often.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// A session just made or renewed, with its new cookie value.
#[derive(Debug)]
pub struct Fresh {
    /// The cookie's value: 32 random bytes, base64url.
    pub cookie: Secret,
    /// The session.
    pub session: BrowserSession,
}

/// Signs the browser in. The cookie value changes at every login; the session of the same user in this
/// browser goes on under its id, another user's is ended. `invalid_credentials` when the proofs do not
/// suffice, or the account was disabled or its credentials changed since.
pub async fn sign_in(issuer: &Issuer, proofs: &[Proof], visitor: &Visitor, caller: &Caller) -> Result<Fresh> {
    let again = || rejected(Code::InvalidCredentials, "Please sign in again.");
    let Some(proof) = proofs.first() else { return Err(again()) };
    let user = &proof.subject.user;
    let asked = Asked { purpose: Purpose::Browser, flow: visitor.binding.clone() };
    let now = issuer.store.cached_now();
    let Step::Done(authentication) = next(user, proofs, &asked, &Policy::default(), now) else {
        return Err(again());
    };
    let here = visitor.session.as_ref().map(|live| &live.session);
    let (mine, others): (Option<_>, Option<_>) =
        (here.filter(|s| s.user == user.id), here.filter(|s| s.user != user.id));
    let continues = mine.map(|s| s.id.clone());
    let id = continues.clone().unwrap_or_else(|| BrowserSessionId::mint(&*issuer.entropy));
    let cookie = crate::keys::fresh_secret(issuer);
    let event = EventDraft::new(EventKind::LoginSucceeded, Actor::User(user.id.clone()))
        .user(&user.id)
        .browser(&id)
        .with("ip", caller.ip.to_string())
        .with("amr", authentication.amr.join(" "));
    let sign_in = SignIn {
        continues,
        id,
        user: user.id.clone(),
        credential_version: proof.credential_version,
        cookie: Digest::of(cookie.expose()),
        acr: authentication.acr,
        amr: authentication.amr,
        life: issuer.settings.browser_session_ttl,
        device: visitor.device.clone(),
    };
    let until = issuer.longest_token_life().await?;
    match issuer.store.sign_in(sign_in, others.map(|s| s.id.clone()), until, event).await? {
        SignedIn::Done(session, rules) => {
            if !rules.is_empty() {
                revocation::enforce(issuer, &rules).await?;
            }
            Ok(Fresh { cookie, session: *session })
        }
        SignedIn::Refused => Err(again()),
    }
}

/// The live session behind a cookie value.
pub async fn session(issuer: &Issuer, cookie: &str) -> Result<Option<LiveBrowser>> {
    if cookie.len() != COOKIE {
        return Ok(None);
    }
    let At { now, it } = issuer.store.live_browser(&Digest::of(cookie)).await?;
    let Some(live) = it else { return Ok(None) };
    if now.since(live.session.seen_at) >= SEEN_EVERY {
        // A note for the sessions list; the visit does not fail for it.
        if let Err(e) = issuer.store.touch_browser(&live.session.id, now).await {
            tracing::info!(error = %Failure::from(e), "a browser session's use was not noted");
        }
    }
    Ok(Some(live))
}
