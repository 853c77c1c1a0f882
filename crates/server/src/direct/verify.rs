//! `POST /auth/verify {token, [flow]}`: the link of a mail, used by the app that asked for it. The token may
//! stand in the query too, as in the link itself. `GET` is a page and changes nothing.

use super::passwordless::flow_cookie;
use super::{Mode, Naming, answer_for, listed_origin, outcome};
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::form::Query;
use crate::extract::json::MaybeJson;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::Code;
use countersign_issuer::direct::passwordless::{self, Within};
use countersign_issuer::error::rejected;
use http::HeaderMap;
use std::sync::Arc;

/// Uses a link in the flow that asked for it.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    cookies: Cookies,
    Query(query): Query,
    body: MaybeJson,
) -> Result<Response, Fault> {
    let json = &body.members;
    let within = Within { flow: json.text("flow")?, cookie: flow_cookie(&cookies) };
    let (client, cookie_mode) = passwordless::client_of(&app.issuer, within).await?;
    let answer = async {
        if cookie_mode {
            listed_origin(&headers, &client)?;
        }
        let token = json.text("token")?.or(query.one("token")?);
        let token = token.ok_or_else(|| rejected(Code::InvalidRequest, "The member token is missing."))?;
        let done = passwordless::verify_link(&app.issuer, token, within, &caller).await?;
        Ok::<_, Fault>(outcome(&app, done, Naming::Session, &cookies))
    };
    let answer = answer.await;
    Ok(answer_for(&headers, Some(client), Mode::Cookie, answer))
}
