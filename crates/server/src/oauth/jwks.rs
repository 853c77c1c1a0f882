//! `/.well-known/jwks.json` (RFC 7517 5).

use crate::app::App;
use crate::error::Fault;
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

/// The published keys.
pub(crate) async fn get(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    Ok(app.documents.jwks(&app.issuer)?.answer(request.headers()))
}
