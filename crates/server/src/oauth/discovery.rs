//! `/.well-known/openid-configuration` (OIDC Discovery 4) and `/.well-known/oauth-authorization-server`
//! (RFC 8414 3): the same members.

use crate::app::App;
use crate::error::Fault;
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

/// The metadata.
pub(crate) async fn get(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    Ok(app.documents.metadata(&app.issuer).await?.answer(request.headers()))
}
