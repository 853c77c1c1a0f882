//! `response_mode` (OAuth 2.0 Multiple Response Types 2.1, Form Post 1). First of all, since errors travel so too.

use super::{Given, Request};
use crate::error::{Code, Rejected};
use crate::oauth::authorize::ResponseMode;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    request.mode = match given.params.one("response_mode")? {
        None | Some("query") => ResponseMode::Query,
        Some("fragment") => ResponseMode::Fragment,
        Some("form_post") => ResponseMode::FormPost,
        Some(_) => return Err(Rejected::new(Code::InvalidRequest, "this response_mode is not supported")),
    };
    Ok(())
}
