//! Pages: a page that says what happened and what to do next.

use super::{Asked, Fault, retry_after};
use crate::app::App;
use crate::view;
use axum::response::Response;
use countersign_issuer::Code;
use http::StatusCode;

fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidCredentials | Code::InvalidToken | Code::LoginRequired => StatusCode::UNAUTHORIZED,
        Code::ForbiddenOrigin | Code::AccessDenied => StatusCode::FORBIDDEN,
        Code::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        Code::NotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

pub(super) fn answer(app: &App, asked: &Asked, fault: &Fault) -> Response {
    let shown = fault.shown(status);
    let mut response = view::failure(app, fault, &shown, &asked.request_id);
    retry_after(&mut response, &shown);
    response
}
