//! `/oauth/revoke` (RFC 7009): refresh token: its client session ends; access token: rule `jti`. Unknown
//! tokens are fine; another client's are refused.

use super::params::Params;
use crate::Issuer;
use crate::error::Result;
use crate::model::Client;
use std::sync::Arc;

/// Revokes. The client, once known, is answered for CORS.
pub async fn revoke(
    _issuer: &Issuer,
    _authorization: Option<&str>,
    _params: &Params,
) -> (Option<Arc<Client>>, Result<()>) {
    todo!()
}
