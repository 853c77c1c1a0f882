//! The direct API for first-party apps: the same login function and the same issuing as the pages.

use crate::Issuer;
use crate::error::Result;
use crate::login::Caller;
use crate::model::{Client, Secret};
use crate::oauth::issue::TokenResponse;
use std::sync::Arc;

/// `POST /auth/login`.
#[derive(Debug)]
pub struct Login {
    /// E-mail or user name.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// Default: first of `direct_clients`.
    pub client_id: Option<String>,
    /// Default: the client's.
    pub scope: Option<String>,
    /// Default: the client's.
    pub resource: Vec<String>,
}

/// The client a call names (or the default), if it may use the direct API; for the CORS answer too.
pub async fn client(_issuer: &Issuer, _client_id: Option<&str>) -> Result<Arc<Client>> {
    todo!()
}
/// Signs in.
pub async fn login(_issuer: &Issuer, _ask: Login, _caller: &Caller) -> Result<TokenResponse> {
    todo!()
}
/// `POST /auth/refresh`: the client is the session row's. Answers it for CORS.
pub async fn refresh(_issuer: &Issuer, _refresh_token: &str) -> (Option<Arc<Client>>, Result<TokenResponse>) {
    todo!()
}
/// The client of the session a good refresh token names, without using the token: cookie calls check the
/// page's origin before anything happens. `None`: no such token or session.
pub async fn client_of(_issuer: &Issuer, _refresh_token: &str) -> Result<Option<Arc<Client>>> {
    todo!()
}
/// `POST /auth/logout` by refresh token or access token: the client session ends. Unknown tokens:
/// `invalid_token`.
pub async fn logout(_issuer: &Issuer, _token: &str) -> (Option<Arc<Client>>, Result<()>) {
    todo!()
}
/// `POST /api/auth/login`: an API user is a client with a secret (its key); `client_credentials` underneath.
pub async fn api_login(
    _issuer: &Issuer,
    _username: &str,
    _key: &Secret,
    _scope: Option<&str>,
    _resource: &[String],
    _caller: &Caller,
) -> Result<TokenResponse> {
    todo!()
}
