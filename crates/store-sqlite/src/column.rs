//! How values of the model stand in columns. What does not read back is an error, never a default.

use countersign_issuer::model::session::Authentication;
use countersign_issuer::model::{BrowserSessionId, ClientId, ClientSessionId, Digest, Scopes, UserId};
use countersign_token::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) type Read<T> = rusqlite::Result<T>;

/// An error for a value that does not read.
pub(crate) fn unreadable(
    at: usize,
    kind: Type,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, kind, why.into())
}

/// A time.
pub(crate) fn time(row: &Row<'_>, at: usize) -> Read<Timestamp> {
    row.get(at).map(Timestamp::from_millis)
}

/// A time that may be missing.
pub(crate) fn maybe_time(row: &Row<'_>, at: usize) -> Read<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(Timestamp::from_millis))
}

/// A user's id.
pub(crate) fn user_id(row: &Row<'_>, at: usize) -> Read<UserId> {
    row.get::<_, String>(at).map(UserId::from_stored)
}

/// A client's id.
pub(crate) fn client_id(row: &Row<'_>, at: usize) -> Read<ClientId> {
    row.get::<_, String>(at).map(ClientId::from_stored)
}

/// A browser session's id.
pub(crate) fn browser_id(row: &Row<'_>, at: usize) -> Read<BrowserSessionId> {
    row.get::<_, String>(at).map(BrowserSessionId::from_stored)
}

/// A client session's id.
pub(crate) fn session_id(row: &Row<'_>, at: usize) -> Read<ClientSessionId> {
    row.get(at).map(ClientSessionId)
}

/// A digest.
pub(crate) fn digest(row: &Row<'_>, at: usize) -> Read<Digest> {
    row.get(at).map(Digest)
}

/// A set of scopes.
pub(crate) fn scopes(row: &Row<'_>, at: usize) -> Read<Scopes> {
    row.get::<_, String>(at).map(Scopes::from)
}

/// A document or list.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Read<T> {
    let text = row.get_ref(at)?.as_str()?;
    serde_json::from_str(text).map_err(|e| unreadable(at, Type::Text, e))
}

/// `auth_time`, `acr`, `amr`, in this order, and `proven`, which stands elsewhere.
pub(crate) fn authentication(row: &Row<'_>, at: usize, proven: usize) -> Read<Authentication> {
    Ok(Authentication {
        auth_time: time(row, at)?,
        acr: row.get(at + 1)?,
        amr: json(row, at + 2)?,
        proven: json(row, proven)?,
    })
}

/// The stable name of an enum, as its document form has it.
pub(crate) fn name<T: Serialize>(value: T) -> serde_json::Result<String> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(name) => Ok(name),
        other => Err(serde::ser::Error::custom(format!("{other} is no name"))),
    }
}

/// An enum by its stable name.
pub(crate) fn named<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Read<T> {
    let name = row.get::<_, String>(at)?;
    serde_json::from_value(serde_json::Value::String(name)).map_err(|e| unreadable(at, Type::Text, e))
}

/// Reads with a function of our own.
pub(crate) fn parsed<T>(row: &Row<'_>, at: usize, read: impl FnOnce(&str) -> Option<T>) -> Read<T> {
    let text = row.get_ref(at)?.as_str()?;
    read(text).ok_or_else(|| unreadable(at, Type::Text, format!("unknown name {text:?}")))
}
