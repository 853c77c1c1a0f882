//! `POST /auth/login {username, password, [client_id, scope, resource, session: "cookie"]}`.

use super::{Naming, answer_for, listed_origin, mode, outcome, wish};
use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip::From;
use crate::extract::cookies::Cookies;
use crate::extract::json::Json;
use axum::extract::State;
use axum::response::Response;
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
    let answer = answer(&app, &headers, &caller, &cookies, &json, &client).await;
    Ok(answer_for(&headers, Some(client), mode(&json), answer))
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
