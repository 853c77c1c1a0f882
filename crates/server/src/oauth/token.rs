//! `/oauth/token` (RFC 6749 3.2).

use super::{ClientRequest, secret_json};
use crate::app::App;
use crate::error::Fault;
use crate::extract::authorization;
use crate::layer::cors;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_issuer::oauth::grant;
use std::sync::Arc;

/// Answers a grant.
pub(crate) async fn post(State(app): State<Arc<App>>, request: ClientRequest) -> Result<Response, Fault> {
    let authorization = authorization::of(&request.headers)?;
    let (client, outcome) = grant::token(&app.issuer, authorization, &request.params, request.ip).await;
    let response = match outcome {
        Ok(tokens) => secret_json(&tokens),
        Err(failure) => Fault::from(failure).into_response(),
    };
    Ok(cors::answer_for(&request.headers, client, response))
}
