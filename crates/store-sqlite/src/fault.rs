//! What goes wrong inside an operation, and what the issuer is told of it.

use countersign_issuer::port::StoreError;
use rusqlite::ErrorCode;

/// Why an operation did not end well. Its savepoint is rolled back.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite said no.
    Sqlite(rusqlite::Error),
    /// What the operation was decided by is not so any more.
    Outrun,
    /// An invariant of ours does not hold.
    Broken(String),
}

/// The result of an operation inside a transaction.
pub(crate) type Done<T> = Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sqlite(e)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(e: serde_json::Error) -> Self {
        Self::Broken(format!("a document does not write: {e}"))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sqlite(e) => match passing(&e) {
                Some(what) => Self::Unavailable(format!("{what}: {e}")),
                None => Self::Broken(e.to_string()),
            },
            Fault::Outrun => Self::Outrun,
            Fault::Broken(what) => Self::Broken(what),
        }
    }
}

/// What to tell the operator about an error that may pass without a change to the program or its data.
pub(crate) fn passing(e: &rusqlite::Error) -> Option<&'static str> {
    match e.sqlite_error_code()? {
        ErrorCode::DiskFull => Some("the disk is full"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some("another process holds the database"),
        ErrorCode::SystemIoFailure => Some("the disk does not read or write"),
        ErrorCode::ReadOnly => Some("the database is read-only"),
        ErrorCode::CannotOpen => Some("the database file cannot be opened"),
        ErrorCode::OutOfMemory => Some("out of memory"),
        _ => None,
    }
}
