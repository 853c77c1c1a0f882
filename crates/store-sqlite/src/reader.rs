//! Read connections, used on the caller's own thread: a read from the page cache costs 2 to 4 us, less than
//! handing it to another thread and back.

use crate::fault::{Done, Fault};
use crate::tx::Tx;
use crate::{Clock, open};
use countersign_issuer::port::StoreResult;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where reads go.
pub(crate) enum Reader {
    /// A file: connections of their own. As many as read at once; `keep` of them stay open.
    File { path: PathBuf, idle: Mutex<Vec<Connection>>, keep: usize, busy: Duration },
    /// In memory: the writer's connection, between two batches.
    Memory(Arc<Mutex<Connection>>),
}

impl Reader {
    pub(crate) fn file(path: PathBuf, keep: usize, busy: Duration) -> Self {
        Self::File { path, idle: Mutex::new(Vec::with_capacity(keep)), keep, busy }
    }

    /// Runs one statement, or several when each stands for itself.
    pub(crate) fn run<T>(&self, clock: &dyn Clock, op: impl FnOnce(&Tx<'_>) -> Done<T>) -> StoreResult<T> {
        match self {
            Self::Memory(conn) => {
                let conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(op(&Tx::new(&conn, clock.now()))?)
            }
            Self::File { path, idle, keep, busy } => {
                let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let conn = match kept {
                    Some(conn) => conn,
                    None => open::reading(path, *busy).map_err(Fault::from)?,
                };
                // A connection that failed is not kept.
                let done = op(&Tx::new(&conn, clock.now()))?;
                let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < *keep {
                    idle.push(conn);
                }
                Ok(done)
            }
        }
    }
}
