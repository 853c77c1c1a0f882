//! What a person allowed a client, once and for later.

use super::{ClientId, Scopes, UserId};
use countersign_token::Timestamp;

/// A remembered consent. Covers a request whose scopes and resources are within it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// Who.
    pub user: UserId,
    /// To whom.
    pub client: ClientId,
    /// What.
    pub scopes: Scopes,
    /// Where.
    pub resources: Vec<String>,
    /// When last given.
    pub granted_at: Timestamp,
}
