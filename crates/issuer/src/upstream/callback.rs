//! The way back: state, mix-up, code, tokens, and then whose account it is.

use super::discovery::{self, Metadata};
use super::link::{self, Pending};
use super::request::{self, State};
use super::{Kind, Protocol, Provider, Stop, Trouble, claims, exchange, github};
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::login::{Caller, Proof};
use crate::model::{Actor, EventDraft, EventKind, Factor};
use crate::oauth::authorize::Visitor;
use crate::oauth::params::Params;
use countersign_token::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// How long before the request a fresh proof may lie by the provider's clock.
const CLOCKS: Duration = Duration::from_secs(60);
/// Longest code taken, in bytes.
const LONGEST_CODE: usize = 4 * 1024;

/// Where the browser goes on, and with what.
#[derive(Debug)]
pub struct Landed {
    /// The sealed authorization request it came with.
    pub resume: Option<String>,
    /// The sealed sign-in that was under way.
    pub transaction: Option<String>,
    /// What came of it.
    pub end: End,
}

/// What came of a sign-in elsewhere.
#[derive(Debug)]
pub enum End {
    /// The first proof of a sign-in here.
    Proven(Proof),
    /// Linked to the account of who is signed in.
    Linked,
    /// The person proves an account here first; then this is linked to it. Sealed for this browser.
    ProveFirst(Pending),
    /// Not done; a page says why.
    Trouble(Trouble),
}

/// Takes a provider's answer. Bounded by the limiter: each costs calls to the provider.
pub async fn finish(
    issuer: &Issuer,
    provider: &Provider,
    params: &Params,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<Landed> {
    let now = issuer.store.cached_now();
    let state = params.one("state").ok().flatten().unwrap_or_default();
    let Some((asked_at, state)) = State::open(issuer, provider, &visitor.binding, state, now) else {
        let trouble = Trouble::new(Kind::Expired, "no state of this browser and provider");
        return Ok(Landed { resume: None, transaction: None, end: End::Trouble(trouble) });
    };
    let mark = issuer.sealer.mark("upstream", &visitor.binding);
    let attempt = issuer.throttle.admit_factor(Factor::Upstream, mark, caller.ip, now)?;
    let back = Back { issuer, provider, params, state: &state, asked_at, now };
    let end = match back.whose(visitor, caller).await {
        Ok(end) => {
            attempt.succeeded();
            end
        }
        Err(Stop::Failure(failure)) => return Err(failure),
        Err(Stop::Trouble(trouble)) => {
            attempt.failed(now);
            let event = EventDraft::new(EventKind::LoginFailed, Actor::Anonymous)
                .with("factor", Factor::Upstream.name())
                .with("provider", provider.settings.name.as_str())
                .with("why", trouble.kind.name())
                .with("ip", caller.ip.to_string())
                .with("device", caller.device.as_str());
            if let Err(e) = issuer.store.note(event).await {
                tracing::warn!(error = %e, "a failed sign-in could not be written to the log");
            }
            End::Trouble(trouble)
        }
    };
    if let End::Trouble(trouble) = &end {
        let (provider, kind) = (&provider.settings.name, trouble.kind.name());
        tracing::warn!(provider, kind, detail = trouble.detail, "sign-in with another provider");
    }
    Ok(Landed { resume: state.resume, transaction: state.transaction, end })
}

struct Back<'a> {
    issuer: &'a Issuer,
    provider: &'a Provider,
    params: &'a Params,
    state: &'a State,
    asked_at: Timestamp,
    now: Timestamp,
}

impl Back<'_> {
    async fn whose(&self, visitor: &Visitor, caller: &Caller) -> Result<End, Stop> {
        let metadata = discovery::metadata(self.issuer, self.provider, self.now).await?;
        self.names_the_right_one(&metadata)?;
        self.said_yes()?;
        let code = self.one("code")?.filter(|c| c.len() <= LONGEST_CODE);
        let code = code.ok_or_else(|| Trouble::refused("its answer holds no code"))?;
        let verifier = request::verifier(self.state);
        let (issuer, provider) = (self.issuer, self.provider);
        let tokens = exchange::redeem(issuer, provider, &metadata, code, &verifier, self.now).await?;
        let mut identity = match provider.settings.protocol {
            Protocol::GitHub => github::identity(issuer, provider, &metadata, &tokens.access_token).await?,
            Protocol::OpenId => {
                let nonce = &self.state.nonce;
                let token = exchange::id_token(issuer, provider, &metadata, &tokens, nonce, self.now).await?;
                self.proved_again(token.auth_time)?;
                claims::identity(issuer, provider, &metadata, token, &tokens.access_token).await?
            }
        };
        if identity.name.is_none() {
            identity.name = self.name_beside();
        }
        link::land(issuer, provider, identity, &self.state.intent, visitor, caller).await
    }

    fn one(&self, name: &str) -> Result<Option<&str>, Stop> {
        self.params.one(name).map_err(|e| Trouble::refused(format!("its answer: {e}")).into())
    }

    /// RFC 9207: an answer that another provider made is not taken to this one. That each has a way back of
    /// its own, and the state names it, covers those that do not say.
    fn names_the_right_one(&self, metadata: &Metadata) -> Result<(), Stop> {
        match self.one("iss")? {
            Some(iss) if iss == self.provider.settings.named => Ok(()),
            // Of many tenants, the token's own is judged later.
            Some(_) if self.provider.settings.named.contains("{tenantid}") => Ok(()),
            Some(_) => Err(Trouble::refused("its answer is another provider's (iss)").into()),
            None if metadata.names_itself => {
                Err(Trouble::refused("its answer does not name it (iss)").into())
            }
            None => Ok(()),
        }
    }

    /// RFC 6749 4.1.2.1.
    fn said_yes(&self) -> Result<(), Stop> {
        let Some(error) = self.one("error")? else { return Ok(()) };
        let kind = match error {
            "access_denied"
            | "user_cancelled_authorize"
            | "user_cancelled_login"
            | "login_required"
            | "interaction_required"
            | "consent_required" => Kind::Denied,
            "server_error" | "temporarily_unavailable" => Kind::Unreachable,
            _ => Kind::Misconfigured,
        };
        Err(Trouble::new(kind, format!("it answered {}", super::shown(error))).into())
    }

    /// A fresh proof was asked for: one of before the request is none.
    fn proved_again(&self, auth_time: Option<i64>) -> Result<(), Stop> {
        if !self.state.again {
            return Ok(());
        }
        match auth_time.map(Timestamp::from_seconds) {
            Some(at) if at + CLOCKS >= self.asked_at => Ok(()),
            _ => Err(Trouble::new(Kind::Stale, "its proof is older than the request").into()),
        }
    }

    /// Apple tells the name once, beside the answer, signed by nobody: good enough for a name.
    fn name_beside(&self) -> Option<String> {
        let user: Value = serde_json::from_str(self.params.one("user").ok().flatten()?).ok()?;
        let part = |name: &str| user.get("name")?.get(name)?.as_str().map(str::to_owned);
        let parts: Vec<String> = ["firstName", "lastName"].into_iter().filter_map(part).collect();
        let name = parts.join(" ");
        let judged = claims::Identity::new("x".to_owned(), None, Some(name), serde_json::Map::new());
        judged.ok()?.name
    }
}

/// For handlers: no provider of that name.
pub(crate) fn unknown() -> crate::error::Failure {
    rejected(Code::NotFound, "There is no such provider here.")
}
