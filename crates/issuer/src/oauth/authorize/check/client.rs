//! May the client use codes at all (RFC 7591 2 `grant_types`)?

use super::{Given, Request};
use crate::error::{Code, Rejected};

pub(super) fn check(given: &Given<'_>, _request: &mut Request) -> Result<(), Rejected> {
    if given.client.may_use("authorization_code") {
        return Ok(());
    }
    Err(Rejected::new(Code::UnauthorizedClient, "the client is not registered for authorization codes"))
}
