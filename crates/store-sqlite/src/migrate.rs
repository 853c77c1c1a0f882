//! Migrations: forward only, numbered by `user_version`, all that are due in one transaction, so that nobody
//! sees a schema in between. A file that has content is copied beside itself first, so that there is a way back.

use crate::open::{OpenError, at, private_file};
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// "CSgn": tells our files from other SQLite databases.
const APPLICATION_ID: i32 = 0x4353_676e;

/// All migrations; the schema's version is how many there are.
pub(crate) const ALL: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_feed.sql"),
    include_str!("../migrations/0003_status_list.sql"),
    include_str!("../migrations/0004_login.sql"),
];

/// The schema's version as this binary knows it.
pub(crate) fn known(migrations: &[&str]) -> i32 {
    i32::try_from(migrations.len()).unwrap_or(i32::MAX)
}

fn number(conn: &Connection, pragma: &'static str) -> Result<i32, OpenError> {
    conn.pragma_query_value(None, pragma, |r| r.get(0)).map_err(at("reading the schema's version"))
}

/// Is the file empty, or ours? Reads only.
pub(crate) fn ours(conn: &Connection) -> Result<(), OpenError> {
    let found = number(conn, "application_id")?;
    let pages = number(conn, "page_count")?;
    if found == APPLICATION_ID || (found == 0 && pages == 0) {
        return Ok(());
    }
    // Another process may be making it just now: tables come with the id, in one transaction, so whoever
    // sees tables sees the id.
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
        .map_err(at("reading the schema"))?;
    let found = number(conn, "application_id")?;
    if found == APPLICATION_ID || (found == 0 && tables == 0) {
        Ok(())
    } else {
        Err(OpenError::Foreign { found })
    }
}

/// Brings the schema up to date.
pub(crate) fn run(conn: &Connection, path: Option<&Path>, migrations: &[&str]) -> Result<(), OpenError> {
    let known = known(migrations);
    let is_older = |found: i32| (1..known).contains(&found);
    let turn = match path {
        Some(path) if is_older(number(conn, "user_version")?) => Some(Turn::take(path)?),
        _ => None,
    };
    if let Some(turn) = &turn {
        // Whoever had its turn before may have done it.
        let found = number(conn, "user_version")?;
        if is_older(found) {
            snapshot(conn, &turn.path, found)?;
        }
    }
    // Another process may have been faster: the version is read again under the write lock.
    let tx = rusqlite::Transaction::new_unchecked(conn, TransactionBehavior::Immediate)
        .map_err(at("waiting for the write lock"))?;
    let found = number(&tx, "user_version")?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let due = usize::try_from(found).ok().and_then(|n| migrations.get(n..)).unwrap_or_default();
    if due.is_empty() {
        return Ok(());
    }
    due.iter().try_for_each(|migration| tx.execute_batch(migration)).map_err(at("migrating"))?;
    tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(at("migrating"))?;
    tx.pragma_update(None, "user_version", known).map_err(at("migrating"))?;
    tx.commit().map_err(at("migrating"))
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::File { path, source }
}

/// Of several processes that open an older file one at a time copies and migrates it.
struct Turn {
    path: PathBuf,
    lock: PathBuf,
    /// Locked until it is closed.
    _held: std::fs::File,
}

impl Turn {
    fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = beside(path, "migrating");
        private_file(&lock).map_err(file(&lock))?;
        let held = std::fs::File::options().write(true).create(true).truncate(false).open(&lock);
        let held = held.map_err(file(&lock))?;
        held.lock().map_err(file(&lock))?;
        Ok(Self { path: path.to_owned(), lock, _held: held })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Somebody who waits for it finds the schema up to date; one that is left over does no harm.
        let _ = std::fs::remove_file(&self.lock);
    }
}

/// A consistent copy of the file as it was at that version, whole or not there.
fn snapshot(conn: &Connection, path: &Path, version: i32) -> Result<(), OpenError> {
    let to = beside(path, &format!("before-schema-{}", version + 1));
    let part = beside(path, "snapshot-part");
    if part.exists() {
        std::fs::remove_file(&part).map_err(file(&part))?;
    }
    private_file(&part).map_err(file(&part))?;
    conn.execute("VACUUM INTO ?1", [part.to_string_lossy()]).map_err(at("copying before a migration"))?;
    std::fs::File::open(&part).and_then(|f| f.sync_all()).map_err(file(&part))?;
    std::fs::rename(&part, &to).map_err(file(&to))
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_migration_keeps_a_copy_and_a_third_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let conn = Connection::open(&path).unwrap();
        let one = "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);";
        let two = "DROP TABLE a; CREATE TABLE b (x INTEGER) STRICT;";
        run(&conn, Some(&path), &[one]).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing to copy at first");
        run(&conn, Some(&path), &[one]).unwrap();
        run(&conn, Some(&path), &[one, two]).unwrap();
        assert_eq!(number(&conn, "user_version").unwrap(), 2);
        ours(&conn).unwrap();

        let copy = Connection::open(beside(&path, "before-schema-2")).unwrap();
        assert_eq!(copy.query_row("SELECT x FROM a", [], |r| r.get::<_, i64>(0)).unwrap(), 7);
        assert_eq!(number(&copy, "user_version").unwrap(), 1);
        let newer = run(&conn, Some(&path), &[one]).unwrap_err();
        assert!(matches!(newer, OpenError::Newer { found: 2, known: 1 }), "{newer}");
    }

    #[test]
    fn rules_of_before_wait_for_their_numbers() {
        let conn = Connection::open_in_memory().unwrap();
        run(&conn, None, &ALL[..1]).unwrap();
        conn.execute_batch(
            "INSERT INTO rule (kind, id, cutoff, until) VALUES ('sid', 's', 9, 99), ('sub', 'u_1', 7, 98),
                 ('jti', 'swept', 9, 9);
             DELETE FROM rule WHERE id = 'swept';",
        )
        .unwrap();
        run(&conn, None, ALL).unwrap();
        type Row = (i64, String, i64, i64, Option<String>, Option<i64>, bool);
        let read = |r: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?))
        };
        let sql = "SELECT seq, id, cutoff, until, sub, feed_seq, written_at > 0 AND numbered_at > 0
                   FROM rule ORDER BY seq";
        let rows: Vec<Row> =
            conn.prepare(sql).unwrap().query_map([], read).unwrap().map(Result::unwrap).collect();
        let due = [
            (1, "s".to_owned(), 9, 99, None, None, true),
            (2, "u_1".to_owned(), 7, 98, Some("u_1".to_owned()), None, true),
        ];
        assert_eq!(rows, due);
        conn.execute_batch(
            "INSERT INTO rule (kind, id, cutoff, until, written_at) VALUES ('iss', 'i', 9, 99, 1)",
        )
        .unwrap();
        assert_eq!(conn.last_insert_rowid(), 4, "the number of one that was swept is not given again");
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let conn = Connection::open_in_memory().unwrap();
        let bad = "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT;";
        run(&conn, None, &[bad]).unwrap_err();
        assert_eq!(number(&conn, "user_version").unwrap(), 0);
        let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn a_foreign_database_is_left_alone() {
        let conn = Connection::open_in_memory().unwrap();
        ours(&conn).unwrap();
        conn.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(ours(&conn), Err(OpenError::Foreign { found: 0 })));
    }
}
