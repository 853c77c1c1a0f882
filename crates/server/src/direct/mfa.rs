//! `POST /auth/mfa/challenge {token, method}` and `POST /auth/mfa/verify {token, code, [method]}`: the step
//! after a partial token.

use super::{Mode, Naming, answer_for, listed_origin, outcome};
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::Json;
use crate::oauth::secret_json;
use crate::view::Lang;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::direct::mfa;
use countersign_issuer::login::Caller;
use countersign_issuer::model::Secret;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Challenged<'a> {
    token: &'a str,
    method: &'static str,
}

/// Sends a code: 202. A method that needs none: 200, and nothing is sent.
pub(crate) async fn challenge(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    lang: Lang,
    json: Json,
) -> Result<Response, Fault> {
    let client = mfa::client_of(&app.issuer, json.required("token")?).await?;
    let answer = send(&app, &caller, &lang, &json).await;
    Ok(answer_for(&headers, client, Mode::Body, answer))
}

async fn send(app: &App, caller: &Caller, lang: &Lang, json: &Json) -> Result<Response, Fault> {
    let (token, method) = (json.required("token")?, json.required("method")?);
    let done = mfa::challenge(&app.issuer, token, method, lang.as_str(), caller).await?;
    let mut response = secret_json(&Challenged { token: &done.token, method: done.method.method() });
    if done.sent {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    Ok(response)
}

/// Takes a code.
pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    cookies: Cookies,
    json: Json,
) -> Result<Response, Fault> {
    let token = json.required("token")?;
    let client = mfa::client_of(&app.issuer, token).await?;
    let mode = Mode::of(mfa::wants_cookie(&app.issuer, token));
    let answer = async {
        if let Some(client) = client.as_deref().filter(|_| mode == Mode::Cookie) {
            listed_origin(&headers, client)?;
        }
        let code = Secret::new(json.required("code")?);
        let done = mfa::verify(&app.issuer, token, &code, json.text("method")?, &caller).await?;
        Ok::<_, Fault>(outcome(&app, done, Naming::Plain, &cookies))
    };
    let answer = answer.await;
    Ok(answer_for(&headers, client, mode, answer))
}
