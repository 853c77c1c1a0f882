//! The direct API: `{"error": "stable_code", "error_description": "for people"}`.

use super::{Fault, challenge, json};
use crate::app::App;
use axum::response::Response;
use countersign_issuer::Code;
use http::StatusCode;

fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidCredentials
        | Code::InvalidToken
        | Code::InvalidGrant
        | Code::InvalidClient
        | Code::InvalidCode
        | Code::CodeExpired => StatusCode::UNAUTHORIZED,
        Code::ForbiddenOrigin
        | Code::UnauthorizedClient
        | Code::AccessDenied
        | Code::InsufficientScope
        | Code::UnmetAuthenticationRequirements => StatusCode::FORBIDDEN,
        Code::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    }
}

pub(super) fn answer(app: &App, fault: &Fault) -> Response {
    let shown = fault.shown(status);
    let mut response = json(&shown);
    // RFC 9110 15.5.2: a 401 carries a challenge. `Bearer`, since browsers open no dialog for it.
    if shown.status == StatusCode::UNAUTHORIZED {
        challenge(&mut response, "Bearer", &app.config.public_url, &[("error", shown.code)]);
    }
    response
}
