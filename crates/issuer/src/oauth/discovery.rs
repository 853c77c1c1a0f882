//! Metadata (OIDC Discovery 3, RFC 8414 2) from one table.

use crate::Issuer;
use crate::error::Result;
use crate::keys::Document;

/// `/.well-known/openid-configuration`; `/.well-known/oauth-authorization-server` answers the same members.
/// Made when keys or resources change, not per request: callers keep it and ask again after
/// [`revision`] moved.
pub async fn document(_issuer: &Issuer) -> Result<Document> {
    todo!()
}

/// Moves when [`document`] would answer something else.
pub fn revision(_issuer: &Issuer) -> u64 {
    todo!()
}
