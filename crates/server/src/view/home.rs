//! `/`: what this server is. `/signed-out`: where signing out ends.

use super::page::{Home, SignedOut};
use crate::app::App;
use crate::error::Fault;
use crate::extract::cookies::Cookies;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::login::browser;
use http::StatusCode;
use std::sync::Arc;

/// `GET /`.
pub(crate) async fn get(State(app): State<Arc<App>>, cookies: Cookies) -> Result<Response, Fault> {
    let session = match cookies.session() {
        Some(value) => browser::session(&app.issuer, value).await?,
        None => None,
    };
    let email = session.map(|s| s.subject.user.email);
    Ok(app.views.show(StatusCode::OK, &Home { host: app.site.host.clone(), email }))
}

/// `GET /signed-out`.
pub(crate) async fn signed_out(State(app): State<Arc<App>>) -> Response {
    app.views.show(StatusCode::OK, &SignedOut { client: None })
}
