//! `/oauth/revoke` (RFC 7009): 200 with nothing in it.

use super::ClientRequest;
use crate::app::App;
use crate::error::Fault;
use crate::extract::authorization;
use crate::layer::cors;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_issuer::oauth::revoke;
use std::sync::Arc;

/// Revokes.
pub(crate) async fn post(State(app): State<Arc<App>>, request: ClientRequest) -> Result<Response, Fault> {
    let authorization = authorization::of(&request.headers)?;
    let (client, outcome) = revoke::revoke(&app.issuer, authorization, &request.params, request.ip).await;
    let response = match outcome {
        Ok(()) => Response::new(Body::empty()),
        Err(failure) => Fault::from(failure).into_response(),
    };
    Ok(cors::answer_for(&request.headers, client, response))
}
