//! From proofs to a browser session: the SSO cookie.

use super::{Caller, Proof};
use crate::Issuer;
use crate::error::Result;
use crate::model::{BrowserSession, Secret};
use crate::oauth::authorize::Visitor;
use crate::port::browser_session::LiveBrowser;

/// A session just made or renewed, with its new cookie value.
#[derive(Debug)]
pub struct Fresh {
    /// The cookie's value: 32 random bytes, base64url.
    pub cookie: Secret,
    /// The session.
    pub session: BrowserSession,
}

/// Signs the browser in. The cookie value changes at every login; the session of the same user in this
/// browser goes on under its id, another user's is ended.
pub async fn sign_in(
    _issuer: &Issuer,
    _proofs: &[Proof],
    _visitor: &Visitor,
    _caller: &Caller,
) -> Result<Fresh> {
    todo!()
}

/// The live session behind a cookie value.
pub async fn session(_issuer: &Issuer, _cookie: &str) -> Result<Option<LiveBrowser>> {
    todo!()
}
