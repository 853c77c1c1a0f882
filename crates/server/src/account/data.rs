//! `/account/data`: taking one's data, and `/account/delete`: deleting the account.

use super::frame;
use super::gate::{Gate, to_change, to_prepare, to_see};
use super::trouble::Failed;
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::view::page::account::{Data, Delete, Deleted};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_issuer::account::{delete, export};
use countersign_issuer::port::browser_session::LiveBrowser;
use http::{StatusCode, header};
use std::sync::Arc;

/// The page.
pub(crate) async fn show(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    Ok(app.views.show(StatusCode::OK, &Data { frame: frame(&app, &browser, me, None) }))
}

/// The document, as a file.
pub(crate) async fn take(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/data").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let document = export::export(&app.issuer, me, &form.browser.caller).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"account.json\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, document).into_response())
}

/// Really?
pub(crate) async fn ask(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, Fault> {
    let me = match to_prepare(&app, &browser, "/account/delete").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    Ok(app.views.show(StatusCode::OK, &asked(&app, &browser, me)))
}

/// Gone.
pub(crate) async fn remove(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/delete").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let typed = form.params.one("email")?.unwrap_or_default();
    match delete::delete(&app.issuer, me, typed, &form.browser.caller).await {
        Ok(()) => {
            form.browser.cookies.clear_session();
            Ok(app.views.show(StatusCode::OK, &Deleted {}))
        }
        Err(failure) => {
            let failed = Failed::of(failure)?;
            let mut page = asked(&app, &form.browser, me);
            page.frame.trouble = Some(failed.trouble());
            Ok(failed.show(&app, &page))
        }
    }
}

fn asked(app: &App, browser: &Browser, me: &LiveBrowser) -> Delete {
    Delete { frame: frame(app, browser, me, None), email: me.subject.user.email.clone() }
}
