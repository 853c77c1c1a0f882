//! The chain through the event log, against somebody who writes the file.

use countersign_contract::ManualClock;
use countersign_issuer::admin::audit::chain::{Finding, Verdict, Walk};
use countersign_issuer::model::{Actor, EventDraft, EventKind};
use countersign_issuer::port::Events;
use countersign_issuer::seal::{LogKey, Sealer};
use countersign_store_sqlite::{Options, SqliteStore};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

fn key() -> LogKey {
    Sealer::new([9; 32].into()).log_key()
}

async fn write(path: &Path, count: usize) -> Verdict {
    let clock = ManualClock::default().reader();
    let store = SqliteStore::open(Some(path), Arc::new(clock), &Options::default()).unwrap();
    store.link_with(key()).await.unwrap();
    for n in 0..count {
        let event = EventDraft::new(EventKind::LoginFailed, Actor::Anonymous).with("n", n);
        store.note(event).await.unwrap();
    }
    let mut walk = Walk::new(key(), &[]);
    store.kept_events(0, 1_000).await.unwrap().iter().for_each(|event| walk.step(event));
    walk.end()
}

#[tokio::test]
async fn what_is_done_to_the_file_is_found() {
    use Finding::{Beginning, Changed, Missing, Unlinked};
    let forged = "INSERT INTO event (seq, at, kind, actor, data, link)
                  SELECT seq + 1, at, kind, actor, data, link FROM event WHERE seq = 10";
    let cases: [(&str, &[Finding]); 9] = [
        ("", &[]),
        ("UPDATE event SET data = '{\"n\":99}' WHERE seq = 5", &[Changed(5)]),
        ("UPDATE event SET at = at + 1 WHERE seq = 10", &[Changed(10)]),
        ("UPDATE event SET kind = 'login.succeeded', user_id = 'u_x' WHERE seq = 1", &[Beginning(1)]),
        ("UPDATE event SET link = NULL WHERE seq = 5", &[Unlinked(5)]),
        ("DELETE FROM event WHERE seq IN (4, 5)", &[Missing(4, 5)]),
        ("DELETE FROM event WHERE seq <= 3", &[Beginning(4)]),
        (forged, &[Changed(11)]),
        // Not text any more: found, and no error.
        ("UPDATE event SET actor = CAST(x'ff00ff' AS TEXT) WHERE seq = 7", &[Changed(7)]),
    ];
    for (sql, due) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        assert!(write(&path, 10).await.is_whole());
        let file = Connection::open(&path).unwrap();
        file.execute_batch(sql).unwrap();
        drop(file);
        assert_eq!(write(&path, 0).await.findings, due, "{sql}");
    }
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_once_something_follows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    write(&path, 10).await;
    Connection::open(&path).unwrap().execute_batch("DELETE FROM event WHERE seq > 7").unwrap();
    assert_eq!(write(&path, 1).await.findings, [Finding::Missing(8, 10)]);
}
