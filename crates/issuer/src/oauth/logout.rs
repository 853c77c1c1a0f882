//! `/oauth/logout` (OIDC RP-Initiated Logout 1.0).

use super::authorize::Visitor;
use super::params::Params;
use crate::Issuer;
use crate::error::Result;
use crate::model::Client;
use std::sync::Arc;

/// What the browser gets.
#[derive(Debug)]
pub enum Next {
    /// No good hint, or one for somebody else: ask first. The page posts `resume` back.
    Confirm {
        /// The sealed request.
        resume: String,
        /// Who asked, when known.
        client: Option<Arc<Client>>,
    },
    /// The session is ended (or there was none): clear the cookie, then go there, or show the signed-out page.
    Done {
        /// Registered `post_logout_redirect_uri` with `state`.
        redirect: Option<String>,
        /// Who asked, when known.
        client: Option<Arc<Client>>,
    },
}

/// Decides. Errors are shown as a page, never by a redirect.
pub async fn logout(_issuer: &Issuer, _params: &Params, _visitor: &Visitor) -> Result<Next> {
    todo!()
}

/// The person confirmed.
pub async fn confirm(_issuer: &Issuer, _resume: &str, _visitor: &Visitor) -> Result<Next> {
    todo!()
}
