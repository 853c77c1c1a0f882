//! `POST /auth/refresh {refresh_token}`, or with the cookie.

use super::{Mode, answer_for, from_cookie, tokens};
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::MaybeJson;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::error::rejected;
use countersign_issuer::{Code, Failure, direct};
use http::HeaderMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A new pair.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    From(caller): From,
    headers: HeaderMap,
    cookies: Cookies,
    body: MaybeJson,
) -> Result<Response, Fault> {
    let mode = match (body.members.text("refresh_token")?, cookies.refresh()) {
        (Some(token), _) => return Ok(answer(&app, &headers, &cookies, Mode::Body, token, caller.ip).await),
        (None, None) => {
            return Err(rejected(Code::InvalidRequest, "The member refresh_token is missing.").into());
        }
        (None, Some(_)) => Mode::Cookie,
    };
    let token = from_cookie(&app, &headers, &cookies, &body).await?;
    Ok(answer(&app, &headers, &cookies, mode, &token, caller.ip).await)
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    cookies: &Cookies,
    mode: Mode,
    token: &str,
    ip: IpAddr,
) -> Response {
    let (client, outcome) = direct::refresh(&app.issuer, token, ip).await;
    let answer = match (outcome, client.as_deref()) {
        (Ok(done), Some(client)) => Ok(tokens(app, &done, client, mode, cookies)),
        (Ok(_), None) => Err(Failure::Bug("tokens for no client".to_owned()).into()),
        (Err(failure), _) => {
            // The cookie's session is over: the browser need not offer it again.
            if mode == Mode::Cookie && matches!(&failure, Failure::Rejected(_)) {
                cookies.clear_refresh();
            }
            Err(failure.into())
        }
    };
    answer_for(headers, client, mode, answer)
}
