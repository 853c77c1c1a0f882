//! No parameter twice (RFC 6749 3.1).

use super::{Given, Request};
use crate::error::Rejected;

pub(super) fn check(given: &Given<'_>, _request: &mut Request) -> Result<(), Rejected> {
    given.params.no_repeats()
}
