//! Refresh rotation beside what the disk can do, in one run: `cargo bench -p countersign-store-sqlite`.
//!
//! Three things take turns, so that a slow minute of the disk is slow for all: a bare sync of one block, bare
//! transactions of one `UPDATE` for each session on a file of the same schema and size, and this store. The
//! figure that counts is the ratio; a round is printed as it was.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use countersign_contract::fixture::{self, event, rotation};
use countersign_contract::{ManualClock, Stage};
use countersign_issuer::model::{ClientSession, EventKind};
use countersign_issuer::port::{RotateOutcome, Store};
use countersign_store_sqlite::{Options, SqliteStore};
use rusqlite::{Connection, params};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SESSIONS: usize = 20_000;
const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_millis(1500);
const CALLERS: [usize; 4] = [1, 16, 64, 256];

fn main() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(run(dir.path()));
}

async fn run(dir: &Path) {
    let ours = fill(on_file(&dir.join("ours.db"))).await;
    drop(fill(on_file(&dir.join("bare.db"))).await);
    let clock = Arc::new(ManualClock::default().reader());
    let second = SqliteStore::open(Some(&dir.join("ours.db")), clock, &Options::default()).unwrap();
    println!("{:?}; {SESSIONS} sessions", second.durability());
    drop(second);
    let mut bare = Bare::open(&dir.join("bare.db"), &ours.sessions);
    let block = dir.join("block");
    println!("{:>8} {:>12} {:>14} {:>14} {:>8}", "callers", "sync/s", "bare upd/s", "ours rot/s", "ratio");
    let mut numbers: Vec<u32> = vec![1; SESSIONS];
    for callers in CALLERS {
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let sync = syncs(&block);
            let bare = bare.updates(callers);
            let ours = ours.rotations(callers, &mut numbers).await;
            ratios.push(ours / bare);
            println!("{callers:>8} {sync:>12.0} {bare:>14.0} {ours:>14.0} {:>8.2}", ours / bare);
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios[ROUNDS / 2];
        match callers {
            1 => println!("one caller alone: {:.2} x the time of one commit", 1.0 / median),
            _ => println!("{callers:>8} callers: {median:.2} x the bare group-commit rate (median)"),
        }
    }
    ours.reads().await;
    // The same work without a disk: what one core can do at most.
    let memory = Stage::new(|clock: &ManualClock| -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(None, Arc::new(clock.reader()), &Options::default()).unwrap())
    });
    let memory = fill(memory).await;
    println!("in memory, 64 callers: {:.0} rot/s", memory.rotations(64, &mut vec![1; SESSIONS]).await);
}

/// 4 KiB written over and synced, each by itself: what one commit costs at least.
fn syncs(path: &PathBuf) -> f64 {
    let mut file = std::fs::File::options().write(true).create(true).truncate(false).open(path).unwrap();
    let (begin, mut count) = (Instant::now(), 0);
    while begin.elapsed() < TURN / 3 {
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_all().unwrap();
        count += 1;
    }
    f64::from(count) / begin.elapsed().as_secs_f64()
}

/// Plain transactions by hand, with the same promises.
struct Bare {
    conn: Connection,
    ids: Vec<[u8; 16]>,
    next: usize,
}

impl Bare {
    fn open(path: &Path, sessions: &[ClientSession]) -> Self {
        let conn = Connection::open(path).unwrap();
        conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
        conn.pragma_update(None, "synchronous", "FULL").unwrap();
        conn.pragma_update_and_check(None, "wal_autocheckpoint", 8192, |_| Ok(())).unwrap();
        conn.pragma_update(None, "cache_size", -8192).unwrap();
        Self { conn, ids: sessions.iter().map(|s| s.id.0).collect(), next: 0 }
    }

    fn updates(&mut self, batch: usize) -> f64 {
        let (begin, mut count) = (Instant::now(), 0);
        while begin.elapsed() < TURN {
            self.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
            let sql = "UPDATE client_session SET n = n + 1, rotated_at = ?2, idle_until = ?2 WHERE id = ?1";
            let mut update = self.conn.prepare_cached(sql).unwrap();
            for _ in 0..batch {
                // Scattered, as the callers of the other side are.
                self.next = (self.next + 7919) % self.ids.len();
                assert_eq!(update.execute(params![self.ids[self.next], self.next as i64]).unwrap(), 1);
            }
            drop(update);
            self.conn.execute_batch("COMMIT").unwrap();
            count += batch;
        }
        count as f64 / begin.elapsed().as_secs_f64()
    }
}

struct Ours {
    store: Arc<dyn Store>,
    sessions: Vec<ClientSession>,
}

fn on_file(path: &Path) -> Stage {
    let path = path.to_owned();
    Stage::new(move |clock: &ManualClock| -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(Some(&path), Arc::new(clock.reader()), &Options::default()).unwrap())
    })
}

async fn fill(stage: Stage) -> Ours {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let mut sessions = Vec::with_capacity(SESSIONS);
    while sessions.len() < SESSIONS {
        let made: Vec<_> = (0..500)
            .map(|_| {
                let session = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
                let (store, new) = (Arc::clone(&stage.store), session.clone());
                let started = event(EventKind::ClientSessionStarted);
                let task = tokio::spawn(async move {
                    store.start_session(new, 1, fixture::ABSOLUTE, started).await.unwrap().unwrap();
                });
                (session, task)
            })
            .collect();
        for (session, task) in made {
            task.await.unwrap();
            sessions.push(session);
        }
    }
    Ours { store: stage.store, sessions }
}

impl Ours {
    /// Each caller presents one token after another, each of a session of its own, and waits each time.
    async fn rotations(&self, callers: usize, numbers: &mut [u32]) -> f64 {
        let begin = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let store = Arc::clone(&self.store);
                let mine: Vec<usize> = (caller..SESSIONS).step_by(callers).collect();
                let mut work: Vec<_> =
                    mine.into_iter().map(|i| (i, self.sessions[i].clone(), numbers[i])).collect();
                tokio::spawn(async move {
                    let (mut at, mut count) = (0, 0u32);
                    while begin.elapsed() < TURN {
                        at = (at + 7919) % work.len();
                        let (_, session, n) = &mut work[at];
                        let theft = event(EventKind::RefreshTheft);
                        let outcome = store.rotate_refresh(rotation(session, *n), theft).await.unwrap();
                        assert!(matches!(outcome, RotateOutcome::Rotated(..)), "{outcome:?}");
                        *n += 1;
                        count += 1;
                    }
                    (count, work.into_iter().map(|(i, _, n)| (i, n)).collect::<Vec<_>>())
                })
            })
            .collect();
        let mut count = 0;
        for task in tasks {
            let (made, reached) = task.await.unwrap();
            count += made;
            for (i, n) in reached {
                numbers[i] = n;
            }
        }
        f64::from(count) / begin.elapsed().as_secs_f64()
    }

    async fn reads(&self) {
        let each = |begin: Instant| begin.elapsed().as_secs_f64() * 1e6 / SESSIONS as f64;
        let begin = Instant::now();
        for session in &self.sessions {
            assert!(self.store.client_session(session.id).await.unwrap().it.is_some());
        }
        println!("read of a session with its person: {:.1} us", each(begin));
        let user = &self.sessions[0].user;
        let begin = Instant::now();
        for _ in &self.sessions {
            assert!(self.store.subject(user).await.unwrap().it.is_some());
        }
        println!("read of a person: {:.1} us", each(begin));
    }
}
