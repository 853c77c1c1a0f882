//! From proofs to a browser session: the SSO cookie.

use super::device::{self, Known};
use super::flow::{adds, begins, unproven};
use super::{Asked, Caller, Policy, Proof, Purpose, Step, Transaction, next_within_reach};
use crate::Issuer;
use crate::account::factors;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::session::Authentication;
use crate::model::{
    Account, Acr, Actor, BrowserSession, BrowserSessionId, Digest, EventDraft, EventKind, Factor, Secret,
    UserId,
};
use crate::oauth::authorize::Visitor;
use crate::port::At;
use crate::port::browser_session::{LiveBrowser, SignIn, SignedIn};
use crate::revocation;
use countersign_token::Timestamp;
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
    /// Value of the device's cookie, which now names this person too.
    pub device: Secret,
    /// The session.
    pub session: BrowserSession,
}

/// What is asked of a browser's sign-in beside the policy.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The level wanted.
    pub acr: Acr,
    /// The level that will do where the wanted one is out of reach of what the person has set up.
    pub enough: Acr,
    /// Earlier proofs count from then on only; `None`: all of the live session's.
    pub since: Option<Timestamp>,
    /// The house's demands, as the client's and its own settings have them.
    pub policy: Policy,
}

impl Demand {
    /// The house's own, for a sign-in without a client.
    pub fn of_house(issuer: &Issuer) -> Self {
        Self { acr: Acr::One, enough: Acr::One, since: None, policy: issuer.settings.login.clone() }
    }

    /// Of a page that changes ways to sign in ([`crate::account::factors::fresh_enough`]): two factors of
    /// whoever has two, and lately. `begun_at`: when the page was asked for.
    pub fn of_change(issuer: &Issuer, begun_at: Timestamp) -> Self {
        // Half of the time is left for the change itself, or it would be asked for again on arrival.
        let since = Some(begun_at - factors::FRESH / 2);
        Self { acr: Acr::Two, since, ..Self::of_house(issuer) }
    }
}

/// What a browser's sign-in came to.
#[derive(Debug)]
pub enum Turn {
    /// Signed in.
    SignedIn(Box<Fresh>),
    /// The sign-in there is suffices, and nothing new was proven: go on. Nothing was written.
    Enough,
    /// Nothing counts yet: one of these first.
    Begin(Vec<Factor>),
    /// One of these is still due.
    NeedFactor(Vec<Factor>),
    /// The person sets up one of these first.
    Enrol(Vec<Factor>),
    /// The person has nothing to reach it with, and may set up nothing that would.
    OutOfReach,
}

/// Decides what is missing, and signs the browser in when nothing is and something new was proven. The cookie
/// value changes at every login; the session of the same user in this browser goes on under its id, another
/// user's is ended. `invalid_credentials` when nothing was proven, or the account was disabled or its
/// credentials changed since.
pub async fn turn(
    issuer: &Issuer,
    transaction: &Transaction,
    demand: &Demand,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<Turn> {
    match judge(issuer, transaction, demand, visitor, caller).await? {
        Judged::Missing(turn) => Ok(turn),
        Judged::Proven(signing_in) => {
            let fresh = sign_in(issuer, transaction, *signing_in, visitor, caller).await?;
            Ok(Turn::SignedIn(Box::new(fresh)))
        }
    }
}

/// What [`turn`] would say, and writes nothing: [`Turn::Enough`] where it would sign in.
pub async fn look(
    issuer: &Issuer,
    transaction: &Transaction,
    demand: &Demand,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<Turn> {
    match judge(issuer, transaction, demand, visitor, caller).await? {
        Judged::Missing(turn) => Ok(turn),
        Judged::Proven(_) => Ok(Turn::Enough),
    }
}

enum Judged {
    Missing(Turn),
    Proven(Box<SigningIn>),
}

async fn judge(
    issuer: &Issuer,
    transaction: &Transaction,
    demand: &Demand,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<Judged> {
    let again = || rejected(Code::InvalidCredentials, "Please sign in again.");
    let here = visitor.session.as_ref().map(|live| &live.session);
    let who = transaction.user().or(here.map(|s| &s.user)).ok_or_else(again)?;
    let At { now, it } = issuer.store.account(who).await?;
    let account = it.ok_or_else(again)?;
    let mine = here.filter(|s| s.user == *who);
    let known_device = device::known(issuer, &caller.devices, who).await?;
    let asked = Asked {
        purpose: Purpose::Browser,
        flow: visitor.binding.clone(),
        acr: demand.acr,
        held: mine.map(|s| s.authentication.proven()).unwrap_or_default(),
        since: demand.since,
        known_device: known_device.is_some_and(|known| known.vouches()),
    };
    let turn = match next_within_reach(&account, transaction, &asked, demand.enough, &demand.policy, now) {
        // Who has the cookie proves nothing by it: a session that goes on as it is would never end, and a
        // stolen one would make the thief's device a known one.
        Step::Done(_) if !adds(&account, transaction, &asked, &demand.policy, now) => Turn::Enough,
        Step::Done(authentication) => {
            let signing_in = SigningIn { account, authentication, known_device, now };
            return Ok(Judged::Proven(Box::new(signing_in)));
        }
        Step::NeedFactor(_) if transaction.user().is_none() && mine.is_none() => return Err(again()),
        Step::NeedFactor(ways) | Step::Enrol(ways) if ways.is_empty() => Turn::OutOfReach,
        Step::Enrol(_) if unproven(&account, transaction, &asked, &demand.policy, now) => Turn::OutOfReach,
        Step::NeedFactor(due) if begins(&account, transaction, &asked, &demand.policy, now) => {
            Turn::Begin(due)
        }
        Step::NeedFactor(due) => Turn::NeedFactor(due),
        Step::Enrol(ways) => Turn::Enrol(ways),
        Step::Refused(why) => {
            tracing::info!(why, "sign-in refused after a good proof");
            return Err(again());
        }
    };
    Ok(Judged::Missing(turn))
}

/// Remembers the language (BCP 47) a person signed in in, for mails.
pub async fn speaks(issuer: &Issuer, user: &UserId, lang: &str) -> Result<()> {
    if issuer.store.locale(user).await?.as_deref() != Some(lang) {
        issuer.store.set_locale(user, lang).await?;
    }
    Ok(())
}

/// As [`turn`], where what is proven must suffice.
pub async fn complete(issuer: &Issuer, proof: Proof, visitor: &Visitor, caller: &Caller) -> Result<Fresh> {
    let transaction = Transaction::of(proof);
    match turn(issuer, &transaction, &Demand::of_house(issuer), visitor, caller).await? {
        Turn::SignedIn(fresh) => Ok(*fresh),
        Turn::Enough | Turn::Begin(_) | Turn::NeedFactor(_) | Turn::Enrol(_) | Turn::OutOfReach => {
            Err(rejected(Code::InvalidCredentials, "Please sign in again."))
        }
    }
}

/// All that [`next`] found enough.
struct SigningIn {
    account: Account,
    authentication: Authentication,
    known_device: Option<Known>,
    now: Timestamp,
}

async fn sign_in(
    issuer: &Issuer,
    transaction: &Transaction,
    with: SigningIn,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<Fresh> {
    let again = || rejected(Code::InvalidCredentials, "Please sign in again.");
    let user = &with.account.subject.user;
    let here = visitor.session.as_ref().map(|live| &live.session);
    let (mine, others): (Option<_>, Option<_>) =
        (here.filter(|s| s.user == user.id), here.filter(|s| s.user != user.id));
    let continues = mine.map(|s| s.id.clone());
    let minted = || BrowserSessionId::mint(&*issuer.entropy);
    let id = continues.clone().or_else(|| transaction.session().cloned()).unwrap_or_else(minted);
    let cookie = crate::keys::fresh_secret(issuer);
    let event = EventDraft::new(EventKind::LoginSucceeded, Actor::User(user.id.clone()))
        .user(&user.id)
        .browser(&id)
        .with("ip", caller.ip.to_string())
        .with("amr", with.authentication.amr.join(" "));
    let (device, seen) = device::seen(issuer, user, with.known_device.as_ref(), caller, with.now).await?;
    let sign_in = SignIn {
        continues,
        id,
        user: user.id.clone(),
        credential_version: transaction.credential_version().unwrap_or(user.credential_version),
        cookie: Digest::of(cookie.expose()),
        authentication: with.authentication,
        life: issuer.settings.browser_session_ttl,
        device: visitor.device.clone(),
        seen: Some(seen),
    };
    let until = issuer.longest_token_life().await?;
    match issuer.store.sign_in(sign_in, others.map(|s| s.id.clone()), until, event).await? {
        SignedIn::Done(session, rules) => {
            if !rules.is_empty() {
                revocation::enforce(issuer, &rules).await?;
            }
            Ok(Fresh { cookie, device, session: *session })
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
