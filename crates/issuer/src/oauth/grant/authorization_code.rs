//! `authorization_code` (RFC 6749 4.1.3, RFC 7636 4.5): a code is spent and its client session made in one
//! transaction, before anything is minted.

use super::refresh_token;
use super::{Ask, Grant};
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result};
use crate::model::{
    Actor, AuthorizationCode as Code_, Client, ClientSession, ClientSessionId, Digest, EventDraft, EventKind,
    Origin,
};
use crate::oauth::issue::{self, Granted};
use crate::oauth::target;
use crate::port::Redeemed;
use crate::revocation;
use async_trait::async_trait;
use countersign_token::{Timestamp, base64url};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// The grant.
pub(super) struct AuthorizationCode;

/// What the request shows beside the code.
struct Shown<'a> {
    redirect_uri: Option<&'a str>,
    verifier: Option<&'a str>,
}

/// What a code comes to before it is spent.
#[derive(PartialEq, Eq, Debug)]
enum Decision {
    /// Spend it.
    Redeem,
    /// It was spent before: revoke what came of it.
    Replayed,
    /// No; nothing is written. For the log.
    Refuse(&'static str),
}

#[async_trait]
impl Grant for AuthorizationCode {
    async fn run(&self, ask: &Ask<'_>) -> Result<Granted> {
        let Ask { issuer, client, params, .. } = *ask;
        let digest = Digest::of(params.required("code")?);
        let shown =
            Shown { redirect_uri: params.one("redirect_uri")?, verifier: params.one("code_verifier")? };
        let found = issuer.store.code(&digest).await?;
        let code = found.it.ok_or_else(|| refused("unknown code"))?;
        match decide(&code, client, &shown, found.now) {
            Decision::Redeem => {}
            Decision::Replayed => return Err(replayed(issuer, client, &digest, ask.ip).await),
            Decision::Refuse(why) => return Err(refused(why)),
        }
        let known = issuer.directory.resources_for(client).await?;
        let audiences = target::narrow(client, &ask.resources, &code.resources, &known)?;
        target::algorithm(&audiences)?;
        target::reached(&audiences, &code.authentication)?;
        // RFC 6749 4.1.3 knows no scope here; one that is sent may narrow this token, never widen.
        let scopes = match &ask.scope {
            Some(asked) if !asked.within(&code.scopes) => {
                return Err(Rejected::new(Code::InvalidScope, "wider than what was granted").into());
            }
            asked => narrowed(client, asked.as_ref().unwrap_or(&code.scopes), &audiences, &known)?,
        };
        // A code must not be lost to a revocation of this second.
        let subject = issuer.directory.subject(&code.user).await?.it;
        if let Some(subject) = subject.filter(|s| s.user.is_active()) {
            issue::wait_out(issuer, client, &subject, found.now)?;
        }
        let session = session(issuer, client, &code);
        let (now, subject) = redeem(issuer, client, &digest, &session, ask.ip).await?;
        let refresh_token = refresh_token::current(issuer, &session)?;
        Ok(Granted {
            now,
            person: Some((subject, Box::new(session))),
            scopes,
            audiences,
            nonce: code.nonce,
            refresh_token,
        })
    }
}

fn narrowed(
    client: &Client,
    scopes: &crate::model::Scopes,
    audiences: &[std::sync::Arc<crate::model::Resource>],
    known: &target::Known,
) -> Result<crate::model::Scopes, Rejected> {
    if scopes.is_empty() {
        Ok(scopes.clone())
    } else {
        target::scopes(client, Some(scopes), audiences, known)
    }
}

fn refused(why: &'static str) -> Failure {
    Rejected::new(Code::InvalidGrant, "the code is invalid, expired, spent or not for this request")
        .because(why)
        .into()
}

fn session(issuer: &Issuer, client: &Client, code: &Code_) -> ClientSession {
    ClientSession {
        id: ClientSessionId::mint(&*issuer.entropy),
        user: code.user.clone(),
        client: client.id.clone(),
        browser: code.browser.clone(),
        origin: Origin::Code,
        scopes: code.scopes.clone(),
        resources: code.resources.clone(),
        authentication: code.authentication.clone(),
        refresh: refresh_token::due(issuer, client, &code.scopes),
        created_at: Timestamp::default(),
        revoked_at: None,
        device: code.device.clone(),
    }
}

async fn redeem(
    issuer: &Issuer,
    client: &Client,
    digest: &Digest,
    session: &ClientSession,
    ip: IpAddr,
) -> Result<(Timestamp, Box<crate::model::Subject>)> {
    let event = EventDraft::new(EventKind::ClientSessionStarted, Actor::User(session.user.clone()))
        .user(&session.user)
        .client(&client.id)
        .session(session.id)
        .with("ip", ip.to_string())
        .with("amr", session.authentication.amr.join(" "));
    let until = issuer.longest_token_life().await?;
    let absolute_for = refresh_token::absolute_for(issuer, client);
    match issuer.store.redeem_code(digest, session.clone(), absolute_for, until, event).await? {
        Redeemed::Done(now, subject) => Ok((now, subject)),
        Redeemed::AlreadySpent(rules) => {
            revocation::enforce(issuer, &rules).await?;
            Err(refused("spent by a request that came first"))
        }
        Redeemed::Gone => Err(refused("expired, or its sign-in has ended")),
    }
}

/// RFC 6749 4.1.2: a code used twice is refused, and what the first use made is revoked.
async fn replayed(issuer: &Issuer, client: &Client, digest: &Digest, ip: IpAddr) -> Failure {
    let event = EventDraft::new(EventKind::CodeReplayed, Actor::Client(client.id.clone()))
        .client(&client.id)
        .with("ip", ip.to_string());
    let until = match issuer.longest_token_life().await {
        Ok(until) => until,
        Err(failure) => return failure,
    };
    match issuer.store.code_replayed(digest, until, event).await {
        Ok(rules) => match revocation::enforce(issuer, &rules).await {
            Ok(_) => refused("spent before"),
            Err(failure) => failure,
        },
        Err(error) => error.into(),
    }
}

fn decide(code: &Code_, client: &Client, shown: &Shown<'_>, now: Timestamp) -> Decision {
    if code.client != client.id {
        return Decision::Refuse("another client's code");
    }
    if code.spent_for.is_some() {
        return Decision::Replayed;
    }
    if now >= code.expires_at {
        return Decision::Refuse("expired");
    }
    if code.redirect_uri.as_deref() != shown.redirect_uri {
        return Decision::Refuse("redirect_uri is not the one of the request");
    }
    match (&code.challenge, shown.verifier) {
        (Some(challenge), Some(verifier)) if verifies(verifier, challenge) => Decision::Redeem,
        (Some(_), Some(_)) => Decision::Refuse("code_verifier does not fit"),
        (Some(_), None) => Decision::Refuse("code_verifier is missing"),
        // RFC 9700 4.8.2: a verifier without a challenge is a downgrade.
        (None, Some(_)) => Decision::Refuse("code_verifier without a challenge"),
        (None, None) => Decision::Redeem,
    }
}

/// RFC 7636 4.1 and 4.6, S256.
fn verifies(verifier: &str, challenge: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let well_formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
    let due = base64url::encode(Digest::of(verifier).0);
    well_formed && bool::from(due.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BrowserSessionId, UserId};
    use crate::oauth::fixture::{NOW, authentication, client, scopes};
    use std::time::Duration;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn code() -> Code_ {
        Code_ {
            digest: Digest([0; 32]),
            client: client().id,
            user: UserId::from_stored("u_ada"),
            browser: Some(BrowserSessionId::from_stored("b_1")),
            redirect_uri: Some("https://app.example/cb".to_owned()),
            challenge: Some(CHALLENGE.to_owned()),
            scopes: scopes("openid"),
            resources: Vec::new(),
            nonce: None,
            authentication: authentication(NOW),
            device: String::new(),
            created_at: NOW,
            expires_at: NOW + Duration::from_secs(60),
            spent_for: None,
        }
    }

    fn refused(code: &Code_, redirect_uri: Option<&str>, verifier: Option<&str>, now: Timestamp) -> bool {
        matches!(decide(code, &client(), &Shown { redirect_uri, verifier }, now), Decision::Refuse(_))
    }

    #[test]
    fn a_code_is_bound_to_everything() {
        let uri = Some("https://app.example/cb");
        let verifier = Some(VERIFIER);
        let good = Shown { redirect_uri: uri, verifier };
        assert_eq!(decide(&code(), &client(), &good, NOW), Decision::Redeem);
        assert!(refused(&code(), uri, verifier, NOW + Duration::from_secs(60)), "expired");
        assert!(refused(&code(), None, verifier, NOW), "redirect_uri left out");
        assert!(refused(&code(), Some("https://app.example/cb/"), verifier, NOW), "another redirect_uri");
        assert!(refused(&code(), uri, None, NOW), "verifier left out");
        assert!(refused(&code(), uri, Some(CHALLENGE), NOW), "the challenge is no verifier");
        assert!(refused(&code(), uri, Some("short"), NOW));
        assert!(refused(&code(), uri, Some(&"a".repeat(129)), NOW));

        let other = Code_ { client: crate::model::ClientId::parse("other").unwrap(), ..code() };
        assert!(refused(&other, uri, verifier, NOW), "another client's");
        let spent = Code_ { spent_for: Some(ClientSessionId([1; 16])), ..code() };
        assert_eq!(decide(&spent, &client(), &good, NOW), Decision::Replayed);
        let late = NOW + Duration::from_secs(600);
        assert_eq!(decide(&spent, &client(), &good, late), Decision::Replayed, "also after its end");
        let spent_other = Code_ { spent_for: spent.spent_for, ..other };
        assert!(refused(&spent_other, uri, verifier, NOW), "a stranger cannot end the session");

        let bare = Code_ { challenge: None, ..code() };
        assert!(refused(&bare, uri, verifier, NOW), "a verifier without a challenge");
        assert!(!refused(&bare, uri, None, NOW));
        let implied = Code_ { redirect_uri: None, ..code() };
        assert!(!refused(&implied, None, verifier, NOW));
        assert!(refused(&implied, uri, verifier, NOW));
    }

    #[test]
    fn verifiers_have_a_form() {
        assert!(verifies(VERIFIER, CHALLENGE));
        let odd = format!("{}\u{e9}", "a".repeat(43));
        for bad in [&VERIFIER[1..], &format!("{VERIFIER} "), &odd, ""] {
            let challenge = base64url::encode(Digest::of(bad).0);
            assert!(!verifies(bad, &challenge), "{bad}");
        }
    }
}
