//! `user add/list/show/disable/enable/remove/set-password`. A person is named by id, e-mail or user name.

use crate::Issuer;
use crate::error::Result;
use crate::model::{Secret, Subject, User};

/// A person to be.
#[derive(Clone, Debug, Default)]
pub struct Add {
    /// E-mail.
    pub email: String,
    /// Shown to be theirs.
    pub email_verified: bool,
    /// User name.
    pub username: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Roles; one that does not exist is made, without scopes.
    pub roles: Vec<String>,
    /// Password.
    pub password: Option<Secret>,
}

/// Adds. `conflict` when address or name is taken.
pub async fn add(_issuer: &Issuer, _add: Add) -> Result<User> {
    todo!()
}
/// A page of them.
pub async fn list(_issuer: &Issuer, _page: crate::port::Page) -> Result<Vec<User>> {
    todo!()
}
/// Finds one. `not_found`.
pub async fn find(_issuer: &Issuer, _user: &str) -> Result<Subject> {
    todo!()
}
/// Disables: no login, sessions ended, tokens revoked.
pub async fn disable(_issuer: &Issuer, _user: &str) -> Result<()> {
    todo!()
}
/// Enables again.
pub async fn enable(_issuer: &Issuer, _user: &str) -> Result<()> {
    todo!()
}
/// Removes.
pub async fn remove(_issuer: &Issuer, _user: &str) -> Result<()> {
    todo!()
}
/// Sets the password; all sessions end.
pub async fn set_password(_issuer: &Issuer, _user: &str, _password: Secret) -> Result<()> {
    todo!()
}
