//! `request`, `request_uri`, `registration`: not supported, and said so (OIDC Core 3.1.2.6), not ignored:
//! what stands in them would be lost.

use super::{Given, Request};
use crate::error::{Code, Rejected};

pub(super) fn check(given: &Given<'_>, _request: &mut Request) -> Result<(), Rejected> {
    let refused = [
        ("request", Code::RequestNotSupported),
        ("request_uri", Code::RequestUriNotSupported),
        ("registration", Code::RegistrationNotSupported),
    ];
    for (name, code) in refused {
        if given.params.one(name)?.is_some() {
            return Err(Rejected::new(code, format!("the parameter {name} is not supported")));
        }
    }
    Ok(())
}
