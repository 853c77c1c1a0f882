//! `response_type`: `code` only (RFC 9700 2.1.2), and registered.

use super::{Given, Request};
use crate::error::{Code, Rejected};

pub(super) fn check(given: &Given<'_>, _request: &mut Request) -> Result<(), Rejected> {
    if given.params.required("response_type")? != "code" {
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
