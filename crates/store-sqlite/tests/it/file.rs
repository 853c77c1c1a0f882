//! The file itself: who may read it, what is refused, what is found wrong.

use countersign_contract::{ManualClock, Stage};
use countersign_issuer::port::{Node, Store};
use countersign_store_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(Some(path), Arc::new(ManualClock::default().reader()), &Options::default())
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store.db")).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
        seen += 1;
    }
    assert_eq!(seen, 3, "database, log and shared memory");
    drop(store);
}

#[test]
fn promises_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store.db")).unwrap();
    let told = store.durability();
    assert_eq!((told.journal_mode.as_str(), told.synchronous), ("wal", 2));
}

#[test]
fn a_newer_schema_and_a_foreign_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Newer { found: 999, .. })));

    let foreign = dir.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(matches!(open(&foreign), Err(OpenError::Foreign { .. })));
    assert_eq!(std::fs::read(&foreign).unwrap(), before, "left alone");

    let text = dir.path().join("text.db");
    std::fs::write(&text, "x".repeat(5000)).unwrap();
    assert!(matches!(open(&text), Err(OpenError::Sqlite { .. })));
    assert!(matches!(open(&dir.path().join("no/folder.db")), Err(OpenError::File { .. })));
}

#[test]
fn many_may_be_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path).map(drop))).collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
    assert!(open(&path).unwrap().check().unwrap().is_empty());
}

/// An older file that many processes open at once: copied once, whole, and migrated once.
#[test]
fn many_may_migrate() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../migrations/0001_first.sql")).unwrap();
    old.execute_batch("INSERT INTO rule (kind, id, cutoff, until) VALUES ('sid', 's', 9, 99)").unwrap();
    old.pragma_update(None, "application_id", 0x4353_676e).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path).map(drop))).collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
    assert!(open(&path).unwrap().check().unwrap().is_empty());
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["store.db", "store.db.before-schema-2"]);
    let copy = Connection::open(dir.path().join("store.db.before-schema-2")).unwrap();
    let version: i32 = copy.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
    let rules: i64 = copy.query_row("SELECT count(*) FROM rule", [], |r| r.get(0)).unwrap();
    assert_eq!((version, rules), (1, 1));
}

#[test]
fn damage_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let at = path.clone();
    countersign_contract::run(
        move |_: &ManualClock| -> Arc<dyn Store> { Arc::new(open(&at).unwrap()) },
        async |stage: Stage| {
            for i in 0..50 {
                stage.user(&format!("user{i}")).await;
            }
        },
    );
    assert!(open(&path).unwrap().check().unwrap().is_empty());
    let conn = Connection::open(&path).unwrap();
    let root: u32 =
        conn.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'user'", [], |r| r.get(0)).unwrap();
    drop(conn);
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(u64::from(root - 1) * 4096)).unwrap();
    file.write_all(&[0xff; 100]).unwrap();
    drop(file);
    let found = open(&path).unwrap().check();
    assert!(!matches!(&found, Ok(lines) if lines.is_empty()), "{found:?}");
}

#[tokio::test]
async fn a_write_lock_held_too_long_is_unavailable_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let options = Options { busy_timeout: std::time::Duration::from_millis(20), ..Options::default() };
    let clock = Arc::new(ManualClock::default().reader());
    let store = SqliteStore::open(Some(&path), clock, &options).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.heartbeat("a", 1).await.unwrap_err();
    assert!(refused.to_string().contains("another process holds the database"), "{refused}");
    assert!(store.epoch().await.is_ok(), "reads go on");
    other.execute_batch("COMMIT").unwrap();
    store.heartbeat("a", 1).await.unwrap();
}
