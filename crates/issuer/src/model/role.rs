//! A role: a set of scopes per resource, assigned to people.

use super::Scopes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A role. One that names no resource touches all of them (and grants no scope).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Role {
    /// 1 to 64 characters of `A-Za-z0-9._:-`.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Scopes granted, by resource.
    #[serde(default)]
    pub grants: BTreeMap<String, Scopes>,
}

impl Role {
    /// Longest name, in bytes.
    pub const MAX_NAME: usize = 64;

    /// Does the role say anything about this resource?
    pub fn touches(&self, resource: &str) -> bool {
        self.grants.is_empty() || self.grants.contains_key(resource)
    }
}
