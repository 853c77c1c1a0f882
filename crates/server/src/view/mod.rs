//! Pages for people.

use crate::app::App;
use crate::error::{Fault, Http};
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use std::path::Path;

/// The templates.
pub(crate) struct Views {}

impl Views {
    /// Built-in templates, and those of the folder in their place.
    pub(crate) fn load(_dir: Option<&Path>) -> Result<Self, std::io::Error> {
        Ok(Self {})
    }
}

/// The error page.
pub(crate) fn failure(_app: &App, status: StatusCode, _code: &'static str, text: &str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

/// `/assets/*`.
pub(crate) async fn asset() -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}
