//! `/oauth/logout` (OIDC RP-Initiated Logout 1.0), and its question.

use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::{self, Query};
use crate::view::page::{ConfirmLogout, SignedOut};
use crate::view::see_other;
use axum::extract::{Request, State};
use axum::response::Response;
use countersign_issuer::oauth::logout::{self, Next};
use http::StatusCode;
use std::sync::Arc;

/// A client asks.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    match logout::logout(&app.issuer, &params, &browser.visitor, browser.caller.ip).await? {
        Next::Confirm { resume, client } => {
            let client = client.as_deref().map(Into::into);
            let page = ConfirmLogout { form_token: browser.form_token(&app), resume, client };
            Ok(app.views.show(StatusCode::OK, &page))
        }
        Next::Done { redirect, client } => {
            browser.cookies.clear_session();
            match redirect {
                Some(url) => see_other(&url),
                None => {
                    let client = client.as_deref().map(Into::into);
                    Ok(app.views.show(StatusCode::OK, &SignedOut { client }))
                }
            }
        }
    }
}

/// A client may post its request (RP-Initiated Logout 2), from another site: see `authorize::post`.
pub(crate) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    see_other(&form::as_query(&app, "/oauth/logout", request).await?)
}

/// The person said yes.
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let resume = params.required("resume")?;
    match logout::confirm(&app.issuer, resume, &browser.visitor, browser.caller.ip).await? {
        Next::Done { redirect, .. } => {
            browser.cookies.clear_session();
            see_other(&redirect.unwrap_or_else(|| app.url("/signed-out")))
        }
        // Somebody else has signed in since the question was shown: ask again.
        Next::Confirm { resume, client } => {
            let client = client.as_deref().map(Into::into);
            let page = ConfirmLogout { form_token: browser.form_token(&app), resume, client };
            Ok(app.views.show(StatusCode::OK, &page))
        }
    }
}
