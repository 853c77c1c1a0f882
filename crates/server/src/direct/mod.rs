//! The direct API of first-party apps: JSON in, tokens out; the refresh token in the body or, in cookie
//! mode, where no script can read it.

pub(crate) mod api_login;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod mfa;
pub(crate) mod passwordless;
pub(crate) mod refresh;
pub(crate) mod verify;

use crate::app::App;
use crate::error::Fault;
use crate::extract::cookies::Cookies;
use crate::extract::json::{Json, MaybeJson};
use crate::layer::cors;
use crate::oauth::secret_json;
use axum::response::{IntoResponse, Response};
use countersign_issuer::direct::{Outcome, Wish};
use countersign_issuer::error::rejected;
use countersign_issuer::model::{Client, Factor, Proven};
use countersign_issuer::oauth::issue::TokenResponse;
use countersign_issuer::{Code, direct};
use http::HeaderMap;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Where the refresh token goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Body,
    Cookie,
}

impl Mode {
    fn of(cookie: bool) -> Self {
        if cookie { Self::Cookie } else { Self::Body }
    }
}

/// What the member `session` says to be in cookie mode.
const COOKIE: &str = "cookie";

/// Which names of the access token some clients know are there beside its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Naming {
    /// `token`.
    Plain,
    /// `token` and `session_token`.
    Session,
}

/// What the direct API answers; `token` is the access token under the name some clients know.
#[derive(Serialize)]
struct Tokens<'a> {
    access_token: &'a str,
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(flatten)]
    mfa: Option<Mfa>,
}

/// There with a sign-in by two factors.
#[derive(Serialize)]
struct Mfa {
    mfa_verified: bool,
    mfa_method: &'static str,
    mfa_verified_at: i64,
}

impl From<Proven> for Mfa {
    fn from(second: Proven) -> Self {
        Self { mfa_verified: true, mfa_method: second.factor.method(), mfa_verified_at: second.at.seconds() }
    }
}

/// A second factor is due: `token` is good for that and nothing else.
#[derive(Serialize)]
struct MfaRequired<'a> {
    token: &'a str,
    mfa_required: bool,
    mfa_methods: Vec<&'static str>,
}

/// A call's answer, or why there is none, for that client's pages. `Mode::Cookie`: scripts call with cookies
/// (`credentials: "include"`), and read either all the same.
fn answer_for(
    asking: &HeaderMap,
    client: Option<Arc<Client>>,
    mode: Mode,
    answer: Result<Response, Fault>,
) -> Response {
    let mut response = cors::answer_for(asking, client, answer.unwrap_or_else(IntoResponse::into_response));
    if mode == Mode::Cookie {
        cors::with_credentials(&mut response);
    }
    response
}

/// Which mode a body asks for, whatever else is wrong with it.
fn mode(json: &Json) -> Mode {
    match json.text("session") {
        Ok(Some(COOKIE)) => Mode::Cookie,
        _ => Mode::Body,
    }
}

/// What a sign-in came to.
fn outcome(app: &App, outcome: Outcome, naming: Naming, cookies: &Cookies) -> Response {
    match outcome {
        Outcome::Done(done) => {
            let mode = Mode::of(done.cookie);
            let with = (done.second, naming);
            answered(app, &done.tokens, with, &done.client, mode, cookies)
        }
        Outcome::MfaRequired(due) => secret_json(&MfaRequired {
            token: &due.token,
            mfa_required: true,
            mfa_methods: due.methods.into_iter().map(Factor::method).collect(),
        }),
    }
}

/// What a body asks for.
fn wish(json: &Json) -> Result<Wish, Fault> {
    Ok(Wish {
        client_id: json.text("client_id")?.map(str::to_owned),
        scope: json.text("scope")?.map(str::to_owned),
        resource: json.list("resource")?,
        cookie: match json.text("session")? {
            None => false,
            Some(COOKIE) => true,
            Some(_) => {
                return Err(rejected(
                    Code::InvalidRequest,
                    "The member session can only be the word cookie.",
                )
                .into());
            }
        },
    })
}

fn tokens(app: &App, tokens: &TokenResponse, client: &Client, mode: Mode, cookies: &Cookies) -> Response {
    answered(app, tokens, (None, Naming::Plain), client, mode, cookies)
}

fn answered(
    app: &App,
    tokens: &TokenResponse,
    (second, naming): (Option<Proven>, Naming),
    client: &Client,
    mode: Mode,
    cookies: &Cookies,
) -> Response {
    let refresh_token = tokens.refresh_token.as_deref();
    if let (Mode::Cookie, Some(token)) = (mode, refresh_token) {
        let own = client.metadata.refresh_absolute.map(|s| Duration::from_secs(s.into()));
        cookies.set_refresh(token, own.unwrap_or(app.issuer.settings.refresh_absolute));
    }
    secret_json(&Tokens {
        access_token: &tokens.access_token,
        token: &tokens.access_token,
        session_token: (naming == Naming::Session).then_some(&tokens.access_token),
        token_type: tokens.token_type,
        expires_in: tokens.expires_in,
        refresh_token: refresh_token.filter(|_| mode == Mode::Body),
        id_token: tokens.id_token.as_deref(),
        scope: &tokens.scope,
        session_id: tokens.session_id.as_deref(),
        mfa: second.map(Mfa::from),
    })
}

/// The refresh token of a cookie call, once the call is known to come from a page of the token's client,
/// asked as no form of another site can ask.
async fn from_cookie(
    app: &App,
    headers: &HeaderMap,
    cookies: &Cookies,
    body: &MaybeJson,
) -> Result<String, Fault> {
    let token = cookies.refresh().unwrap_or_default();
    if !body.is_json {
        return Err(rejected(
            Code::InvalidRequest,
            "A call with the cookie needs Content-Type: application/json.",
        )
        .into());
    }
    let client = direct::client_of(&app.issuer, token).await?;
    let client = client.ok_or_else(|| {
        cookies.clear_refresh();
        rejected(Code::InvalidGrant, "The session has ended. Sign in again.")
    })?;
    listed_origin(headers, &client)?;
    Ok(token.to_owned())
}

/// Cookie mode: a browser sends the cookie by itself, so the page that made it call must be the client's.
fn listed_origin(headers: &HeaderMap, client: &Client) -> Result<(), Fault> {
    if cors::is_listed(headers, client) {
        return Ok(());
    }
    Err(rejected(Code::ForbiddenOrigin, "This page's origin is not one of the client's.").into())
}
