//! `login_hint` (OIDC Core 3.1.2.1): fills the user field, decides nothing.

use super::{Given, Request};
use crate::error::Rejected;
use crate::oauth::params::Params;

/// Longest hint, in bytes: that of an e-mail address (RFC 5321 4.5.3.1).
const MAX: usize = 320;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    request.login_hint = read(given.params)?;
    Ok(())
}

/// A hint that cannot be a user's name is left aside.
pub(in crate::oauth::authorize) fn read(params: &Params) -> Result<Option<String>, Rejected> {
    let hint = params.one("login_hint")?.filter(|h| h.len() <= MAX && !h.chars().any(char::is_control));
    Ok(hint.map(str::to_owned))
}
