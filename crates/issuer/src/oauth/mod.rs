//! OAuth 2 and OpenID Connect: one file an endpoint, one file a grant, one file an authorization check.

pub mod authorize;
pub mod bearer;
pub mod client_auth;
pub(crate) mod client_sign_in;
pub(crate) mod client_throttle;
pub mod discovery;
pub mod grant;
pub mod introspect;
pub mod issue;
pub mod logout;
pub mod params;
pub mod revoke;
pub mod userinfo;
pub mod verifier;

#[cfg(test)]
pub(crate) mod fixture;
mod id_token_hint;
pub(crate) mod target;
