//! `resource apply/list/show/remove`.

use crate::Issuer;
use crate::error::Result;
use crate::model::{Resource, Secret};
use serde_json::Value;

/// What `apply` did with one resource.
#[derive(Debug)]
pub struct Applied {
    /// As it is now.
    pub resource: Resource,
    /// It is new.
    pub created: bool,
    /// HS256 without a `secret` in the document: the one made for it, shown this once.
    pub secret: Option<Secret>,
}

/// Creates or updates resources from one object or an array; all or none.
pub async fn apply(_issuer: &Issuer, _document: &Value) -> Result<Vec<Applied>> {
    todo!()
}
/// All.
pub async fn list(_issuer: &Issuer) -> Result<Vec<Resource>> {
    todo!()
}
/// One.
pub async fn show(_issuer: &Issuer, _resource: &str) -> Result<Resource> {
    todo!()
}
/// Removes it.
pub async fn remove(_issuer: &Issuer, _resource: &str) -> Result<()> {
    todo!()
}
