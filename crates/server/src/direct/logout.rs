//! `POST /auth/logout` by bearer token, `{refresh_token}` or the cookie: the client session ends, 204.

use super::{Mode, from_cookie};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::authorization;
use crate::extract::cookies::Cookies;
use crate::extract::json::MaybeJson;
use crate::layer::cors;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_issuer::direct;
use countersign_issuer::oauth::bearer;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// Signs out.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    cookies: Cookies,
    body: MaybeJson,
) -> Result<Response, Fault> {
    let named = body.members.text("refresh_token")?;
    let named = named.or(bearer::from_header(authorization::of(&headers)?)?);
    if let Some(token) = named {
        return Ok(answer(&app, &headers, &cookies, Mode::Body, token).await);
    }
    if cookies.refresh().is_none() {
        return Err(Http::NoToken.into());
    }
    let token = from_cookie(&app, &headers, &cookies, &body).await?;
    let mut response = answer(&app, &headers, &cookies, Mode::Cookie, &token).await;
    cors::with_credentials(&mut response);
    Ok(response)
}

async fn answer(app: &App, headers: &HeaderMap, cookies: &Cookies, mode: Mode, token: &str) -> Response {
    let (client, outcome) = direct::logout(&app.issuer, token).await;
    let response = match outcome {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(failure) => Fault::from(failure).into_response(),
    };
    if mode == Mode::Cookie && response.status() == StatusCode::NO_CONTENT {
        cookies.clear_refresh();
    }
    cors::answer_for(headers, client, response)
}
