//! `response_type`: `code` only (RFC 9700 2.1.2), and registered.

use super::{Given, Request};
use crate::error::{Code, Rejected};

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    given.params.required("response_type")?;
    check_if_given(given, request)
}

/// As [`check`]; left out, it is `code`, as in drafts of the first-party endpoint before the third.
pub(super) fn check_if_given(given: &Given<'_>, _request: &mut Request) -> Result<(), Rejected> {
    if given.params.one("response_type")?.is_some_and(|t| t != "code") {
        return Err(Rejected::new(Code::UnsupportedResponseType, "only response_type code is supported"));
    }
    if !given.client.metadata.response_types.iter().any(|t| t == "code") {
        return Err(Rejected::new(
            Code::UnauthorizedClient,
            "the client is not registered for this response_type",
        ));
    }
    Ok(())
}
