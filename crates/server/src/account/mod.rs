//! `/account`: who am I, where am I signed in, end what I do not know.

use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::view::page::{Account, AppSession, BrowserEntry};
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::sessions::{self, Entry};
use countersign_issuer::model::ClientSession;
use countersign_issuer::port::browser_session::LiveBrowser;
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use std::sync::Arc;

/// The page; who is not signed in signs in first.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let Some(me) = &browser.visitor.session else { return see_other(&app.url("/login")) };
    let overview = sessions::overview(&app.issuer, me).await?;
    let page = Account {
        form_token: browser.form_token(&app),
        me: me.subject.user.id.to_string(),
        user: (&me.subject.user).into(),
        others: !overview.apps.is_empty() || overview.browsers.iter().any(|b| !b.current),
        browsers: overview.browsers.into_iter().map(entry).collect(),
        apps: overview.apps.into_iter().map(app_session).collect(),
        notice: notice(params.one("done")?),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// Ends one session: of a browser, or of an application.
pub(crate) async fn end(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let Some(me) = asker(&form)? else { return not_you(&app) };
    let id = form.params.required("id")?;
    match sessions::end(&app.issuer, me, id).await {
        Ok(()) if id == me.session.id.as_str() => signed_out(&app, &form),
        Ok(()) => done(&app, "ended"),
        Err(Failure::Rejected(r)) if r.code == Code::NotFound => done(&app, "gone"),
        Err(failure) => Err(failure.into()),
    }
}

/// Ends everything but this browser.
pub(crate) async fn end_others(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let Some(me) = asker(&form)? else { return not_you(&app) };
    sessions::end_others(&app.issuer, me).await?;
    done(&app, "ended_others")
}

/// Signs out here.
pub(crate) async fn sign_out(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let Some(me) = asker(&form)? else { return not_you(&app) };
    sessions::end_current(&app.issuer, &me.session.id, me).await?;
    signed_out(&app, &form)
}

/// Who is signed in, if it is the person the page was shown to: in a browser with two people in turn, the
/// page of one must not act for the other.
fn asker(form: &PageForm) -> Result<Option<&LiveBrowser>, Fault> {
    let me = form.params.required("me")?;
    Ok(form.browser.visitor.session.as_ref().filter(|s| s.subject.user.id.as_str() == me))
}

/// The account page tells, or asks to sign in.
fn not_you(app: &App) -> Result<Response, Fault> {
    done(app, "other")
}

fn done(app: &App, what: &str) -> Result<Response, Fault> {
    see_other(&format!("{}?done={what}", app.url("/account")))
}

fn signed_out(app: &App, form: &PageForm) -> Result<Response, Fault> {
    form.browser.cookies.clear_session();
    see_other(&app.url("/signed-out"))
}

/// Only texts of ours: the address bar says nothing by itself.
fn notice(done: Option<&str>) -> Option<&'static str> {
    let known = ["ended", "ended_others", "gone", "other"];
    known.into_iter().find(|k| Some(*k) == done)
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

fn app_session((session, name): (ClientSession, String)) -> AppSession {
    AppSession {
        id: session.id.to_string(),
        name,
        device: session.device,
        created_at: session.created_at.millis(),
    }
}
