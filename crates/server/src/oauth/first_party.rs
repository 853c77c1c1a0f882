//! `/oauth/authorize-challenge` (draft-ietf-oauth-first-party-apps): an authorization code for an app of ours
//! that asks the person on its own pages.

use super::{ClientRequest, secret_json};
use crate::app::App;
use crate::error::Fault;
use crate::extract::authorization;
use crate::extract::client_ip::From;
use crate::layer::cors;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_issuer::Code;
use countersign_issuer::model::Factor;
use countersign_issuer::oauth::authorize::first_party::{self, Due, More, Outcome};
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Authorized<'a> {
    authorization_code: &'a str,
}

/// More is due: an error of the draft, with what to ask for.
#[derive(Serialize)]
struct Insufficient<'a> {
    error: &'static str,
    error_description: &'static str,
    auth_session: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    password_required: bool,
    #[serde(skip_serializing_if = "is_false")]
    otp_required: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mfa_methods: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// One call of the app.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    From(caller): From,
    request: ClientRequest,
) -> Result<Response, Fault> {
    let authorization = authorization::of(&request.headers)?;
    let (client, outcome) =
        first_party::challenge(&app.issuer, authorization, &request.params, &caller).await;
    let response = match outcome {
        Ok(Outcome::Code(code)) => secret_json(&Authorized { authorization_code: &code }),
        Ok(Outcome::More(more)) => insufficient(&more),
        Err(failure) => Fault::from(failure).into_response(),
    };
    Ok(cors::answer_for(&request.headers, client, response))
}

fn insufficient(more: &More) -> Response {
    let (methods, method) = match &more.due {
        Due::Password => (Vec::new(), None),
        Due::Otp { methods, chosen } => {
            (methods.iter().copied().map(Factor::method).collect(), chosen.map(Factor::method))
        }
    };
    let password_required = more.due == Due::Password;
    let mut response = secret_json(&Insufficient {
        error: Code::InsufficientAuthorization.name(),
        error_description: match password_required {
            true => "Send username and password with this auth_session.",
            false => "Send otp with this auth_session, or method to have a code sent.",
        },
        auth_session: &more.auth_session,
        password_required,
        otp_required: !password_required,
        mfa_methods: methods,
        method,
    });
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
