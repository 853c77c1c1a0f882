//! `/healthz`: the process answers. `/readyz`: so does what it needs.

use crate::app::App;
use crate::error::Fault;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use std::sync::Arc;

fn ok() -> Response {
    let mut response = "{\"status\":\"ok\"}".into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Alive.
pub(crate) async fn live() -> Response {
    ok()
}

/// The store answers with the migrations of this binary, and there are keys to sign with.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    app.issuer.store.ping().await.map_err(countersign_issuer::Failure::from)?;
    if app.issuer.keys.algorithms().is_empty() {
        let unavailable = countersign_issuer::Unavailable {
            what: "keys",
            detail: "no active signing key".to_owned(),
            retry_after: std::time::Duration::from_secs(1),
        };
        return Err(countersign_issuer::Failure::from(unavailable).into());
    }
    Ok(ok())
}
