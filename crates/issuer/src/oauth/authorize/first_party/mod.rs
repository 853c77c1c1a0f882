//! The authorization challenge endpoint (draft-ietf-oauth-first-party-apps): an app of ours asks the person on
//! its own pages, and gets the authorization code without a browser. The same checks as `/oauth/authorize`,
//! the same sign-in as everywhere; what only a page can do is sent to one (`redirect_to_web`).
//!
//! The draft leaves to the server what an app sends and hears (its appendix B is an example): `username` and
//! `password` first, then `otp` with the `auth_session` of the answer; `method` alone asks for a code to be sent.

mod under_way;

use super::check::{self, Given};
use super::request::Request;
use super::{CODE_LIFE, decision};
use crate::Issuer;
use crate::direct::may_be_direct;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::login::{Asked, Caller, Look, Policy, Step, next_within_reach, password, typed};
use crate::model::session::Authentication;
use crate::model::{
    Account, Acr, Actor, AuthorizationCode, Client, EventDraft, EventKind, Factor, Secret, UserId,
};
use crate::oauth::params::Params;
use crate::oauth::{client_auth, id_token_hint};
use crate::port::At;
use countersign_token::Timestamp;
use std::sync::Arc;
use under_way::{UnderWay, start_again};

/// What a call came to.
pub enum Outcome {
    /// The person is signed in: the authorization code, to be redeemed at the token endpoint.
    Code(String),
    /// `insufficient_authorization`: the app asks the person for more.
    More(More),
}

/// What is still due.
pub struct More {
    /// To be sent with the next call: good for ten minutes from the first, and for one code.
    pub auth_session: String,
    /// What the app asks for.
    pub due: Due,
}

/// What the app asks the person for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Due {
    /// `username` and `password`.
    Password,
    /// `otp`.
    Otp {
        /// By any of these.
        methods: Vec<Factor>,
        /// The one that a code was just asked for.
        chosen: Option<Factor>,
    },
}

/// What the person typed.
struct Typed<'a> {
    username: Option<&'a str>,
    password: Option<Secret>,
    otp: Option<Secret>,
    method: Option<&'a str>,
}

impl<'a> Typed<'a> {
    fn read(params: &'a Params) -> Result<Self, Rejected> {
        Ok(Self {
            username: params.one("username")?,
            password: params.one("password")?.map(Secret::new),
            otp: params.one("otp")?.map(Secret::new),
            method: params.one("method")?,
        })
    }
}

/// One call. The client, once known, is answered for CORS.
pub async fn challenge(
    issuer: &Issuer,
    authorization: Option<&str>,
    params: &Params,
    caller: &Caller,
) -> (Option<Arc<Client>>, Result<Outcome>) {
    match party(issuer, authorization, params, caller).await {
        Ok(client) => {
            let call = Call { issuer, client: &client, caller };
            let outcome = call.answer(params).await;
            (Some(client), outcome)
        }
        Err(failure) => (None, Err(failure)),
    }
}

/// Who calls: authenticated as at the token endpoint (section 4.1). A public client may leave its name to the
/// `auth_session` it began (5.1).
async fn party(
    issuer: &Issuer,
    authorization: Option<&str>,
    params: &Params,
    caller: &Caller,
) -> Result<Arc<Client>> {
    let shown = ["client_id", "client_secret", "client_assertion"];
    let named = authorization.is_some() || shown.iter().any(|name| !params.many(name).is_empty());
    match params.one("auth_session")? {
        Some(text) if !named => {
            let under_way = UnderWay::open(issuer, text, issuer.store.cached_now())?;
            let client = client_auth::find(issuer, under_way.client()).await?;
            client.filter(|c| c.is_public()).ok_or_else(|| {
                rejected(Code::InvalidClient, "the client is not named: send client_id or Basic")
            })
        }
        _ => client_auth::authenticate(issuer, authorization, params, caller.ip).await,
    }
}

/// A call of a known client.
struct Call<'a> {
    issuer: &'a Issuer,
    client: &'a Client,
    caller: &'a Caller,
}

/// A sign-in looked at with the account as it is now.
struct Looked {
    account: Account,
    step: Step,
    now: Timestamp,
}

impl Call<'_> {
    async fn answer(&self, params: &Params) -> Result<Outcome> {
        may_be_direct(self.client)?;
        params.no_repeats()?;
        let typed = Typed::read(params)?;
        let under_way = match params.one("auth_session")? {
            None => self.begin(params).await?,
            Some(text) => self.go_on(text).await?,
        };
        match under_way.transaction.user() {
            None => self.first(under_way, typed).await,
            Some(who) => {
                let who = who.clone();
                self.second(under_way, &who, typed).await
            }
        }
    }

    /// A request without an `auth_session`, as its parameters have it.
    async fn begin(&self, params: &Params) -> Result<UnderWay> {
        let known = self.issuer.directory.resources_for(self.client).await?;
        let hint = |text: &str| id_token_hint::read(self.issuer, text);
        let given = Given { params, client: self.client, known: &known, hint: &hint };
        let request = check::run_first_party(&given)?;
        without_a_page(&request)?;
        Ok(UnderWay::begin(self.issuer, self.client, request, self.issuer.store.cached_now()))
    }

    /// One that an earlier call of this client began, and that came to no code yet.
    async fn go_on(&self, text: &str) -> Result<UnderWay> {
        let under_way = UnderWay::open(self.issuer, text, self.issuer.store.cached_now())?;
        let spent = self.issuer.store.code(&under_way.digest()).await?.it.is_some();
        if *under_way.client() != self.client.id || spent {
            return Err(start_again());
        }
        Ok(under_way)
    }

    /// The password: the only first factor an app can ask for here.
    async fn first(&self, mut under_way: UnderWay, typed: Typed<'_>) -> Result<Outcome> {
        if typed.otp.is_some() || typed.method.is_some() {
            return Err(rejected(
                Code::InvalidRequest,
                "otp and method go with the auth_session of an answer that asks for them",
            ));
        }
        let policy = self.policy(&under_way).await?;
        if !policy.first.contains(&Factor::Password) {
            return Err(to_a_page("The person signs in here without a password: on the page."));
        }
        if under_way.wanted.levels.enough.max(policy.acr) >= Acr::PhishingResistant {
            return Err(to_a_page("This asks for a passkey, which works on the page."));
        }
        let (Some(username), Some(password)) = (typed.username, typed.password) else {
            return Ok(Outcome::More(under_way.more(self.issuer, Due::Password)?));
        };
        let (purpose, flow) = (under_way.transaction.purpose(), under_way.transaction.flow());
        let proof = password::prove(self.issuer, username, password, purpose, flow, self.caller).await?;
        let who = proof.user.clone();
        under_way.transaction.add(proof)?;
        let looked = self.look(&under_way, &who, refused).await?;
        self.proceed(under_way, looked, refused).await
    }

    /// A code, or the wish that one be sent.
    async fn second(&self, mut under_way: UnderWay, who: &UserId, typed: Typed<'_>) -> Result<Outcome> {
        if typed.username.is_some() || typed.password.is_some() {
            return Err(rejected(Code::InvalidRequest, "the password is proven: send otp, or start again"));
        }
        let looked = self.look(&under_way, who, start_again).await?;
        let Step::NeedFactor(due) = &looked.step else {
            return self.proceed(under_way, looked, start_again).await;
        };
        let due = typed::of(due);
        let Some(otp) = typed.otp else {
            let Some(method) = typed.method else {
                return self.proceed(under_way, looked, start_again).await;
            };
            let method = typed::named(method, &due)?;
            let lang = self.issuer.store.locale(who).await?.unwrap_or_default();
            let look = Look { lang, client: Some(self.client.id.clone()) };
            let transaction = &under_way.transaction;
            typed::send(self.issuer, &looked.account, method, transaction, &look, self.caller).await?;
            under_way.challenged = Some(method);
            let due = Due::Otp { methods: due, chosen: Some(method) };
            return Ok(Outcome::More(under_way.more(self.issuer, due)?));
        };
        let tried = match typed.method {
            Some(method) => vec![typed::named(method, &due)?],
            None => typed::likely(&due, under_way.challenged, &otp),
        };
        let transaction = &under_way.transaction;
        let proof =
            typed::prove(self.issuer, &looked.account, &tried, &otp, transaction, self.caller).await?;
        under_way.transaction.add(proof)?;
        under_way.challenged = None;
        let looked = self.look(&under_way, who, start_again).await?;
        self.proceed(under_way, looked, start_again).await
    }

    /// The house's demands, and those of the client and the audiences.
    async fn policy(&self, under_way: &UnderWay) -> Result<Policy> {
        let known = self.issuer.directory.resources_for(self.client).await?;
        let audiences: Vec<_> =
            under_way.wanted.resources.iter().filter_map(|r| known.get(r).cloned()).collect();
        Ok(self.issuer.settings.login.at(self.client, &audiences))
    }

    async fn look(&self, under_way: &UnderWay, who: &UserId, refused: fn() -> Failure) -> Result<Looked> {
        let policy = self.policy(under_way).await?;
        let At { now, it } = self.issuer.store.account(who).await?;
        let account = it.ok_or_else(refused)?;
        if under_way.transaction.credential_version() != Some(account.subject.user.credential_version) {
            return Err(refused());
        }
        let transaction = &under_way.transaction;
        let levels = under_way.wanted.levels;
        let asked = Asked { acr: levels.wanted, ..Asked::plain(transaction.purpose(), transaction.flow()) };
        let step = next_within_reach(&account, transaction, &asked, levels.enough, &policy, now);
        Ok(Looked { account, step, now })
    }

    /// The code, or what is still missing. `refused`: for whom a good proof does not help.
    async fn proceed(
        &self,
        under_way: UnderWay,
        looked: Looked,
        refused: fn() -> Failure,
    ) -> Result<Outcome> {
        let Looked { account, step, now } = looked;
        let who = &account.subject.user.id;
        if under_way.wanted.hinted.as_ref().is_some_and(|hinted| hinted != who) {
            // OIDC Core 3.1.2.1: somebody else than `id_token_hint` names may not answer for them.
            return Err(decision::login_required().into());
        }
        match step {
            Step::Done(authentication) => {
                self.consented(&under_way, who).await?;
                self.code(under_way, who, authentication, now, refused).await
            }
            Step::NeedFactor(due) => {
                let methods = typed::of(&due);
                if methods.is_empty() {
                    return Err(to_a_page("What is asked for works on the sign-in page only."));
                }
                Ok(Outcome::More(under_way.more(self.issuer, Due::Otp { methods, chosen: None })?))
            }
            Step::Enrol(_) => {
                Err(to_a_page("The account lacks a second factor: it is set up on the sign-in page."))
            }
            Step::Refused(why) => {
                tracing::info!(why, "sign-in of an app refused after a good proof");
                Err(refused())
            }
        }
    }

    /// Only a page can ask for consent.
    async fn consented(&self, under_way: &UnderWay, who: &UserId) -> Result<()> {
        let consent = match self.client.metadata.first_party {
            true => None,
            false => self.issuer.store.consent(who, &self.client.id).await?,
        };
        let wanted = &under_way.wanted;
        match decision::covered(self.client, consent.as_ref(), who, &wanted.scopes, &wanted.resources) {
            true => Ok(()),
            false => Err(to_a_page("The person has to allow this on a page.")),
        }
    }

    async fn code(
        &self,
        under_way: UnderWay,
        who: &UserId,
        authentication: Authentication,
        now: Timestamp,
        refused: fn() -> Failure,
    ) -> Result<Outcome> {
        let version = under_way.transaction.credential_version().ok_or_else(refused)?;
        let event = EventDraft::new(EventKind::LoginSucceeded, Actor::User(who.clone()))
            .with("ip", self.caller.ip.to_string())
            .with("amr", authentication.amr.join(" "));
        let digest = under_way.digest();
        let UnderWay { wanted, code: text, .. } = under_way;
        let code = AuthorizationCode {
            digest,
            client: self.client.id.clone(),
            user: who.clone(),
            browser: None,
            redirect_uri: wanted.redirect_uri,
            challenge: wanted.challenge,
            scopes: wanted.scopes,
            resources: wanted.resources,
            nonce: wanted.nonce,
            authentication,
            device: self.caller.device.clone(),
            created_at: now,
            expires_at: now,
            spent_for: None,
        };
        // Disabled, or a credential changed, since the proof; or the `auth_session` came to its code before.
        let made = self.issuer.store.create_code_of_proofs(code, version, CODE_LIFE, event).await?;
        if made { Ok(Outcome::Code(text)) } else { Err(refused()) }
    }
}

/// What is asked for needs no page of ours.
fn without_a_page(request: &Request) -> Result<(), Rejected> {
    if request.prompt.none {
        // Nobody is signed in at an app before it asks.
        return Err(decision::login_required());
    }
    if request.prompt.consent {
        return Err(web("The person has to allow this on a page."));
    }
    if request.prompt.create {
        return Err(web("Accounts are made on a page."));
    }
    Ok(())
}

fn refused() -> Failure {
    // The words of a wrong password: nobody is told that it was right.
    rejected(Code::InvalidCredentials, "The name or the password is wrong.")
}

fn web(text: &'static str) -> Rejected {
    Rejected::new(Code::RedirectToWeb, text)
}

fn to_a_page(text: &'static str) -> Failure {
    web(text).into()
}
