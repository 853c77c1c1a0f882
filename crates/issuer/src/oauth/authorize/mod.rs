//! `/oauth/authorize`: an ordered table of named checks, one file a check, then one pure decision. After
//! every page the browser comes back here, which decides again; pages never know what comes next.

mod check;
mod consent_view;
mod decision;
pub mod first_party;
mod request;
mod response;
mod resume;

pub(crate) use response::with_query;
pub use response::{Response, ResponseMode};

use super::client_auth;
use super::params::Params;
use super::target::Known;
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::login::browser::Demand;
use crate::login::{self, Asked, Devices, Mfa, Policy, Purpose, Transaction, device};
use crate::model::{
    Acr, Actor, AuthorizationCode, Client, ClientId, Consent, Digest, EventDraft, EventKind, Proven, User,
    UserId,
};
use crate::port::At;
use crate::port::browser_session::LiveBrowser;
use check::Refused;
use countersign_token::{Timestamp, base64url};
use decision::{Decision, Facts, Standing};
use request::Request;
use resume::{Allowed, Page, Resume};
use std::sync::Arc;
use std::time::Duration;

/// Life of an authorization code (RFC 6749 4.1.2 recommends at most 10 minutes).
const CODE_LIFE: Duration = Duration::from_secs(60);

/// Who is asking, as the browser shows it.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The live browser session, if its cookie is good.
    pub session: Option<LiveBrowser>,
    /// Value of the flow cookie: sealed blobs are bound to it.
    pub binding: String,
    /// The browser's own name (`User-Agent`), cut to 200 characters.
    pub device: String,
}

/// A first request, or one that comes back from a page.
#[derive(Clone, Debug)]
pub enum Ask {
    /// With the client's parameters.
    Fresh(Params),
    /// With `resume`, the sealed request.
    Resume(String),
}

/// What the browser gets.
#[derive(Debug)]
pub enum Next {
    /// Show the sign-in page; it posts and comes back with `resume`.
    Login {
        /// The sealed request.
        resume: String,
        /// For its name and logo.
        client: Arc<Client>,
        /// `login_hint`, to fill in the user field.
        hint: Option<String>,
        /// Somebody is signed in, but must prove it again (`prompt=login`, `max_age`).
        again: Option<User>,
    },
    /// Show the sign-up page (`prompt=create`); who has an account comes back with `resume`.
    SignUp {
        /// The sealed request.
        resume: String,
        /// For its name and logo.
        client: Arc<Client>,
        /// `login_hint`, to fill in the address.
        hint: Option<String>,
    },
    /// Ask the one signed in for what is missing ([`demand`] says what); it comes back with `resume`.
    StepUp {
        /// The sealed request.
        resume: String,
        /// For its name and logo.
        client: Arc<Client>,
    },
    /// Show the account choice.
    SelectAccount {
        /// The sealed request.
        resume: String,
        /// For its name and logo.
        client: Arc<Client>,
        /// Who is signed in.
        user: User,
    },
    /// Show the consent page.
    Consent(Box<ConsentView>),
    /// Send the browser to the client.
    Respond(Response),
    /// The client or its redirect URI is not proven: a page, never a redirect.
    Page(Failure),
}

/// A group of the consent page: the resource's name (`None`: about the person), and each scope with a
/// sentence for people.
pub type ConsentGroup = (Option<String>, Vec<(String, String)>);

/// What the consent page shows.
#[derive(Debug)]
pub struct ConsentView {
    /// The sealed request.
    pub resume: String,
    /// Who asks.
    pub client: Arc<Client>,
    /// Who is asked.
    pub user: User,
    /// What for: scope and a sentence for people, grouped by resource name (`None`: about the person).
    pub scopes: Vec<ConsentGroup>,
    /// Host the answer goes to.
    pub redirect_host: String,
}

/// What the person chose on a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Consent: allow.
    Allow,
    /// Consent: refuse.
    Deny,
    /// Account choice: go on as the one signed in.
    Continue,
    /// Account choice: sign in as somebody else.
    Another,
}

/// Decides what comes next, for a browser on a device that nobody knows. Failures inside [`Next::Page`].
pub async fn authorize(issuer: &Issuer, ask: Ask, visitor: &Visitor) -> Next {
    answer(issuer, ask, None, visitor, &Devices::default()).await
}

/// As [`authorize`], when a page's form came back with a choice; decides again.
pub async fn choose(issuer: &Issuer, resume: &str, choice: Choice, visitor: &Visitor) -> Next {
    answer(issuer, Ask::Resume(resume.to_owned()), Some(choice), visitor, &Devices::default()).await
}

/// As [`authorize`] and [`choose`], on a device that signed people in before.
pub async fn answer(
    issuer: &Issuer,
    ask: Ask,
    choice: Option<Choice>,
    visitor: &Visitor,
    devices: &Devices,
) -> Next {
    enter(issuer, ask, choice, visitor, devices).await.unwrap_or_else(Next::Page)
}

/// The client and login hint of a sealed request, for a sign-in page that must be shown again after a
/// wrong password. `None`: expired, or another browser's.
pub async fn peek(
    issuer: &Issuer,
    resume: &str,
    visitor: &Visitor,
) -> Result<Option<(Arc<Client>, Option<String>)>> {
    let now = issuer.store.cached_now();
    let Some(resume) = Resume::open(issuer, &visitor.binding, resume, now) else { return Ok(None) };
    let client = client(issuer, &resume.params).await?;
    let hint = check::login_hint::read(&resume.params).unwrap_or_default();
    Ok(Some((client, hint)))
}

/// What the sealed request asks of the person: the levels it names, how fresh, and what its client and the
/// audiences demand beside the house.
pub async fn demand(issuer: &Issuer, resume: &str, visitor: &Visitor) -> Result<Demand> {
    let now = issuer.store.cached_now();
    let resume = open(issuer, resume, visitor, now)?;
    let (client, known) = parties(issuer, &resume).await?;
    let hint = |text: &str| super::id_token_hint::read(issuer, text);
    let request =
        check::run(&check::Given { params: &resume.params, client: &client, known: &known, hint: &hint })
            .map_err(|refused| match refused {
                Refused::Page(refused) | Refused::Client(_, refused) => refused,
            })?;
    let session = visitor.session.as_ref().map(|live| &live.session);
    Ok(Demand {
        acr: request.levels.wanted,
        enough: request.levels.enough,
        since: session.and_then(|session| decision::since(&request, session, &resume, now)),
        policy: policy(issuer, &client, &request, &known),
    })
}

/// The answer when [`demand`] turned out to be out of the person's reach.
pub async fn unmet(issuer: &Issuer, resume: &str, visitor: &Visitor) -> Next {
    let answer = async {
        let resume = open(issuer, resume, visitor, issuer.store.cached_now())?;
        let (client, known) = parties(issuer, &resume).await?;
        let hint = |text: &str| super::id_token_hint::read(issuer, text);
        match check::run(&check::Given {
            params: &resume.params,
            client: &client,
            known: &known,
            hint: &hint,
        }) {
            Ok(request) => Ok(Response::error(&issuer.settings.issuer, &request, &decision::unmet())),
            Err(Refused::Client(request, refused)) => {
                Ok(Response::error(&issuer.settings.issuer, &request, &refused))
            }
            Err(Refused::Page(refused)) => Err(Failure::from(refused)),
        }
    };
    answer.await.map_or_else(Next::Page, Next::Respond)
}

fn policy(issuer: &Issuer, client: &Client, request: &Request, known: &Known) -> Policy {
    let audiences: Vec<_> = request.resources.iter().filter_map(|r| known.get(r).cloned()).collect();
    issuer.settings.login.at(client, &audiences)
}

async fn enter(
    issuer: &Issuer,
    ask: Ask,
    choice: Option<Choice>,
    visitor: &Visitor,
    devices: &Devices,
) -> Result<Next> {
    // Never ahead of the store's own clock: at worst a proof of the second before counts as made for this
    // request. Nobody outside can make the store work by asking.
    let now = issuer.store.cached_now();
    let resume = match ask {
        Ask::Fresh(params) => Resume::new(params, now),
        Ask::Resume(blob) => open(issuer, &blob, visitor, now)?,
    };
    let (client, known) = parties(issuer, &resume).await?;
    let hint = |text: &str| super::id_token_hint::read(issuer, text);
    let given = check::Given { params: &resume.params, client: &client, known: &known, hint: &hint };
    let request = match check::run(&given) {
        Ok(request) => request,
        Err(Refused::Page(refused)) => return Err(refused.into()),
        Err(Refused::Client(request, refused)) => {
            return Ok(Next::Respond(Response::error(&issuer.settings.issuer, &request, &refused)));
        }
    };
    let turn = Turn { issuer, client, request, visitor, devices, known: &known, now };
    turn.take(resume, choice).await
}

fn open(issuer: &Issuer, blob: &str, visitor: &Visitor, now: Timestamp) -> Result<Resume> {
    Resume::open(issuer, &visitor.binding, blob, now).ok_or_else(|| {
        rejected(Code::InvalidRequest, "this page is too old or another browser's: start again")
    })
}

/// Who asks, and what there is to ask for.
async fn parties(issuer: &Issuer, resume: &Resume) -> Result<(Arc<Client>, Arc<Known>)> {
    let client = client(issuer, &resume.params).await?;
    let known = issuer.directory.resources_for(&client).await?;
    Ok((client, known))
}

async fn client(issuer: &Issuer, params: &Params) -> Result<Arc<Client>> {
    let unknown = || rejected(Code::InvalidClient, "the application is unknown here");
    let id = ClientId::parse(params.required("client_id")?).ok_or_else(unknown)?;
    client_auth::find(issuer, &id).await?.ok_or_else(unknown)
}

/// One turn of a request found good.
struct Turn<'a> {
    issuer: &'a Issuer,
    client: Arc<Client>,
    request: Request,
    visitor: &'a Visitor,
    devices: &'a Devices,
    known: &'a Known,
    now: Timestamp,
}

impl Turn<'_> {
    async fn take(&self, mut resume: Resume, choice: Option<Choice>) -> Result<Next> {
        let user = self.visitor.session.as_ref().map(|s| &s.session.user);
        match (choice, resume.page.take(), user) {
            (Some(Choice::Another), ..) => return self.login(&resume, None),
            (Some(Choice::Deny), Some(Page::Consent(_)), None) => return self.denied(None).await,
            (Some(Choice::Deny), Some(Page::Consent(shown)), Some(user)) if shown.by == *user => {
                return self.denied(Some(user)).await;
            }
            (Some(Choice::Allow), Some(Page::Consent(shown)), Some(user))
                if shown == Allowed::of(user, &self.request) =>
            {
                self.remember(&shown).await?;
                resume.allowed = Some(shown);
            }
            (Some(Choice::Continue), Some(Page::Select(shown_to)), Some(user)) if shown_to == *user => {
                resume.chosen = Some(shown_to);
            }
            // Somebody else is signed in by now, or nobody, or it is another page's choice: void.
            _ => {}
        }
        let consent = match user {
            Some(user) if !self.client.metadata.first_party => {
                self.issuer.store.consent(user, &self.client.id).await?
            }
            _ => None,
        };
        let standing = self.standing(&resume).await?;
        let facts = Facts {
            standing,
            request: &self.request,
            client: &self.client,
            session: self.visitor.session.as_ref().map(|s| &s.session),
            consent: consent.as_ref(),
            sign_up: self.issuer.settings.sign_up.enabled,
            resume: &resume,
            now: self.now,
        };
        match decision::decide(&facts) {
            Decision::Login { again } => {
                let again = self.visitor.session.as_ref().filter(|_| again);
                self.login(&resume, again.map(|s| s.subject.user.clone()))
            }
            Decision::SignUp => self.sign_up(&resume),
            Decision::StepUp => {
                Ok(Next::StepUp { resume: self.seal(&resume, None)?, client: self.client.clone() })
            }
            Decision::SelectAccount => self.select(&resume),
            Decision::Consent => self.consent(&resume),
            Decision::Error(refused) => Ok(self.error(&refused)),
            Decision::Issue => self.issue(&resume).await,
        }
    }

    /// What the live sign-in is worth here: its proofs by the demands of now. The person is read only where
    /// these do not suffice whoever it is.
    async fn standing(&self, resume: &Resume) -> Result<Standing> {
        let Some(live) = &self.visitor.session else { return Ok(Standing::Nothing) };
        let session = &live.session;
        let policy = policy(self.issuer, &self.client, &self.request, self.known);
        let held = session.authentication.proven();
        if decision::since(&self.request, session, resume, self.now).is_some()
            || self.suffices(&held, &policy)
        {
            return Ok(Standing::Enough);
        }
        let At { now, it } = self.issuer.store.account(&session.user).await?;
        let Some(account) = it else { return Ok(Standing::Nothing) };
        let nothing = Transaction::begin(Purpose::Browser, &self.visitor.binding, now);
        let device = device::known(self.issuer, self.devices, &session.user).await?;
        let asked = Asked {
            acr: self.request.levels.enough,
            held: held.clone(),
            known_device: device.is_some_and(|device| device.vouches()),
            ..Asked::plain(Purpose::Browser, &self.visitor.binding)
        };
        Ok(Standing::of(&login::next(&account, &nothing, &asked, &policy, now), &held, &policy))
    }

    /// Do these proofs do, whatever the person has set up and whatever their device is? Where nobody asks for more
    /// than the house, and the house for a second factor of those who have one, that was asked when the session
    /// began, and who set one up since goes on in it.
    fn suffices(&self, held: &[Proven], policy: &Policy) -> bool {
        let of_house = *policy == self.issuer.settings.login;
        let due = match policy.mfa {
            Mfa::Never => Acr::One,
            Mfa::WhenNewDevice | Mfa::WhenEnrolled if of_house => Acr::One,
            Mfa::WhenNewDevice | Mfa::WhenEnrolled | Mfa::Always => Acr::Two,
        };
        login::flow::level(held, policy) >= Some(due.max(self.request.levels.enough).max(policy.acr))
    }

    fn error(&self, refused: &Rejected) -> Next {
        Next::Respond(Response::error(&self.issuer.settings.issuer, &self.request, refused))
    }

    fn seal(&self, resume: &Resume, page: Option<Page>) -> Result<String> {
        Resume { page, ..resume.clone() }.seal(self.issuer, &self.visitor.binding)
    }

    fn login(&self, resume: &Resume, again: Option<User>) -> Result<Next> {
        let hint = self.request.login_hint.clone();
        Ok(Next::Login { resume: self.seal(resume, None)?, client: self.client.clone(), hint, again })
    }

    fn sign_up(&self, resume: &Resume) -> Result<Next> {
        let hint = self.request.login_hint.clone();
        let resume = Resume { sign_up_shown: true, ..resume.clone() };
        Ok(Next::SignUp { resume: self.seal(&resume, None)?, client: self.client.clone(), hint })
    }

    fn select(&self, resume: &Resume) -> Result<Next> {
        let Some(live) = &self.visitor.session else { return self.login(resume, None) };
        let user = live.subject.user.clone();
        let resume = self.seal(resume, Some(Page::Select(user.id.clone())))?;
        Ok(Next::SelectAccount { resume, client: self.client.clone(), user })
    }

    fn consent(&self, resume: &Resume) -> Result<Next> {
        let Some(live) = &self.visitor.session else { return self.login(resume, None) };
        let shown = Allowed::of(&live.session.user, &self.request);
        Ok(Next::Consent(Box::new(ConsentView {
            resume: self.seal(resume, Some(Page::Consent(shown)))?,
            client: self.client.clone(),
            user: live.subject.user.clone(),
            scopes: consent_view::scopes(&self.request, self.known),
            redirect_host: consent_view::host(&self.request.redirect_uri),
        })))
    }

    async fn denied(&self, by: Option<&UserId>) -> Result<Next> {
        if let Some(user) = by {
            let event = EventDraft::new(EventKind::ConsentDenied, Actor::User(user.clone()))
                .user(user)
                .client(&self.client.id);
            self.issuer.store.note(event).await?;
        }
        Ok(self.error(&Rejected::new(Code::AccessDenied, "the person refused")))
    }

    async fn remember(&self, allowed: &Allowed) -> Result<()> {
        let Allowed { by, scopes, resources } = allowed.clone();
        let event = EventDraft::new(EventKind::ConsentGranted, Actor::User(by.clone()))
            .user(&by)
            .client(&self.client.id)
            .with("scope", scopes.to_string());
        let consent =
            Consent { user: by, client: self.client.id.clone(), scopes, resources, granted_at: self.now };
        Ok(self.issuer.store.grant_consent(consent, event).await?)
    }

    async fn issue(&self, resume: &Resume) -> Result<Next> {
        let Some(live) = &self.visitor.session else { return self.login(resume, None) };
        let text = base64url::encode(self.issuer.entropy.bytes::<32>());
        let request = &self.request;
        let code = AuthorizationCode {
            digest: Digest::of(&text),
            client: self.client.id.clone(),
            user: live.session.user.clone(),
            browser: Some(live.session.id.clone()),
            redirect_uri: request.redirect_given.then(|| request.redirect_uri.clone()),
            challenge: request.challenge.clone(),
            scopes: request.scopes.clone(),
            resources: request.resources.clone(),
            nonce: request.nonce.clone(),
            authentication: live.session.authentication.clone(),
            device: self.visitor.device.clone(),
            created_at: Timestamp::default(),
            expires_at: Timestamp::default(),
            spent_for: None,
        };
        if self.issuer.store.create_code(code, CODE_LIFE).await? {
            return Ok(Next::Respond(Response::code(&self.issuer.settings.issuer, request, text)));
        }
        // The sign-in ended between the cookie's look-up and now.
        if request.prompt.none {
            return Ok(self.error(&decision::login_required()));
        }
        self.login(resume, None)
    }
}
