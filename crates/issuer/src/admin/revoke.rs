//! `revoke`: a token, a session, a user, a client, a key.

use crate::Issuer;
use crate::error::Result;

/// What is to be revoked.
#[derive(Clone, Debug)]
pub enum What {
    /// An access or refresh token, whole.
    Token(crate::model::Secret),
    /// One access token by `jti`.
    Jti(String),
    /// A client session by `sid`.
    Session(String),
    /// Everything of a person (id, e-mail or user name): a global sign-out.
    User(String),
    /// Everything of a client.
    Client(String),
    /// A signing key.
    Key(String),
}

/// Revokes; answers what was done, for people.
pub async fn revoke(_issuer: &Issuer, _what: What) -> Result<String> {
    todo!()
}
