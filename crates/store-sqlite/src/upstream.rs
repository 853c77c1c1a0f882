//! Links between accounts and other providers.

use crate::SqliteStore;
use async_trait::async_trait;
use countersign_issuer::model::{Rule, UserId};
use countersign_issuer::port::{At, CredentialChange, LinkedUpstream, StoreResult, UpstreamLink, Upstreams};

#[expect(clippy::todo, unused_variables, reason = "skeleton")]
#[async_trait]
impl Upstreams for SqliteStore {
    async fn upstream_link(&self, provider: &str, subject: &str) -> StoreResult<At<Option<UpstreamLink>>> {
        todo!()
    }
    async fn list_upstreams(&self, user: &UserId) -> StoreResult<Vec<UpstreamLink>> {
        todo!()
    }
    async fn add_upstream(
        &self,
        change: CredentialChange,
        provider: &str,
        subject: &str,
        email: Option<&str>,
    ) -> StoreResult<LinkedUpstream> {
        todo!()
    }
    async fn remove_upstream(
        &self,
        change: CredentialChange,
        provider: &str,
        subject: &str,
    ) -> StoreResult<Option<Vec<Rule>>> {
        todo!()
    }
}
