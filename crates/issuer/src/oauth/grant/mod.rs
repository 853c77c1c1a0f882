//! `/oauth/token`: the phases every grant shares (parse, client authentication, may this client use this
//! grant, scope and resource, run, write), and the table of grants. A grant fills its own hooks and cannot
//! skip a phase.

use super::issue::TokenResponse;
use super::params::Params;
use crate::Issuer;
use crate::error::Result;
use crate::model::Client;
use std::sync::Arc;

/// Answers a token request. The client, once known, is answered for CORS.
pub async fn token(
    _issuer: &Issuer,
    _authorization: Option<&str>,
    _params: &Params,
) -> (Option<Arc<Client>>, Result<TokenResponse>) {
    todo!()
}
