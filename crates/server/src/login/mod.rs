//! The sign-in page.

use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use axum::response::Response;

pub(crate) async fn show(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}

pub(crate) async fn submit(_browser: Browser) -> Result<Response, Fault> {
    Err(Http::NotFound.into())
}
