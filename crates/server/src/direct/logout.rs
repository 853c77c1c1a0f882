//! `POST /auth/logout` by bearer token, `{refresh_token}` or the cookie: the client session ends, 204.

use super::{Mode, answer_for, from_cookie};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::authorization;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::MaybeJson;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::direct;
use countersign_issuer::oauth::bearer;
use http::{HeaderMap, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;

/// Signs out.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    From(caller): From,
    headers: HeaderMap,
    cookies: Cookies,
    body: MaybeJson,
) -> Result<Response, Fault> {
    let named = body.members.text("refresh_token")?;
    let named = named.or(bearer::from_header(authorization::of(&headers)?)?);
    if let Some(token) = named {
        return Ok(answer(&app, &headers, &cookies, Mode::Body, token, caller.ip).await);
    }
    if cookies.refresh().is_none() {
        return Err(Http::NoToken.into());
    }
    let token = from_cookie(&app, &headers, &cookies, &body).await?;
    Ok(answer(&app, &headers, &cookies, Mode::Cookie, &token, caller.ip).await)
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    cookies: &Cookies,
    mode: Mode,
    token: &str,
    ip: IpAddr,
) -> Response {
    let (client, outcome) = direct::logout(&app.issuer, token, ip).await;
    let answer = outcome.map_err(Fault::from).map(|()| {
        if mode == Mode::Cookie {
            cookies.clear_refresh();
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    });
    answer_for(headers, client, mode, answer)
}
