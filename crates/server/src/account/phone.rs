//! `/account/phone`: a number for codes by text message, and removing it.

use super::gate::{Gate, to_change, to_prepare};
use super::totp::removal;
use super::trouble::Failed;
use super::{done, frame, recovery_codes};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::view::page::account::{Phone, PhoneSent};
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account;
use countersign_issuer::account::enrol::phone;
use countersign_issuer::model::Secret;
use countersign_issuer::port::browser_session::LiveBrowser;
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/account/phone";

/// The page. Where no text message can be sent it says so, and a number from before can still go.
pub(crate) async fn show(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, Fault> {
    let me = match to_prepare(&app, &browser, PAGE).await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    Ok(app.views.show(StatusCode::OK, &page(&app, &browser, me).await?))
}

/// Sends a code to the number typed.
pub(crate) async fn send(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, PAGE).await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    if !app.issuer.settings.login.sms {
        return see_other(&app.url(PAGE));
    }
    let (browser, flow) = (&form.browser, form.browser.visitor.binding.as_str());
    let number = form.params.one("number")?.unwrap_or_default();
    let (user, look) = (&me.subject.user, browser.look(None));
    if let Err(failure) = phone::begin(&app.issuer, user, number, flow, &look, &browser.caller).await {
        let failed = match Failed::of(failure)? {
            typed if typed.kind == "field" => Failed::typed("number"),
            failed => failed,
        };
        return from_the_start(&app, browser, me, &failed).await;
    }
    let page = PhoneSent { frame: frame(&app, browser, me, None), to: number.trim().to_owned() };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// The code was typed.
pub(crate) async fn confirm(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, PAGE).await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    if !app.issuer.settings.login.sms {
        return see_other(&app.url(PAGE));
    }
    let (browser, flow) = (&form.browser, form.browser.visitor.binding.as_str());
    let code = Secret::new(form.params.one("code")?.unwrap_or_default());
    let (user, keep) = (&me.subject.user, Some(&me.session.id));
    let failed = match phone::confirm(&app.issuer, user, &code, flow, keep, &browser.caller).await {
        Ok(Some(codes)) => return Ok(recovery_codes::made(&app, browser, me, &codes, Some("phone_added"))),
        Ok(None) => return done(&app, "/account/security", "phone_added"),
        Err(failure) => match Failed::of(failure)? {
            typed if typed.kind == "code" => Failed::typed("sms_code"),
            typed if typed.kind == "expired" => Failed::typed("sms_expired"),
            failed => failed,
        },
    };
    let to = form.params.one("to")?.filter(|_| failed.kind == "sms_code" || failed.kind == "throttled");
    let Some(to) = to else { return from_the_start(&app, browser, me, &failed).await };
    let mut page = PhoneSent { frame: frame(&app, browser, me, None), to: to.to_owned() };
    page.frame.trouble = Some(failed.trouble());
    Ok(failed.show(&app, &page))
}

/// Removes it.
pub(crate) async fn remove(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, PAGE).await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let keep = Some(&me.session.id);
    let removed = phone::remove(&app.issuer, &me.subject.user, keep, &form.browser.caller).await;
    removal(&app, removed, "phone_removed")
}

async fn from_the_start(
    app: &App,
    browser: &Browser,
    me: &LiveBrowser,
    failed: &Failed,
) -> Result<Response, Fault> {
    let mut page = page(app, browser, me).await?;
    page.frame.trouble = Some(failed.trouble());
    Ok(failed.show(app, &page))
}

async fn page(app: &App, browser: &Browser, me: &LiveBrowser) -> Result<Phone, Fault> {
    let account = account::load(&app.issuer, me).await?.it;
    Ok(Phone {
        frame: frame(app, browser, me, None),
        now: account.enrolled.phone.as_deref().map(phone::masked),
        sms: app.issuer.settings.login.sms,
    })
}
