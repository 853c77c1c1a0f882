//! `client apply/list/show/remove/rotate-secret`: RFC 7591 metadata as it stands, and ours.

use crate::Issuer;
use crate::error::Result;
use crate::model::{Client, Secret};
use serde_json::Value;

/// What `apply` did with one client.
#[derive(Debug)]
pub struct Applied {
    /// As it is now.
    pub client: Client,
    /// It is new.
    pub created: bool,
    /// Things an operator should know (a short secret, an ignored wish).
    pub warnings: Vec<String>,
}

/// Creates or updates clients from one object or an array; all or none. `invalid_client_metadata` or
/// `invalid_redirect_uri` names the member and what to write instead; unknown members are errors.
pub async fn apply(_issuer: &Issuer, _document: &Value) -> Result<Vec<Applied>> {
    todo!()
}
/// A page of them.
pub async fn list(_issuer: &Issuer, _page: crate::port::Page) -> Result<Vec<Client>> {
    todo!()
}
/// One, as the JSON that `apply` takes (secret left out).
pub async fn show(_issuer: &Issuer, _id: &str) -> Result<Value> {
    todo!()
}
/// Removes it; its sessions end.
pub async fn remove(_issuer: &Issuer, _id: &str) -> Result<()> {
    todo!()
}
/// Makes a new secret; the old one stays good until the next rotation or `apply`.
pub async fn rotate_secret(_issuer: &Issuer, _id: &str) -> Result<Secret> {
    todo!()
}
