//! People of another system, with the password hashes it made.

use super::users::{self, Add};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::Secret;
use crate::port::CreateUser;
use serde::Deserialize;

/// A person to be taken over.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// E-mail.
    pub email: String,
    /// Shown to be theirs.
    #[serde(default)]
    pub email_verified: bool,
    /// User name.
    pub username: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Roles; one that does not exist is made, without scopes.
    #[serde(default)]
    pub roles: Vec<String>,
    /// As the other system kept it: Argon2, bcrypt, scrypt, PBKDF2 or Firebase's scrypt. It is replaced by a
    /// hash of ours when the person signs in.
    pub password_hash: Option<String>,
}

/// What came of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Imported {
    /// Added.
    Added,
    /// Somebody has the address: nothing was changed.
    There,
    /// Cannot be taken over, and why.
    Refused(String),
}

/// Takes one person over. Fails only when the store does: the import can be run again, who is there stays as
/// they are.
pub async fn import(issuer: &Issuer, record: Record) -> Result<Imported> {
    let hash = record.password_hash.map(Secret::new);
    if hash.as_ref().is_some_and(|h| issuer.hasher.origin(h).is_none()) {
        return Ok(Imported::Refused("the password hash is of a kind or cost that is not checked".into()));
    }
    let add = Add {
        email: record.email,
        email_verified: record.email_verified,
        username: record.username,
        name: record.name,
        roles: record.roles,
        password: None,
    };
    match users::add_hashed(issuer, add, hash).await {
        Ok(CreateUser::Created(_)) => Ok(Imported::Added),
        Ok(CreateUser::EmailTaken) => Ok(Imported::There),
        Ok(CreateUser::UsernameTaken) => Ok(Imported::Refused(users::USERNAME_TAKEN.into())),
        Ok(CreateUser::NoSuchRole(role)) => Ok(Imported::Refused(format!("There is no role {role}."))),
        Err(Failure::Rejected(r)) => Ok(Imported::Refused(r.public.into_owned())),
        Err(other) => Err(other),
    }
}

/// Reads a line of the file. `invalid_request`, with what is wrong but nothing of the line: it holds a hash.
pub fn read(line: &str) -> Result<Record> {
    serde_json::from_str(line).map_err(|e| {
        let why =
            if e.is_data() { "a member is missing, unknown or of the wrong type" } else { "it is not JSON" };
        rejected(Code::InvalidRequest, format!("{why} (column {})", e.column()))
    })
}
