//! What hot paths need of the store, kept in memory and dropped when the event log says it changed.
//! Entries are served only while the log was read less than a second ago; else the store is asked.

use crate::error::Result;
use crate::model::{Client, ClientId, Resource, Rule, Subject, UserId};
use crate::port::{At, Store};
use crate::revocation::RuleSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cache.
pub struct Directory {
    store: Arc<dyn Store>,
}

impl Directory {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
    /// First load: rules, resources, the log's position.
    pub(crate) async fn load(&self) -> Result<()> {
        let _ = &self.store;
        todo!()
    }
    /// Reads the log on and drops what changed.
    pub(crate) async fn follow(&self) -> Result<()> {
        todo!()
    }
    /// A client.
    pub async fn client(&self, _id: &ClientId) -> Result<Option<Arc<Client>>> {
        todo!()
    }
    /// All resources, by identifier.
    pub async fn resources(&self) -> Result<Arc<BTreeMap<String, Arc<Resource>>>> {
        todo!()
    }
    /// A person with roles, and the store time at which that was known to be so.
    pub async fn subject(&self, _id: &UserId) -> Result<At<Option<Arc<Subject>>>> {
        todo!()
    }
    /// The union of all clients' origins, for preflights.
    pub async fn all_origins(&self) -> Result<Arc<Vec<String>>> {
        todo!()
    }
    /// The live revocation rules.
    pub fn rules(&self) -> Arc<RuleSet> {
        todo!()
    }
    /// Rules this node just wrote are in force here at once, not at the next turn.
    pub fn learn(&self, _rules: &[Rule]) {
        todo!()
    }
}
