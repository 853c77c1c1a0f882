//! What is configured about a provider.

use super::RoleRule;
use crate::model::Secret;
use countersign_token::{Algorithm, SigningKey};
use std::sync::Arc;

/// What the provider speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// OpenID Connect with discovery.
    OpenId,
    /// GitHub's OAuth 2 without ID tokens; the person is asked for at its API.
    GitHub,
}

/// When an address that the provider tells counts as confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailTrust {
    /// It says `email_verified`.
    Claim,
    /// It says so, and is the one who runs the mailbox: `@gmail.com`, or the domain of `hd` (Google).
    Google,
    /// It says `xms_edov`; its `email` is whatever an administrator typed (Microsoft Entra ID).
    Microsoft,
    /// Always: the operator knows that this provider confirms addresses.
    Always,
}

/// What happens when somebody comes with a confirmed address that an account here has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Linking {
    /// They prove that account first, and are asked.
    #[default]
    Ask,
    /// It is linked at once, when the address is confirmed on both sides.
    VerifiedEmail,
}

/// How this server proves itself to the provider.
#[derive(Clone, Debug)]
pub enum ClientSecret {
    /// Not at all: a public client, PKCE alone.
    None,
    /// A shared secret.
    Shared(Secret),
    /// A JWT of its own for each call (Sign in with Apple).
    Apple(AppleKey),
}

/// A key registered with Apple.
#[derive(Clone)]
pub struct AppleKey {
    /// The team's id.
    pub team_id: String,
    /// ES256; its `kid` is the key's id at Apple.
    pub key: Arc<SigningKey>,
}

impl std::fmt::Debug for AppleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppleKey").field("team_id", &self.team_id).finish_non_exhaustive()
    }
}

/// A provider as configured; checked.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// In paths and in links: lower-case letters, digits and dashes. Never changes: links name it.
    pub name: String,
    /// On buttons.
    pub display_name: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// The issuer as configured, without trailing slash; of GitHub its address.
    pub issuer: String,
    /// What its metadata and tokens call it; `{tenantid}` stands for the token's `tid`.
    pub named: String,
    /// This server's client id there.
    pub client_id: String,
    /// And its secret.
    pub secret: ClientSecret,
    /// Asked for.
    pub scopes: Vec<String>,
    /// Signatures accepted; empty: those of its metadata.
    pub algorithms: Vec<Algorithm>,
    /// The answer comes as a form (`response_mode=form_post`).
    pub form_post: bool,
    /// It understands `prompt=login` and `max_age`.
    pub proves_again: bool,
    /// Addresses of these domains (lower case) sign in here.
    pub mail_domains: Vec<String>,
    /// When an address counts as confirmed.
    pub mail_trust: MailTrust,
    /// What an address that is known here leads to.
    pub link: Linking,
    /// People without an account get one.
    pub sign_up: bool,
    /// Roles by claims.
    pub roles: Vec<RoleRule>,
}
