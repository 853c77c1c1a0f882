//! `role add/list/show/remove/assign/unassign`.

use crate::Issuer;
use crate::error::Result;
use crate::model::{Role, Scopes};
use std::collections::BTreeMap;

/// Creates or replaces a role. Resources and scopes must exist.
pub async fn apply(
    _issuer: &Issuer,
    _name: &str,
    _description: &str,
    _grants: BTreeMap<String, Scopes>,
) -> Result<Role> {
    todo!()
}
/// All.
pub async fn list(_issuer: &Issuer) -> Result<Vec<Role>> {
    todo!()
}
/// Removes it, from everybody too.
pub async fn remove(_issuer: &Issuer, _name: &str) -> Result<()> {
    todo!()
}
/// Gives a role to a person (`user`: id, e-mail or user name).
pub async fn assign(_issuer: &Issuer, _user: &str, _role: &str) -> Result<()> {
    todo!()
}
/// Takes it away.
pub async fn unassign(_issuer: &Issuer, _user: &str, _role: &str) -> Result<()> {
    todo!()
}
