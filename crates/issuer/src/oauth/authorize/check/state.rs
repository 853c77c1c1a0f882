//! `state` (RFC 6749 4.1.1): given back as it came.

use super::{Given, Request};
use crate::error::Rejected;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    request.state = given.params.one("state")?.map(str::to_owned);
    Ok(())
}
