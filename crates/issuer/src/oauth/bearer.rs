//! An access token of this issuer shown to this issuer (userinfo, introspection, direct API, account API).
//! Repeated tokens cost a digest and a look-up: the cache holds "signature and static claims good" only;
//! times and revocation are checked each time.

use crate::Issuer;
use crate::error::Result;
use crate::port::At;
use countersign_token::AccessToken;
use std::sync::Arc;

/// Tokens whose signature was found good. Bounded; void when the key set's version moves.
#[derive(Default)]
pub struct VerifiedCache {}

/// A token that is good now.
#[derive(Clone, Debug)]
pub struct Active {
    /// Claims.
    pub claims: Arc<AccessToken>,
    /// Key.
    pub kid: Arc<str>,
}

/// Verifies an `at+jwt` of this issuer under a published asymmetric key, whatever its audience, and asks
/// the revocation rules. `invalid_token` otherwise.
pub async fn access_token(_issuer: &Issuer, _token: &str) -> Result<At<Active>> {
    todo!()
}

/// The token of an `Authorization: Bearer` header (RFC 6750 2.1); `None`: no such header.
pub fn from_header(_authorization: Option<&str>) -> Result<Option<&str>> {
    todo!()
}
