//! Links between accounts and other providers.

use super::account::CredentialChange;
use super::user::NewUser;
use super::{At, StoreResult};
use crate::model::{EventDraft, Rule, User, UserId};
use async_trait::async_trait;
use countersign_token::Timestamp;

/// A link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamLink {
    /// Name of the provider in the configuration.
    pub provider: String,
    /// The provider's name for the person (`sub`, or its id): never an address.
    pub subject: String,
    /// Whose.
    pub user: UserId,
    /// The address the provider told, for the list.
    pub email: Option<String>,
    /// Since when.
    pub linked_at: Timestamp,
}

/// What came of linking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkedUpstream {
    /// Done; the rules written.
    Linked(Vec<Rule>),
    /// It is linked to an account already, to this or another.
    Taken(UserId),
    /// No such user.
    NoSuchUser,
}

/// What came of an account made for somebody whom another provider named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JoinedUpstream {
    /// Made and linked.
    Joined(User),
    /// It is linked to this account already.
    Taken(UserId),
    /// Somebody has the address.
    EmailTaken,
    /// A role does not exist.
    NoSuchRole(String),
}

/// Links.
#[async_trait]
pub trait Upstreams: Send + Sync {
    /// Whose account is it?
    async fn upstream_link(&self, provider: &str, subject: &str) -> StoreResult<At<Option<UpstreamLink>>>;
    /// The person's.
    async fn list_upstreams(&self, user: &UserId) -> StoreResult<Vec<UpstreamLink>>;
    /// Links. An account may have several, also of one provider.
    async fn add_upstream(
        &self,
        change: CredentialChange,
        provider: &str,
        subject: &str,
        email: Option<&str>,
    ) -> StoreResult<LinkedUpstream>;
    /// Unlinks. `None`: not this person's.
    async fn remove_upstream(
        &self,
        change: CredentialChange,
        provider: &str,
        subject: &str,
    ) -> StoreResult<Option<Vec<Rule>>>;
    /// Makes a person and the link in one.
    async fn join_upstream(
        &self,
        new: NewUser,
        provider: &str,
        subject: &str,
        event: EventDraft,
    ) -> StoreResult<JoinedUpstream>;
}
