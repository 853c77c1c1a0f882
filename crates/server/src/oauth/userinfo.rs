//! `/oauth/userinfo` and `/api/userinfo` (OIDC Core 5.3): the token comes in the header and nowhere else
//! (RFC 6750 2.3 in an address is a leak, 2.2 in a body is for clients that cannot set a header).

use super::secret_json;
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::form::Form;
use crate::extract::{authorization, body, one_header};
use crate::layer::cors;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use countersign_issuer::Code;
use countersign_issuer::error::rejected;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::oauth::{bearer, userinfo};
use http::{HeaderMap, header};
use std::sync::Arc;

const ACCESS_TOKEN: &str = "access_token";

/// `GET`.
pub(crate) async fn get(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    no_token_in_query(&request)?;
    answer(&app, request.headers()).await
}

/// `POST`; a form without a token in it is ignored.
pub(crate) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    no_token_in_query(&request)?;
    let (parts, body) = request.into_parts();
    let content_type = one_header(&parts.headers, &header::CONTENT_TYPE);
    if body::is_type(content_type, "application/x-www-form-urlencoded") {
        let Form(params) = Form::read(&app, &parts.headers, body).await?;
        no_token_in(&params)?;
    }
    answer(&app, &parts.headers).await
}

async fn answer(app: &App, headers: &HeaderMap) -> Result<Response, Fault> {
    let token = bearer::from_header(authorization::of(headers)?)?;
    if token.is_none() {
        return Err(Http::NoToken.into());
    }
    let (client, outcome) = userinfo::userinfo(&app.issuer, token).await;
    let response = match outcome {
        Ok(claims) => secret_json(&claims),
        Err(failure) => Fault::from(failure).into_response(),
    };
    Ok(cors::answer_for(headers, client, response))
}

fn no_token_in_query(request: &Request) -> Result<(), Fault> {
    match request.uri().query() {
        None | Some("") => Ok(()),
        Some(query) => no_token_in(&Params::parse(query.as_bytes())?),
    }
}

fn no_token_in(params: &Params) -> Result<(), Fault> {
    if params.many(ACCESS_TOKEN).is_empty() {
        return Ok(());
    }
    Err(rejected(Code::InvalidRequest, "Send the access token in the Authorization header only.").into())
}
