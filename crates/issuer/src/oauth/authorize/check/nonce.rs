//! `nonce` (OIDC Core 3.1.2.1): kept with the code, given back in the ID token.

use super::{Given, Request};
use crate::error::{Code, Rejected};

/// Longest nonce, in bytes: it is kept in the store.
const MAX: usize = 1_024;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let nonce = given.params.one("nonce")?;
    if nonce.is_some_and(|n| n.len() > MAX) {
        return Err(Rejected::new(Code::InvalidRequest, "the nonce is too long"));
    }
    request.nonce = nonce.map(str::to_owned);
    Ok(())
}
