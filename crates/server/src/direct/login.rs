//! `POST /auth/login {username, password, [client_id, scope, resource, session: "cookie"]}`.

use super::{Naming, listed_origin, outcome, wish};
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::Json;
use crate::layer::cors;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_issuer::direct;
use countersign_issuer::login::Caller;
use countersign_issuer::model::{Client, Secret};
use http::HeaderMap;
use std::sync::Arc;

/// Signs in.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    From(caller): From,
    cookies: Cookies,
    json: Json,
) -> Result<Response, Fault> {
    let client = direct::client(&app.issuer, json.text("client_id")?).await?;
    let response = answer(&app, &headers, &caller, &cookies, &json, &client).await;
    let response = response.unwrap_or_else(IntoResponse::into_response);
    Ok(cors::answer_for(&headers, Some(client), response))
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    caller: &Caller,
    cookies: &Cookies,
    json: &Json,
    client: &Client,
) -> Result<Response, Fault> {
    let wish = wish(json)?;
    if wish.cookie {
        listed_origin(headers, client)?;
    }
    let ask = direct::Login {
        username: json.required("username")?.to_owned(),
        password: Secret::new(json.required("password")?),
        wish,
    };
    Ok(outcome(app, direct::login(&app.issuer, ask, caller).await?, Naming::Plain, cookies))
}
