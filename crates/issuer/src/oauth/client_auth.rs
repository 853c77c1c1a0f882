//! Who is the client? Shared by every endpoint that asks (RFC 6749 2.3).

use super::params::Params;
use crate::Issuer;
use crate::error::Result;
use crate::model::Client;
use std::sync::Arc;

/// The authenticated client. Public clients are identified by `client_id` alone.
/// `invalid_client` for a wrong secret, a missing one, an unknown client, another method than the
/// registered one, or two methods at once; all look the same.
pub async fn authenticate(
    _issuer: &Issuer,
    _authorization: Option<&str>,
    _params: &Params,
) -> Result<Arc<Client>> {
    todo!()
}
