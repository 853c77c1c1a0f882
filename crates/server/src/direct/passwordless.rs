//! `POST /auth/passwordless/request {email}` (a link), `/auth/passwordless/code {email}` (six digits), and
//! `/auth/passwordless/verify {email, code, [flow]}`.

use super::{Mode, Naming, answer_for, listed_origin, outcome, wish};
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::Json;
use crate::oauth::secret_json;
use crate::view::Lang;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::direct;
use countersign_issuer::direct::passwordless::{self, By, Within};
use countersign_issuer::login::Caller;
use countersign_issuer::model::Secret;
use countersign_token::base64url;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Started<'a> {
    flow: &'a str,
}

/// A link by mail.
pub(crate) async fn request(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    cookies: Cookies,
    lang: Lang,
    json: Json,
) -> Result<Response, Fault> {
    start(&app, By::Link, &headers, &caller, &cookies, &lang, &json).await
}

/// A code by mail.
pub(crate) async fn code(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    cookies: Cookies,
    lang: Lang,
    json: Json,
) -> Result<Response, Fault> {
    start(&app, By::Code, &headers, &caller, &cookies, &lang, &json).await
}

async fn start(
    app: &App,
    by: By,
    headers: &HeaderMap,
    caller: &Caller,
    cookies: &Cookies,
    lang: &Lang,
    json: &Json,
) -> Result<Response, Fault> {
    let client = direct::client(&app.issuer, json.text("client_id")?).await?;
    let answer = async {
        let wish = wish(json)?;
        if wish.cookie {
            listed_origin(headers, &client)?;
        }
        let email = json.required("email")?;
        let (flow, lang) = (flow_cookie(cookies), lang.as_str());
        let started = passwordless::request(&app.issuer, by, email, &wish, flow, lang, caller).await?;
        if flow.is_none() {
            cookies.set_flow(started.name);
        }
        let mut response = secret_json(&Started { flow: &started.flow });
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok::<_, Fault>(response)
    };
    let answer = answer.await;
    // Also without cookie mode: the flow is a cookie of its own.
    Ok(answer_for(headers, Some(client), Mode::Cookie, answer))
}

/// The code of a mail.
pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    cookies: Cookies,
    json: Json,
) -> Result<Response, Fault> {
    let within = Within { flow: json.text("flow")?, cookie: flow_cookie(&cookies) };
    let (client, cookie_mode) = passwordless::client_of(&app.issuer, within).await?;
    let answer = async {
        if cookie_mode {
            listed_origin(&headers, &client)?;
        }
        let (email, code) = (json.required("email")?, Secret::new(json.required("code")?));
        let done = passwordless::verify_code(&app.issuer, email, &code, within, &caller).await?;
        Ok::<_, Fault>(outcome(&app, done, Naming::Plain, &cookies))
    };
    let answer = answer.await;
    Ok(answer_for(&headers, Some(client), Mode::Cookie, answer))
}

/// The browser's flow, if the cookie is one of ours.
pub(super) fn flow_cookie(cookies: &Cookies) -> Option<&str> {
    cookies.flow().filter(|v| base64url::decode(v).is_some_and(|b| b.len() == 32))
}
