//! `resource` (RFC 8707 2.1): the audiences of the grant; the client's own when none is named.

use super::{Given, Request};
use crate::error::Rejected;
use crate::oauth::target;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let audiences = target::resources(given.client, &given.params.many("resource"), given.known)?;
    request.resources = audiences.iter().map(|r| r.resource.clone()).collect();
    Ok(())
}
