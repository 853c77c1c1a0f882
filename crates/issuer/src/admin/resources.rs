//! `resource apply/list/show/remove`.

use crate::Issuer;
use crate::error::Result;
use crate::model::Resource;
use serde_json::Value;

/// Creates or updates resources from one object or an array; all or none.
pub async fn apply(_issuer: &Issuer, _document: &Value) -> Result<Vec<Resource>> {
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
