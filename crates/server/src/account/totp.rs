//! `/account/totp`: setting up an authenticator app, and removing it.

use super::gate::{Gate, to_change, to_prepare};
use super::recovery_codes;
use super::trouble::Failed;
use super::{done, frame};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::view::page::account::Totp;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account;
use countersign_issuer::account::enrol::totp::{self, Pending};
use countersign_issuer::model::Secret;
use countersign_issuer::port::browser_session::LiveBrowser;
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use std::sync::Arc;

/// A new key, shown.
pub(crate) async fn show(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, Fault> {
    let me = match to_prepare(&app, &browser, "/account/totp").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let account = account::load(&app.issuer, me).await?;
    let user = &account.it.subject.user;
    let pending = totp::begin(&app.issuer, user, &browser.visitor.binding, account.now)?;
    Ok(app.views.show(StatusCode::OK, &page(&app, &browser, me, account.it.enrolled.totp, pending)))
}

/// A code of it was typed.
pub(crate) async fn confirm(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/totp").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let (browser, flow) = (&form.browser, form.browser.visitor.binding.as_str());
    let sealed = form.params.required("sealed")?;
    let code = Secret::new(form.params.one("code")?.unwrap_or_default());
    let account = account::load(&app.issuer, me).await?;
    let user = &me.subject.user;
    let keep = Some(&me.session.id);
    let failed = match totp::confirm(&app.issuer, user, flow, sealed, &code, keep, &browser.caller).await {
        Ok(Some(codes)) => return Ok(recovery_codes::made(&app, browser, me, &codes, Some("totp_added"))),
        Ok(None) => return done(&app, "/account/security", "totp_added"),
        Err(failure) => Failed::of(failure)?,
    };
    let Some(again) = totp::again(&app.issuer, user, flow, sealed, account.now)? else {
        return done(&app, "/account/security", "too_late");
    };
    let mut page = page(&app, browser, me, account.it.enrolled.totp, again);
    page.frame.trouble = Some(failed.trouble());
    Ok(failed.show(&app, &page))
}

/// Removes it.
pub(crate) async fn remove(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/totp").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let keep = Some(&me.session.id);
    let removed = totp::remove(&app.issuer, &me.subject.user, keep, &form.browser.caller).await;
    removal(&app, removed, "totp_removed")
}

/// Where the removal of a way to sign in leads: what was done, or why not.
pub(crate) fn removal(
    app: &App,
    removed: countersign_issuer::Result<()>,
    what: &'static str,
) -> Result<Response, Fault> {
    let kept = match removed {
        Ok(()) => what,
        Err(Failure::Rejected(r)) if r.code == Code::NotFound => "none_there",
        Err(Failure::Rejected(r)) if r.code == Code::Conflict => match r.private.as_deref() {
            Some(countersign_issuer::account::factors::LAST_WAY) => "last_way",
            Some(countersign_issuer::account::factors::LAST_SECOND) => "last_second",
            _ => "changed_meanwhile",
        },
        Err(failure) => return Err(failure.into()),
    };
    done(app, "/account/security", kept)
}

fn page(app: &App, browser: &Browser, me: &LiveBrowser, replaces: bool, pending: Pending) -> Totp {
    Totp {
        frame: frame(app, browser, me, None),
        replaces,
        key: pending.key.expose().to_owned(),
        address: pending.url.expose().to_owned(),
        qr: pending.qr.expose().to_owned(),
        sealed: pending.blob,
    }
}
