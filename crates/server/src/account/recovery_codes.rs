//! `/account/recovery-codes`: how many are left, and a new set, shown once.

use super::frame;
use super::gate::{Gate, to_change, to_see};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::view::page::account::RecoveryCodes;
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account;
use countersign_issuer::account::enrol::recovery_code;
use countersign_issuer::model::Secret;
use countersign_issuer::port::browser_session::LiveBrowser;
use http::StatusCode;
use std::sync::Arc;

/// How many are left.
pub(crate) async fn show(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let account = account::load(&app.issuer, me).await?.it;
    if !account.enrolled.two_steps() {
        return see_other(&app.url("/account/security"));
    }
    let page = RecoveryCodes {
        frame: frame(&app, &browser, me, None),
        left: account.enrolled.recovery_codes,
        codes: Vec::new(),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// A new set in place of the old one.
pub(crate) async fn make(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/recovery-codes").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let account = account::load(&app.issuer, me).await?.it;
    if !account.enrolled.two_steps() {
        return see_other(&app.url("/account/security"));
    }
    let (keep, caller) = (Some(&me.session.id), &form.browser.caller);
    let codes = recovery_code::make(&app.issuer, &me.subject.user, keep, caller).await?;
    Ok(made(&app, &form.browser, me, &codes, None))
}

/// The page that shows them, this once. `done`: what was set up with them.
pub(crate) fn made(
    app: &App,
    browser: &Browser,
    me: &LiveBrowser,
    codes: &[Secret],
    done: Option<&str>,
) -> Response {
    let page = RecoveryCodes {
        frame: frame(app, browser, me, done),
        left: u16::try_from(codes.len()).unwrap_or(u16::MAX),
        codes: codes.iter().map(|code| code.expose().to_owned()).collect(),
    };
    app.views.show(StatusCode::OK, &page)
}
