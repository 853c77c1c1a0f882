//! `/oauth/introspect` (RFC 7662).

use super::{ClientRequest, secret_json};
use crate::app::App;
use crate::error::Fault;
use crate::extract::authorization;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::oauth::introspect;
use std::sync::Arc;

/// Tells what a token is worth.
pub(crate) async fn post(State(app): State<Arc<App>>, request: ClientRequest) -> Result<Response, Fault> {
    let authorization = authorization::of(&request.headers)?;
    let answer = introspect::introspect(&app.issuer, authorization, &request.params, request.ip).await?;
    Ok(secret_json(&answer))
}
