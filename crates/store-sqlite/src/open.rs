//! Opening: the file and who may read it, the promises asked of SQLite and read back, the schema.

use crate::fault::Done;
use crate::outbox::Queued;
use crate::reader::Reader;
use crate::tx::Tx;
use crate::writer::Writer;
use crate::{Clock, SqliteStore, migrate};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Sizes. The defaults suit a server; there is no durability to choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Writes that may wait; one more is answered `Unavailable` at once.
    pub queue: usize,
    /// Writes in one commit at most.
    pub batch: usize,
    /// Read connections kept open.
    pub readers: usize,
    /// How long to wait for another process that holds the write lock.
    pub busy_timeout: Duration,
    /// Largest size of the file in pages of 4 KiB; beyond it, the disk counts as full.
    pub max_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue: 2048, batch: 512, readers: 4, busy_timeout: Duration::from_secs(5), max_pages: None }
    }
}

/// What SQLite says it does, read back after it was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Durability {
    /// `wal`; `memory` for a store in memory.
    pub journal_mode: String,
    /// 2: FULL, each commit is on the disk before it is answered.
    pub synchronous: i64,
    /// Bytes.
    pub page_size: i64,
    /// Pages in the log before they are moved into the file.
    pub wal_autocheckpoint: i64,
    /// Of the SQLite that is built in.
    pub sqlite: &'static str,
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or its folder.
    #[error("cannot open {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite.
    #[error("{doing}: {source}")]
    Sqlite {
        /// At what.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// A database, but of another program.
    #[error("this database was not made by Countersign (application_id {found:#x})")]
    Foreign {
        /// Its `application_id`.
        found: i32,
    },
    /// Written by a newer version.
    #[error("the database has schema {found}, this version knows {known}: use a newer Countersign")]
    Newer {
        /// Of the file.
        found: i32,
        /// Of this binary.
        known: i32,
    },
    /// SQLite does not promise what was asked (a file system without shared memory, a special build).
    #[error("no durable writes here: {setting} is {found}, not {wanted}")]
    NotDurable {
        /// Which setting.
        setting: &'static str,
        /// As it is.
        found: String,
        /// As it must be.
        wanted: &'static str,
    },
}

pub(crate) fn at(doing: &'static str) -> impl Fn(rusqlite::Error) -> OpenError {
    move |source| OpenError::Sqlite { doing, source }
}

const FULL: i64 = 2;

impl SqliteStore {
    /// Opens or makes the file at `path` (mode 0600; its folder must exist) and brings its schema up to
    /// date, or makes a store in memory that ends with this value.
    pub fn open(path: Option<&Path>, clock: Arc<dyn Clock>, options: &Options) -> Result<Self, OpenError> {
        let conn = match path {
            Some(path) => writing(path, options)?,
            None => Connection::open_in_memory().map_err(at("opening in memory"))?,
        };
        settings(&conn, options.busy_timeout).map_err(at("setting up"))?;
        conn.pragma_update(None, "cache_size", -8192).map_err(at("setting up"))?;
        if let Some(pages) = options.max_pages {
            // Answers the new limit as a row.
            conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
                .map_err(at("limiting the size"))?;
        }
        migrate::run(&conn, path, migrate::ALL)?;
        let durability = durability(&conn).map_err(at("reading settings back"))?;
        if path.is_some() {
            durability.assert()?;
        }
        let conn = Arc::new(Mutex::new(conn));
        let reader = match path {
            Some(path) => Reader::file(path.to_owned(), options.readers, options.busy_timeout),
            None => Reader::Memory(Arc::clone(&conn)),
        };
        let log_key = Arc::default();
        let start =
            Writer::start(conn, Arc::clone(&clock), Arc::clone(&log_key), options.queue, options.batch);
        let writer = start
            .map_err(|source| OpenError::File { path: path.unwrap_or(Path::new("")).to_owned(), source })?;
        Ok(Self { clock, log_key, writer, reader, durability, queued: Queued::default() })
    }
}

impl Durability {
    fn assert(&self) -> Result<(), OpenError> {
        let refuse = |setting, found, wanted| Err(OpenError::NotDurable { setting, found, wanted });
        if self.journal_mode != "wal" {
            return refuse("journal_mode", self.journal_mode.clone(), "wal");
        }
        if self.synchronous != FULL {
            return refuse("synchronous", self.synchronous.to_string(), "2 (FULL)");
        }
        Ok(())
    }
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn writing(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    private_file(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    let conn = Connection::open_with_flags(path, flags()).map_err(at("opening the database"))?;
    conn.busy_timeout(options.busy_timeout).map_err(at("opening the database"))?;
    // Before the first write to a file that may be somebody else's.
    migrate::ours(&conn)?;
    let set = |name, value: &str| {
        conn.pragma_update_and_check(None, name, value, |_| Ok(())).map_err(at("choosing the log"))
    };
    set("journal_mode", "wal")?;
    // 32 MiB of log: a page that changes in many commits is moved into the file once.
    set("wal_autocheckpoint", "8192")?;
    set("journal_size_limit", "67108864")?;
    Ok(conn)
}

/// A read connection.
pub(crate) fn reading(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, flags())?;
    settings(&conn, busy_timeout)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

fn settings(conn: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(256);
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Where fsync leaves data in the drive's cache (macOS).
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")
}

fn durability(conn: &Connection) -> rusqlite::Result<Durability> {
    Ok(Durability {
        journal_mode: conn.pragma_query_value(None, "journal_mode", |r| r.get(0))?,
        synchronous: conn.pragma_query_value(None, "synchronous", |r| r.get(0))?,
        page_size: conn.pragma_query_value(None, "page_size", |r| r.get(0))?,
        wal_autocheckpoint: conn.pragma_query_value(None, "wal_autocheckpoint", |r| r.get(0))?,
        sqlite: rusqlite::version(),
    })
}

/// SQLite gives its log and shared memory the mode of the database file.
pub(crate) fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// What is wrong with the file.
pub(crate) fn check(tx: &Tx<'_>) -> Done<Vec<String>> {
    let mut found: Vec<String> = tx.rows("PRAGMA integrity_check", [], |r| r.get(0))?;
    found.retain(|line| line != "ok");
    found.extend(tx.rows("PRAGMA foreign_key_check", [], |r| {
        let row: Option<i64> = r.get(1)?;
        Ok(format!("{} row {row:?} refers to nothing in {}", r.get::<_, String>(0)?, r.get::<_, String>(2)?))
    })?);
    Ok(found)
}
