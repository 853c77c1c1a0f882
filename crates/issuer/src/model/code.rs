//! An authorization code (RFC 6749 4.1.2): 60 s, one use, bound to client, redirect URI and PKCE.

use super::session::Authentication;
use super::{BrowserSessionId, ClientId, ClientSessionId, Digest, Scopes, UserId};
use countersign_token::Timestamp;

/// What was granted, kept under the digest of the code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorizationCode {
    /// SHA-256 of the code's 32 random bytes in text form.
    pub digest: Digest,
    /// Issued to.
    pub client: ClientId,
    /// By.
    pub user: UserId,
    /// In which sign-in. `None`: by proofs an app of ours sent; the code dies with the credentials they were
    /// made against.
    pub browser: Option<BrowserSessionId>,
    /// Exactly as asked; `None` when the request left it out.
    pub redirect_uri: Option<String>,
    /// PKCE S256 challenge; `None` only for a client exempt from PKCE.
    pub challenge: Option<String>,
    /// Granted.
    pub scopes: Scopes,
    /// Granted.
    pub resources: Vec<String>,
    /// OIDC nonce.
    pub nonce: Option<String>,
    /// Of the sign-in.
    pub authentication: Authentication,
    /// For the client session to be.
    pub device: String,
    /// When made.
    pub created_at: Timestamp,
    /// 60 s later.
    pub expires_at: Timestamp,
    /// The client session it was redeemed for.
    pub spent_for: Option<ClientSessionId>,
}
