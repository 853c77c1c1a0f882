//! `POST /auth/mfa/challenge {token, method}` and `POST /auth/mfa/verify {token, code, [method]}`: the step
//! after a partial token.

use super::{Naming, listed_origin, outcome};
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::Json;
use crate::layer::cors;
use crate::oauth::secret_json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
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
    json: Json,
) -> Result<Response, Fault> {
    let client = mfa::client_of(&app.issuer, json.required("token")?).await?;
    let response = send(&app, &caller, &json).await.unwrap_or_else(IntoResponse::into_response);
    Ok(cors::answer_for(&headers, client, response))
}

async fn send(app: &App, caller: &Caller, json: &Json) -> Result<Response, Fault> {
    let (token, method) = (json.required("token")?, json.required("method")?);
    let done = mfa::challenge(&app.issuer, token, method, "", caller).await?;
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
    let client = mfa::client_of(&app.issuer, json.required("token")?).await?;
    let answer = async {
        let token = json.required("token")?;
        if let Some(client) = client.as_deref().filter(|_| mfa::wants_cookie(&app.issuer, token)) {
            listed_origin(&headers, client)?;
        }
        let code = Secret::new(json.required("code")?);
        let done = mfa::verify(&app.issuer, token, &code, json.text("method")?, &caller).await?;
        Ok::<_, Fault>(outcome(&app, done, Naming::Plain, &cookies))
    };
    let response = answer.await.unwrap_or_else(IntoResponse::into_response);
    Ok(cors::answer_for(&headers, client, response))
}
