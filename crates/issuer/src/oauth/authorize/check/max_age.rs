//! `max_age`, or the client's `default_max_age` (OIDC Core 3.1.2.1, Registration 2); never more than its
//! `session_ttl`.

use super::{Given, Request};
use crate::error::{Code, Rejected};

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    request.max_age = match given.params.one("max_age")? {
        None => given.client.metadata.default_max_age,
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
            // More than 136 years is any age.
            Some(text.parse().unwrap_or(u32::MAX))
        }
        Some(_) => return Err(Rejected::new(Code::InvalidRequest, "max_age is not a number of seconds")),
    };
    if let Some(most) = given.client.metadata.demands.session_ttl {
        request.max_age = Some(request.max_age.map_or(most, |asked| asked.min(most)));
    }
    Ok(())
}
