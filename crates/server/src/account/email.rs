//! `/account/email`: showing that the address is one's own, and changing it.

use super::gate::{Gate, to_act, to_change, to_see};
use super::trouble::Failed;
use super::{done, frame};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::mail_link::{self, Topic};
use crate::view::page::account::{Email, EmailSent};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::email::{self, Shown};
use countersign_issuer::login::Purpose;
use countersign_issuer::model::Secret;
use countersign_issuer::port::browser_session::LiveBrowser;
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/account/email";

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let mut page = page(&app, &browser, me);
    page.frame = frame(&app, &browser, me, params.one("done")?);
    Ok(app.views.show(StatusCode::OK, &page))
}

/// Sends a link to the account's address.
pub(crate) async fn verify(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let (browser, flow) = (&form.browser, form.browser.visitor.binding.as_str());
    let asked = email::ask_to_verify(&app.issuer, me, flow, &browser.look(None), &browser.caller).await;
    sent(&app, browser, me, asked, "verify", &me.subject.user.email)
}

/// Sends a link to another address.
pub(crate) async fn change(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, PAGE).await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let (browser, flow) = (&form.browser, form.browser.visitor.binding.as_str());
    let to = form.params.one("email")?.unwrap_or_default();
    let asked = email::ask_to_change(&app.issuer, me, to, flow, &browser.look(None), &browser.caller).await;
    sent(&app, browser, me, asked, "change", to.trim())
}

fn sent(
    app: &App,
    browser: &Browser,
    me: &LiveBrowser,
    asked: countersign_issuer::Result<()>,
    what: &'static str,
    to: &str,
) -> Result<Response, Fault> {
    if let Err(failure) = asked {
        let failed = Failed::of(failure)?;
        let mut page = page(app, browser, me);
        page.frame.trouble = Some(failed.trouble());
        return Ok(failed.show(app, &page));
    }
    let page = EmailSent { frame: frame(app, browser, me, None), what, to: to.to_owned() };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// What a link leads to; nothing changes.
pub(crate) async fn link(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    mail_link::show(&app, &browser, Topic::Email, params.one("token")?).await
}

/// The link's button was pressed, or its code typed.
pub(crate) async fn confirm(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let (caller, flow) = (&form.browser.caller, form.browser.visitor.binding.as_str());
    let shown = match form.params.one("token")? {
        Some(token) => email::open(&app.issuer, me, token, flow, caller).await,
        None => {
            let purpose = match form.params.required("what")? {
                "verify" => Purpose::VerifyEmail,
                _ => Purpose::ChangeEmail,
            };
            let code = Secret::new(form.params.one("code")?.unwrap_or_default());
            email::answer(&app.issuer, me, purpose, &code, flow, caller).await
        }
    };
    match shown {
        Ok(Shown::Verified) => done(&app, PAGE, "email_verified"),
        Ok(Shown::Changed) => done(&app, PAGE, "email_changed"),
        Err(Failure::Rejected(r)) if r.code == Code::Conflict => done(&app, PAGE, "email_taken"),
        Err(failure) => again(&app, &form, me, failure),
    }
}

fn again(app: &App, form: &PageForm, me: &LiveBrowser, failure: Failure) -> Result<Response, Fault> {
    let failed = Failed::of(failure)?;
    let typed = form.params.one("to")?.filter(|_| failed.kind == "code" || failed.kind == "throttled");
    let Some(to) = typed else {
        let mut page = page(app, &form.browser, me);
        page.frame.trouble = Some(failed.trouble());
        return Ok(failed.show(app, &page));
    };
    let what = if form.params.one("what")? == Some("verify") { "verify" } else { "change" };
    let mut page = EmailSent { frame: frame(app, &form.browser, me, None), what, to: to.to_owned() };
    page.frame.trouble = Some(failed.trouble());
    Ok(failed.show(app, &page))
}

fn page(app: &App, browser: &Browser, me: &LiveBrowser) -> Email {
    let user = &me.subject.user;
    Email {
        frame: frame(app, browser, me, None),
        email: user.email.clone(),
        verified: user.email_verified,
        mail: app.issuer.settings.login.mail,
    }
}
