//! No space left: refused clearly, nothing half written, reads go on, and all is well when space is back.

use crate::{as_child, child};
use countersign_contract::fixture::{event, new_user, rotation};
use countersign_contract::stage::at_once;
use countersign_contract::{ManualClock, Stage};
use countersign_issuer::model::EventKind;
use countersign_issuer::port::{CreateUser, RotateOutcome, Store, StoreError};
use countersign_store_sqlite::{Options, SqliteStore};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Files end at 1 or 2 MiB (shells count blocks of 512 or 1,024 bytes); a write beyond fails, as on a full disk, and does not end the process.
const LIMITED: &str = r#"trap "" XFSZ; ulimit -S -f 2048; exec "$0" "$@""#;

fn place(path: &Path) -> impl Fn(&ManualClock) -> Arc<dyn Store> + use<> {
    let path = path.to_owned();
    move |clock| {
        Arc::new(SqliteStore::open(Some(&path), Arc::new(clock.reader()), &Options::default()).unwrap())
    }
}

#[test]
fn disk_full() {
    if let Some(path) = as_child() {
        return countersign_contract::run(place(&path), fill_up_and_recover);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let done = child("full::disk_full", &path, Some(LIMITED)).status().unwrap();
    assert!(done.success(), "{done}");
    let clock = Arc::new(ManualClock::default().reader());
    let store = SqliteStore::open(Some(&path), clock, &Options::default()).unwrap();
    assert!(store.check().unwrap().is_empty());
    let conn = rusqlite::Connection::open(&path).unwrap();
    let people: i64 = conn.query_row("SELECT count(*) FROM user", [], |r| r.get(0)).unwrap();
    assert!(people > 50, "the child did nothing: {people}");
}

async fn fill_up_and_recover(stage: Stage) {
    let (ada, client) = (stage.user("ada").await, stage.client("app").await);
    let session = stage.session(&ada, &client, None).await;
    let (mut written, mut refused) = (Vec::new(), Vec::new());
    let mut round = 0;
    // Until nothing at all goes in for a few rounds.
    while refused.len() < 64 {
        for (new, outcome) in add_people(&stage, round).await {
            match outcome {
                Ok(CreateUser::Created(user)) => written.push(user),
                Err(StoreError::Unavailable(why)) => refused.push((new, why)),
                other => panic!("{other:?}"),
            }
        }
        round += 1;
        assert!(round < 1000, "the limit was never met");
    }
    assert!(refused.iter().any(|(_, why)| why.contains("disk")), "{refused:?}");
    // What was acknowledged is there, what was refused is not, and reading goes on.
    for user in &written {
        assert_eq!(stage.store.subject(&user.id).await.unwrap().it.unwrap().user, *user);
    }
    for (id, _) in &refused {
        assert!(stage.store.subject(id).await.unwrap().it.is_none());
    }
    let presented = stage.store.rotate_refresh(rotation(&session, 1), event(EventKind::RefreshTheft)).await;
    let at = stage.store.client_session(session.id).await.unwrap().it.unwrap().0.refresh.unwrap().n;
    assert_eq!(at, if presented.is_ok() { 2 } else { 1 });

    // Space is back: the same process goes on.
    let me = std::process::id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &me, "--fsize=unlimited"]).status().unwrap().success());
    for (_, outcome) in add_people(&stage, round).await {
        assert!(matches!(outcome, Ok(CreateUser::Created(_))), "{outcome:?}");
    }
    let presented = stage.store.rotate_refresh(rotation(&session, 1), event(EventKind::RefreshTheft)).await;
    match presented.unwrap() {
        RotateOutcome::Rotated(_, row, _) | RotateOutcome::Replayed(_, row, _) => {
            assert_eq!(row.refresh.unwrap().n, 2);
        }
        other => panic!("{other:?}"),
    }
    let events = stage.store.events_after(0, 100_000).await.unwrap().it;
    let created = events.iter().filter(|e| e.what.kind == EventKind::UserCreated).count();
    assert_eq!(created, 1 + written.len() + 16, "an event for each change, none without");
}

type Added = (countersign_issuer::model::UserId, Result<CreateUser, StoreError>);

/// Sixteen at once, so that they share commits.
async fn add_people(stage: &Stage, round: usize) -> Vec<Added> {
    at_once(16, |i| {
        let mut new = new_user(&stage.entropy, &format!("user{round}-{i}"));
        new.name = Some("x".repeat(2000));
        let store = Arc::clone(&stage.store);
        async move { (new.id.clone(), store.create_user(new, event(EventKind::UserCreated)).await) }
    })
    .await
}

/// A limit of the file's size instead: the operation that needs a page fails, not the commit.
#[tokio::test]
async fn quota_reached() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let options = Options { max_pages: Some(100), ..Options::default() };
    let stage = Stage::new({
        let path = path.clone();
        move |clock: &ManualClock| -> Arc<dyn Store> {
            Arc::new(SqliteStore::open(Some(&path), Arc::new(clock.reader()), &options).unwrap())
        }
    });
    let mut written = Vec::new();
    let why = 'full: loop {
        for (_, outcome) in add_people(&stage, written.len()).await {
            match outcome {
                Ok(CreateUser::Created(user)) => written.push(user),
                Err(StoreError::Unavailable(why)) => break 'full why,
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(why.contains("the disk is full"), "{why}");
    // Room is made: it goes on.
    for user in &written {
        let removed = event(EventKind::UserRemoved);
        let until = countersign_contract::fixture::UNTIL;
        stage.store.remove_user(&user.id, until, removed).await.unwrap().unwrap();
    }
    stage.user("ada").await;
    drop(stage);
    let clock = Arc::new(ManualClock::default().reader());
    let store = SqliteStore::open(Some(&path), clock, &Options::default()).unwrap();
    assert!(store.check().unwrap().is_empty());
}
