//! `/account`.

use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use axum::response::Response;

pub(crate) async fn show(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}

pub(crate) async fn end(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}

pub(crate) async fn end_others(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}

pub(crate) async fn sign_out(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}
