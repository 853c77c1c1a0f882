//! `id_token_hint` (OIDC Core 3.1.2.1): whom the client expects.

use super::{Given, Request};
use crate::error::{Code, Rejected};
use crate::model::UserId;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let Some(text) = given.params.one("id_token_hint")? else { return Ok(()) };
    let claims = (given.hint)(text).ok_or_else(|| {
        Rejected::new(Code::InvalidRequest, "id_token_hint is not an ID token of this issuer")
    })?;
    request.hinted = Some(UserId::from_stored(claims.sub));
    Ok(())
}
