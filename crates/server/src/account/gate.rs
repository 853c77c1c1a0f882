//! Who may see an account page, and who may change a way to sign in.

use super::done;
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::login::step_up;
use crate::view::see_other;
use axum::response::Response;
use countersign_issuer::account::factors;
use countersign_issuer::port::browser_session::LiveBrowser;

/// In, or what the browser is answered instead.
pub(crate) enum Gate<'a> {
    /// Go on, for this person.
    Open(&'a LiveBrowser),
    /// Sign in, prove more, or be told that somebody else is signed in by now.
    Shut(Response),
}

/// Whoever is signed in.
pub(crate) fn to_see<'a>(app: &App, browser: &'a Browser) -> Result<Gate<'a>, Fault> {
    match &browser.visitor.session {
        Some(me) => Ok(Gate::Open(me)),
        None => see_other(&app.url("/login")).map(Gate::Shut),
    }
}

/// Who is signed in, if it is the person the form was shown to: in a browser with two people in turn, the
/// page of one must not act for the other.
pub(crate) fn to_act<'a>(app: &App, form: &'a PageForm) -> Result<Gate<'a>, Fault> {
    let me = form.params.required("me")?;
    match &form.browser.visitor.session {
        Some(live) if live.subject.user.id.as_str() == me => Ok(Gate::Open(live)),
        _ => done(app, "/account", "other").map(Gate::Shut),
    }
}

/// Whoever is signed in and proved lately, with all the strength the account has, who they are. `page`: where
/// they come back to after proving more.
pub(crate) async fn to_prepare<'a>(
    app: &App,
    browser: &'a Browser,
    page: &'static str,
) -> Result<Gate<'a>, Fault> {
    match to_see(app, browser)? {
        Gate::Open(me) => fresh(app, me, page).await,
        shut => Ok(shut),
    }
}

/// As [`to_act`], and proven lately as in [`to_prepare`].
pub(crate) async fn to_change<'a>(
    app: &App,
    form: &'a PageForm,
    page: &'static str,
) -> Result<Gate<'a>, Fault> {
    match to_act(app, form)? {
        Gate::Open(me) => fresh(app, me, page).await,
        shut => Ok(shut),
    }
}

/// Only who proved lately, with all the strength the account has, who they are.
pub(crate) async fn fresh<'a>(app: &App, me: &'a LiveBrowser, page: &'static str) -> Result<Gate<'a>, Fault> {
    match factors::fresh_enough(&app.issuer, me).await? {
        true => Ok(Gate::Open(me)),
        false => step_up(app, page).map(Gate::Shut),
    }
}
