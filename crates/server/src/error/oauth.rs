//! OAuth endpoints (RFC 6749 5.2, RFC 7009 2.2.1, RFC 7662 2.3) and protected resources (RFC 6750 3).

use super::{Asked, Fault, Http, Shown, challenge, json};
use crate::app::App;
use crate::routes::Surface;
use axum::response::Response;
use countersign_issuer::Code;
use http::StatusCode;

fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidClient | Code::InvalidToken => StatusCode::UNAUTHORIZED,
        Code::InsufficientScope | Code::AccessDenied | Code::ForbiddenOrigin => StatusCode::FORBIDDEN,
        Code::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    }
}

pub(super) fn answer(app: &App, asked: &Asked, fault: &Fault) -> Response {
    let shown = fault.shown(status);
    let mut response = json(&shown);
    let realm = &app.config.public_url;
    match asked.surface {
        Surface::Resource if matches!(fault, Fault::Http(Http::NoToken)) => {
            challenge(&mut response, "Bearer", realm, &[]);
        }
        Surface::Resource if shown.status == StatusCode::UNAUTHORIZED => {
            let more = [("error", shown.code), ("error_description", shown.text.as_ref())];
            challenge(&mut response, "Bearer", realm, &more);
        }
        Surface::Resource if shown.code == Code::InsufficientScope.name() => {
            challenge(&mut response, "Bearer", realm, &[("error", shown.code), ("scope", "openid")]);
        }
        Surface::Verifier => return verifier(app, asked, &shown, response),
        // Only to a client that tried the header: a browser that gets the challenge unasked opens its own
        // password dialog.
        Surface::OAuth if shown.status == StatusCode::UNAUTHORIZED && asked.authorization => {
            challenge(&mut response, "Basic", realm, &[("charset", "UTF-8")]);
        }
        _ => {}
    }
    response
}

/// A verifier shows a secret or a token: the challenge is that of what it tried, `Bearer` if it tried nothing.
fn verifier(app: &App, asked: &Asked, shown: &Shown, mut response: Response) -> Response {
    let realm = &app.config.public_url;
    let told = [("error", shown.code), ("error_description", shown.text.as_ref())];
    match shown.status {
        StatusCode::UNAUTHORIZED if shown.code == Code::InvalidToken.name() => {
            challenge(&mut response, "Bearer", realm, &told);
        }
        StatusCode::UNAUTHORIZED if asked.authorization => {
            challenge(&mut response, "Basic", realm, &[("charset", "UTF-8")]);
        }
        StatusCode::UNAUTHORIZED => challenge(&mut response, "Bearer", realm, &[]),
        StatusCode::FORBIDDEN => {
            let scope = ("scope", countersign_issuer::oauth::verifier::SCOPE);
            challenge(&mut response, "Bearer", realm, &[("error", shown.code), scope]);
        }
        _ => {}
    }
    response
}
