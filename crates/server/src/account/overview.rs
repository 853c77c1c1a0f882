//! `/account`: who am I, where am I signed in, end what I do not know.

use super::gate::{Gate, to_act, to_see};
use super::{done, frame};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::view::page::account::{AppSession, BrowserEntry, DeviceEntry, Overview};
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::devices;
use countersign_issuer::account::sessions::{self, Entry};
use countersign_issuer::model::ClientSession;
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use std::sync::Arc;

/// The page; who is not signed in signs in first.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let overview = sessions::overview(&app.issuer, me).await?;
    let page = Overview {
        frame: frame(&app, &browser, me, params.one("done")?),
        user: (&me.subject.user).into(),
        others: !overview.apps.is_empty() || overview.browsers.iter().any(|b| !b.current),
        browsers: overview.browsers.into_iter().map(entry).collect(),
        apps: overview.apps.into_iter().map(app_session).collect(),
        devices: devices::list(&app.issuer, me, &browser.caller).await?.into_iter().map(device).collect(),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// Ends one session: of a browser, or of an application.
pub(crate) async fn end(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let id = form.params.required("id")?;
    match sessions::end(&app.issuer, me, id, &form.browser.caller).await {
        Ok(()) if id == me.session.id.as_str() => signed_out(&app, &form),
        Ok(()) => done(&app, "/account", "ended"),
        Err(Failure::Rejected(r)) if r.code == Code::NotFound => done(&app, "/account", "gone"),
        Err(failure) => Err(failure.into()),
    }
}

/// Ends everything but this browser.
pub(crate) async fn end_others(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    sessions::end_others(&app.issuer, me, &form.browser.caller).await?;
    done(&app, "/account", "ended_others")
}

/// Signs out here.
pub(crate) async fn sign_out(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    sessions::end_current(&app.issuer, &me.session.id, me, &form.browser.caller).await?;
    signed_out(&app, &form)
}

fn signed_out(app: &App, form: &PageForm) -> Result<Response, Fault> {
    form.browser.cookies.clear_session();
    see_other(&app.url("/signed-out"))
}

fn entry(entry: Entry) -> BrowserEntry {
    BrowserEntry {
        id: entry.session.id.to_string(),
        current: entry.current,
        device: entry.session.device,
        created_at: entry.session.created_at.millis(),
        seen_at: entry.session.seen_at.millis(),
        apps: entry.apps.into_iter().map(app_session).collect(),
    }
}

fn device(entry: devices::Entry) -> DeviceEntry {
    DeviceEntry {
        id: entry.id,
        current: entry.current,
        device: entry.known.device,
        created_at: entry.known.created_at.millis(),
        seen_at: entry.known.seen_at.millis(),
    }
}

fn app_session((session, name): (ClientSession, String)) -> AppSession {
    AppSession {
        id: session.id.to_string(),
        name,
        device: session.device,
        created_at: session.created_at.millis(),
    }
}
