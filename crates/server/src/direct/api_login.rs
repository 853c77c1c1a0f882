//! `POST /api/auth/login {username, password, [scope, resource]}`: an API user and its key.

use super::Mode;
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::Json;
use crate::layer::cors;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::direct;
use countersign_issuer::model::{ClientId, Secret};
use http::HeaderMap;
use std::sync::Arc;

/// Answers a token of the client itself.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    cookies: Cookies,
    json: Json,
) -> Result<Response, Fault> {
    let username = json.required("username")?;
    let key = Secret::new(json.required("password")?);
    let (scope, resource) = (json.text("scope")?, json.list("resource")?);
    let done = direct::api_login(&app.issuer, username, &key, scope, &resource, &caller).await?;
    let client = match ClientId::parse(username) {
        Some(id) => app.issuer.directory.client(&id).await?,
        None => None,
    };
    let client =
        client.ok_or_else(|| countersign_issuer::Failure::Bug("a token for no client".to_owned()))?;
    let response = super::tokens(&app, &done, &client, Mode::Body, &cookies);
    Ok(cors::answer_for(&headers, Some(client), response))
}
