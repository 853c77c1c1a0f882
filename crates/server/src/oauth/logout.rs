//! `/oauth/logout`.

use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use axum::response::Response;

pub(crate) async fn get(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}

pub(crate) async fn post(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}

pub(crate) async fn confirm(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}
