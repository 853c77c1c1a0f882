//! `scope` (RFC 6749 3.3): what of it the client may have at the audiences found. Roles are looked at when
//! a token is made.

use super::{Given, Request};
use crate::error::Rejected;
use crate::oauth::target;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let asked = target::parse_scope(given.params.one("scope")?)?;
    let audiences: Vec<_> = request.resources.iter().filter_map(|r| given.known.get(r).cloned()).collect();
    request.scopes = target::scopes(given.client, asked.as_ref(), &audiences, given.known)?;
    Ok(())
}
