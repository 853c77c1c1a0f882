//! `/account/password`: another password, or none.

use super::gate::{Gate, fresh, to_act, to_change, to_see};
use super::totp::removal;
use super::trouble::Failed;
use super::{done, frame};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::view::page::account::Password;
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::{self, password};
use countersign_issuer::model::Secret;
use countersign_issuer::port::browser_session::LiveBrowser;
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/account/password";

/// `/.well-known/change-password` (W3C, A Well-Known URL for Changing Passwords).
pub(crate) async fn well_known(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    see_other(&app.url(PAGE))
}

/// The form. Who signed in a while ago types the old password too, or proves more first.
pub(crate) async fn show(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let asks_old = asks_old(&app, me).await?;
    if !asks_old && let Gate::Shut(answer) = fresh(&app, me, PAGE).await? {
        return Ok(answer);
    }
    let page = page(&app, &browser, me, asks_old).await?;
    Ok(app.views.show(StatusCode::OK, &page))
}

/// A new one.
pub(crate) async fn change(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let asks_old = asks_old(&app, me).await?;
    if !asks_old && let Gate::Shut(answer) = fresh(&app, me, PAGE).await? {
        return Ok(answer);
    }
    let failed = match set(&app, &form, me, asks_old).await {
        Ok(()) => return done(&app, "/account/security", "password_changed"),
        Err(failure) => Failed::of(failure)?,
    };
    let mut page = page(&app, &form.browser, me, asks_old).await?;
    page.frame.trouble = Some(failed.trouble());
    Ok(failed.show(&app, &page))
}

async fn set(app: &App, form: &PageForm, me: &LiveBrowser, asks_old: bool) -> countersign_issuer::Result<()> {
    let (caller, flow) = (&form.browser.caller, form.browser.visitor.binding.as_str());
    let new = Secret::new(form.params.one("password")?.unwrap_or_default());
    if asks_old {
        let old = Secret::new(form.params.one("old")?.unwrap_or_default());
        password::prove_old(&app.issuer, me, old, flow, caller).await?;
    }
    password::set(&app.issuer, me, new, caller).await
}

/// No password any more.
pub(crate) async fn remove(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, PAGE).await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let removed = password::remove(&app.issuer, me, &form.browser.caller).await;
    removal(&app, removed, "password_removed")
}

/// The old password is asked for where it is enough and the sign-in is not fresh.
async fn asks_old(app: &App, me: &LiveBrowser) -> Result<bool, Fault> {
    let fresh = account::factors::fresh_enough(&app.issuer, me).await?;
    Ok(!fresh && password::old_will_do(&app.issuer, me).await?)
}

async fn page(app: &App, browser: &Browser, me: &LiveBrowser, asks_old: bool) -> Result<Password, Fault> {
    let there = account::load(&app.issuer, me).await?.it.enrolled.password;
    Ok(Password {
        frame: frame(app, browser, me, None),
        username: me.subject.user.email.clone(),
        there,
        asks_old,
    })
}
