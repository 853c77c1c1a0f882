//! `/login/email`: a link and a code to the address typed. `/auth/verify`: the page behind the link, which
//! shows what it is about any number of times (scanners of mail open links too) and signs in on the press of
//! a button, in the browser that asked.

use super::step::{self, Way};
use super::upstream::buttons;
use super::{Failed, again};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::oauth::authorize::still_good;
use crate::view::page::codes::{AskedFrom, CheckMail, MailSignIn, Stands};
use crate::view::page::{Offers, SignIn};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::error::rejected;
use countersign_issuer::login::email_code::{self, FirstStep};
use countersign_issuer::login::magic_link::{self, LinkState};
use countersign_issuer::login::{Purpose, Transaction};
use countersign_issuer::model::{Client, Factor};
use countersign_issuer::oauth::params::Params;
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the sign-in page's second button sends, if anything.
pub(crate) fn offered(app: &App) -> Option<Factor> {
    let policy = &app.issuer.settings.login;
    let both = [Factor::MagicLink, Factor::EmailCode];
    both.into_iter().find(|f| policy.mail && policy.first.contains(f))
}

/// What the sign-in page offers beside a password.
pub(crate) fn offers(app: &App) -> Offers {
    let settings = &app.issuer.settings;
    let mail = settings.login.mail;
    Offers { mail: offered(app).is_some(), recover: mail, sign_up: mail && settings.sign_up.enabled }
}

/// Where a sign-in leads: what the form carried, and what comes back with a link.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Onward {
    /// The sealed authorization request.
    pub(super) resume: Option<String>,
    /// The sealed sign-in under way.
    pub(super) transaction: Option<String>,
}

impl Onward {
    pub(super) fn of(params: &Params) -> Result<Self, Fault> {
        let one = |name| params.one(name).map(|value| value.map(str::to_owned));
        Ok(Self { resume: one("resume")?, transaction: one("transaction")? })
    }
}

/// Sends a mail, if the address has an account, and says so in any case.
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let onward = Onward::of(&params)?;
    let client = match &onward.resume {
        Some(resume) => Some(still_good(&app, &browser, resume).await?),
        None => None,
    };
    let then = serde_json::to_string(&onward).map_err(|e| Failure::Bug(e.to_string()))?;
    let address = params.one("username")?.unwrap_or_default().trim();
    let look = browser.look(client.as_deref());
    let first = FirstStep {
        address,
        purpose: Purpose::Browser,
        flow: &browser.visitor.binding,
        then: Some(&then),
        look: &look,
        caller: &browser.caller,
    };
    let sent = match offered(&app) {
        Some(Factor::MagicLink) => magic_link::ask(&app.issuer, first).await,
        _ => email_code::ask(&app.issuer, first).await,
    };
    match sent {
        Ok(()) => {
            let page = check_mail(&app, &browser, onward, client.as_deref(), address);
            Ok(app.views.show(StatusCode::OK, &page))
        }
        Err(failure) => {
            let failed = match failure {
                Failure::Rejected(r) if r.code == Code::InvalidRequest => {
                    Failed { kind: "address", status: StatusCode::UNPROCESSABLE_ENTITY, wait: None }
                }
                other => Failed::of(other)?,
            };
            let page = SignIn {
                form_token: browser.form_token(&app),
                resume: onward.resume,
                transaction: onward.transaction,
                client: client.as_deref().map(Into::into),
                username: address.to_owned(),
                again: false,
                offers: offers(&app),
                trouble: Some(failed.trouble()),
                providers: buttons(&app),
            };
            Ok(again(&app, &page, &failed))
        }
    }
}

/// The page that waits for the mail.
pub(super) fn check_mail(
    app: &App,
    browser: &Browser,
    onward: Onward,
    client: Option<&Client>,
    address: &str,
) -> CheckMail {
    CheckMail {
        form_token: browser.form_token(app),
        resume: onward.resume,
        transaction: onward.transaction,
        client: client.map(Into::into),
        address: address.to_owned(),
        trouble: None,
    }
}

/// What the link is about. Changes nothing.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    page(&app, &browser, params.one("token")?.unwrap_or_default()).await
}

async fn page(app: &App, browser: &Browser, token: &str) -> Result<Response, Fault> {
    let view = magic_link::view(&app.issuer, token).await?;
    let view = view.filter(|v| matches!(v.purpose, Purpose::Browser | Purpose::Direct | Purpose::DirectFlow));
    let Some(view) = view else { return Ok(stands(app, browser, Stands::Ended)) };
    let here = view.asked_by(&browser.visitor.binding);
    let token = token.to_owned();
    let (stands, waits) = match view.state {
        LinkState::Waits(_) if here => (Stands::Here { token, to: view.to }, true),
        LinkState::Waits(code) => {
            let code = code.map(|c| c.expose().to_owned());
            (Stands::Elsewhere { token, code }, true)
        }
        LinkState::Used => (Stands::Used, false),
        LinkState::Ended => (Stands::Ended, false),
    };
    let from = view.asked_from;
    let asked_from =
        waits.then(|| AskedFrom { ip: from.ip, device: from.device, at: view.asked_at.millis() });
    let page = MailSignIn { form_token: browser.form_token(app), stands, asked_from };
    Ok(app.views.show(StatusCode::OK, &page))
}

fn stands(app: &App, browser: &Browser, stands: Stands) -> Response {
    let page = MailSignIn { form_token: browser.form_token(app), stands, asked_from: None };
    app.views.show(StatusCode::OK, &page)
}

/// A button of that page was pressed: sign in, or "I did not ask for this".
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let token = params.required("token")?;
    match params.required("choice")? {
        "sign_in" => sign_in(&app, &browser, token).await,
        "not_me" => {
            magic_link::void(&app.issuer, token, &browser.caller).await?;
            Ok(stands(&app, &browser, Stands::Voided))
        }
        _ => Err(rejected(Code::InvalidRequest, "The form holds a choice that does not exist.").into()),
    }
}

async fn sign_in(app: &App, browser: &Browser, token: &str) -> Result<Response, Fault> {
    let (flow, caller) = (&browser.visitor.binding, &browser.caller);
    let (proof, then) = match magic_link::take(&app.issuer, token, Purpose::Browser, flow, caller).await {
        Ok(taken) => taken,
        Err(Failure::Rejected(r)) if matches!(r.code, Code::CodeExpired | Code::InvalidCode) => {
            // Used, too old, or another browser's: the page says which.
            return page(app, browser, token).await;
        }
        Err(other) => return Err(other.into()),
    };
    // The direct API's links carry something else, or nothing.
    let onward: Onward = then.and_then(|then| serde_json::from_str(&then).ok()).unwrap_or_default();
    let transaction = Transaction::joined(&app.issuer, flow, onward.transaction.as_deref(), proof)?;
    let way = match Way::of(app, browser, onward.resume.as_deref(), Some(&transaction)).await {
        Ok(way) => way,
        // A request that is too old by now leads nowhere; the person is signed in all the same.
        Err(_) => Way::of(app, browser, None, Some(&transaction)).await?,
    };
    step::proceed(app, browser, &way, &transaction).await
}
