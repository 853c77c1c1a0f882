//! One transaction as operations see it: cached statements, one reading of the clock, counted rows.

use crate::fault::{Done, Fault};
use crate::outbox::Ways;
use countersign_issuer::seal::LogKey;
use countersign_token::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use std::cell::Cell;

/// A transaction, or the snapshot of one statement on a read connection.
pub(crate) struct Tx<'a> {
    conn: &'a Connection,
    /// The store's clock, read before the first statement: never later than what the statements see.
    pub(crate) now: Timestamp,
    /// Messages it queued; whoever delivers them is told after the commit.
    pub(crate) queued: Cell<Ways>,
    /// Links events; `None`: nobody gave it yet, or it only reads.
    pub(crate) log_key: Option<&'a LogKey>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(conn: &'a Connection, now: Timestamp) -> Self {
        Self { conn, now, queued: Cell::default(), log_key: None }
    }
    /// That links the events it writes.
    pub(crate) fn writing(conn: &'a Connection, now: Timestamp, log_key: Option<&'a LogKey>) -> Self {
        Self { log_key, ..Self::new(conn, now) }
    }
    /// On a read connection: all statements of `op` see what the first one sees.
    pub(crate) fn together<T>(&self, op: impl FnOnce(&Self) -> Done<T>) -> Done<T> {
        let snapshot = self.conn.unchecked_transaction()?;
        let done = op(self)?;
        snapshot.commit()?;
        Ok(done)
    }
    /// Runs a statement; how many rows it changed is for the caller to judge.
    pub(crate) fn count(&self, sql: &str, params: impl Params) -> Done<usize> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }
    /// Runs a statement that must change one row.
    pub(crate) fn one(&self, sql: &str, params: impl Params) -> Done<()> {
        match self.count(sql, params)? {
            1 => Ok(()),
            n => Err(Fault::Broken(format!("{n} rows instead of one: {sql}"))),
        }
    }
    /// Runs a statement guarded by its `WHERE`: one row or none.
    pub(crate) fn guarded(&self, sql: &str, params: impl Params) -> Done<bool> {
        match self.count(sql, params)? {
            0 => Ok(false),
            1 => Ok(true),
            n => Err(Fault::Broken(format!("{n} rows instead of at most one: {sql}"))),
        }
    }
    /// The first row, if any.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Done<Option<T>> {
        Ok(self.conn.prepare_cached(sql)?.query_row(params, read).optional()?)
    }
    /// A value that is always there.
    pub(crate) fn value<T: rusqlite::types::FromSql>(&self, sql: &str, params: impl Params) -> Done<T> {
        Ok(self.conn.prepare_cached(sql)?.query_row(params, |r| r.get(0))?)
    }
    /// All rows.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Done<Vec<T>> {
        Ok(self.conn.prepare_cached(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
    }
}
