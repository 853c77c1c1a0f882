//! From proofs to tokens, or to a partial token that is good for the next step only.

use super::built_in;
use super::wish::{Aim, Kept};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Asked, Caller, Policy, Purpose, Step, Transaction, flow, typed};
use crate::model::session::Authentication;
use crate::model::{
    Account, Actor, Client, ClientSession, ClientSessionId, EventDraft, EventKind, Factor, Origin, Proven,
};
use crate::oauth::grant::refresh_token;
use crate::oauth::issue::{self, Granted, TokenResponse};
use crate::port::At;
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const PURPOSE: &str = "direct sign-in";

/// What a call of the direct API came to.
#[derive(Debug)]
pub enum Outcome {
    /// Signed in.
    Done(Box<Done>),
    /// One more factor is due.
    MfaRequired(Due),
}

/// Signed in.
#[derive(Debug)]
pub struct Done {
    /// At which client.
    pub client: Arc<Client>,
    /// The tokens.
    pub tokens: TokenResponse,
    /// The proof that made it two factors, if any.
    pub second: Option<Proven>,
    /// The refresh token goes into a cookie.
    pub cookie: bool,
}

/// One more factor is due.
#[derive(Debug)]
pub struct Due {
    /// At which client.
    pub client: Arc<Client>,
    /// The partial token: no JWT, good for `/auth/mfa/*` only, for ten minutes from the first proof.
    pub token: String,
    /// Any of these will do.
    pub methods: Vec<Factor>,
}

/// A sign-in between two calls: what a partial token holds.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UnderWay {
    pub(super) transaction: Transaction,
    wish: Kept,
    /// The session it becomes. The store makes a session of an id once, so a partial token leads to one
    /// session at most, however often and by whatever codes it is finished.
    session: String,
    /// The factor a code was sent for last.
    pub(super) challenged: Option<Factor>,
}

impl UnderWay {
    /// By its first proof.
    pub(super) fn begin(issuer: &Issuer, transaction: Transaction, aim: &Aim) -> Self {
        let session = ClientSessionId::mint(&*issuer.entropy).to_string();
        Self { transaction, wish: aim.kept(), session, challenged: None }
    }

    /// Opens a partial token. `invalid_token`: altered, too old, or something else.
    pub(super) fn open(issuer: &Issuer, token: &str, now: Timestamp) -> Result<Self> {
        let opened = issuer.sealer.open_blob(PURPOSE, "", token);
        let read = opened.and_then(|(_, plain)| serde_json::from_slice::<Self>(&plain).ok());
        let ours = |u: &Self| matches!(u.transaction.purpose(), Purpose::Direct | Purpose::DirectFlow);
        let live = read.filter(|u| u.transaction.is_live(now) && ours(u));
        live.ok_or_else(start_again)
    }

    /// The partial token.
    pub(super) fn seal(&self, issuer: &Issuer) -> Result<String> {
        let plain = serde_json::to_vec(self).map_err(|e| Failure::Bug(e.to_string()))?;
        let begun = self.transaction.begun_at();
        Ok(issuer.sealer.blob(PURPOSE, "", begun, &plain, &*issuer.entropy))
    }

    /// What it was asked for, as far as that may still be.
    pub(super) async fn aim(&self, issuer: &Issuer) -> Result<Aim> {
        self.wish.aim(issuer).await
    }

    /// It was finished before.
    pub(super) async fn is_spent(&self, issuer: &Issuer) -> Result<bool> {
        Ok(issuer.store.client_session(self.session()?).await?.it.is_some())
    }

    /// Was cookie mode asked for?
    pub(super) fn wants_cookie(&self) -> bool {
        self.wish.cookie()
    }

    fn session(&self) -> Result<ClientSessionId> {
        ClientSessionId::parse(&self.session).ok_or_else(start_again)
    }
}

/// The partial token is good for nothing (any more).
pub(super) fn start_again() -> Failure {
    rejected(Code::InvalidToken, "This sign-in has ended. Start again.")
}

/// The house's demands, and those of the client and the audiences of its tokens.
fn policy(issuer: &Issuer, aim: &Aim) -> Policy {
    issuer.settings.login.at(&aim.client, &aim.audiences)
}

/// What is missing, by the account as it is now.
pub(super) fn missing(
    issuer: &Issuer,
    account: &Account,
    transaction: &Transaction,
    aim: &Aim,
    now: Timestamp,
) -> Step {
    let asked = Asked::plain(transaction.purpose(), transaction.flow());
    flow::next(account, transaction, &asked, &policy(issuer, aim), now)
}

/// Signs in when nothing is missing; else answers a partial token. `refused`: what the first factor says
/// when it is wrong, for whom a good proof does not help.
pub(super) async fn finish(
    issuer: &Issuer,
    under_way: UnderWay,
    aim: Aim,
    refused: fn() -> Failure,
    caller: &Caller,
) -> Result<Outcome> {
    let who = under_way.transaction.user().ok_or_else(refused)?;
    let At { now, it } = issuer.store.account(who).await?;
    let account = it.ok_or_else(refused)?;
    match missing(issuer, &account, &under_way.transaction, &aim, now) {
        Step::Done(authentication) => {
            begin(issuer, &account, under_way, aim, authentication, refused, caller).await
        }
        Step::NeedFactor(due) if proves_something(&account, &under_way.transaction) => {
            let methods = typed::of(&due);
            if methods.is_empty() {
                return Err(on_the_page("The second factor of this account works on the sign-in page only."));
            }
            Ok(Outcome::MfaRequired(Due { client: aim.client, token: under_way.seal(issuer)?, methods }))
        }
        Step::NeedFactor(_) => Err(refused()),
        Step::Enrol(_) => {
            Err(on_the_page("A second factor is asked for, and this account has none. Set one up first."))
        }
        Step::Refused(why) => {
            tracing::info!(why, "direct sign-in refused after a good proof");
            Err(refused())
        }
    }
}

/// Made against the credentials as they are.
pub(super) fn proves_something(account: &Account, transaction: &Transaction) -> bool {
    transaction.credential_version() == Some(account.subject.user.credential_version)
}

fn on_the_page(text: &'static str) -> Failure {
    rejected(Code::UnmetAuthenticationRequirements, text)
}

async fn begin(
    issuer: &Issuer,
    account: &Account,
    under_way: UnderWay,
    aim: Aim,
    authentication: Authentication,
    refused: fn() -> Failure,
    caller: &Caller,
) -> Result<Outcome> {
    let Aim { client, scopes, audiences, cookie } = aim;
    let now = authentication.auth_time;
    issue::wait_out(issuer, &client, &account.subject, now)?;
    built_in::ensure_row(issuer, &client).await?;
    let user = &account.subject.user;
    let second = authentication.second();
    let session = ClientSession {
        id: under_way.session()?,
        user: user.id.clone(),
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
    let event = EventDraft::new(EventKind::ClientSessionStarted, Actor::User(user.id.clone()))
        .user(&user.id)
        .client(&client.id)
        .session(session.id)
        .with("ip", caller.ip.to_string())
        .with("amr", session.authentication.amr.join(" "));
    let absolute_for = refresh_token::absolute_for(issuer, &client);
    let version = under_way.transaction.credential_version().ok_or_else(refused)?;
    let started = issuer.store.start_session(session.clone(), version, absolute_for, event).await?;
    // Disabled, or a credential changed, since the proof; or the partial token was used before.
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
    let tokens = issue::tokens(issuer, &client, granted).await?;
    Ok(Outcome::Done(Box::new(Done { client, tokens, second, cookie })))
}
