//! Refresh rotation beside what the disk can do, in one run: `cargo bench -p countersign-store-sqlite`.
//!
//! Three things take turns, so that a slow minute of the disk is slow for all: a bare sync of one block, bare
//! transactions of one `UPDATE` for each session on a file of the same schema and size, and this store. The
//! figure that counts is the ratio.

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
const ROUNDS: usize = 15;
const TURN: Duration = Duration::from_millis(400);
const CALLERS: [usize; 3] = [16, 64, 256];

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
    let mut numbers: Vec<u32> = vec![1; SESSIONS];
    alone(&mut bare, &ours, &mut numbers).await;
    for callers in CALLERS {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let sync = syncs(&block);
            let bare = bare.updates(callers);
            let ours = ours.rotations(callers, &mut numbers).await;
            rounds.push([sync, bare, ours, ours / bare]);
        }
        let [sync, bare, ours, ratio] = [0, 1, 2, 3].map(|i| median(rounds.iter().map(|r| r[i]).collect()));
        println!(
            "{callers:>4} callers: {ratio:.2} x the bare group-commit rate ({ours:.0} rotations/s, bare \
             {bare:.0} updates/s, {sync:.0} syncs/s; medians of {ROUNDS} rounds)"
        );
    }
    ours.reads().await;
    // The same work without a disk: what one core can do at most.
    let memory = Stage::new(|clock: &ManualClock| -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(None, Arc::new(clock.reader()), &Options::default()).unwrap())
    });
    let memory = fill(memory).await;
    println!("in memory, 64 callers: {:.0} rot/s", memory.rotations(64, &mut vec![1; SESSIONS]).await);
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// One caller that waits for each answer, turn and turn about with one bare commit.
async fn alone(bare: &mut Bare, ours: &Ours, numbers: &mut [u32]) {
    let (mut ours_ms, mut bare_ms) = (Vec::new(), Vec::new());
    let ms = |begin: Instant| begin.elapsed().as_secs_f64() * 1e3;
    for i in 0..500 {
        let begin = Instant::now();
        bare.commit(1);
        bare_ms.push(ms(begin));
        let at = i * 7919 % SESSIONS;
        let begin = Instant::now();
        rotate(&ours.store, &ours.sessions[at], numbers[at]).await;
        ours_ms.push(ms(begin));
        numbers[at] += 1;
    }
    let (ours, bare) = (median(ours_ms), median(bare_ms));
    println!("one alone: {:.2} x one bare commit (p50 {ours:.2} ms and {bare:.2} ms)", ours / bare);
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
            self.commit(batch);
            count += batch;
        }
        count as f64 / begin.elapsed().as_secs_f64()
    }

    fn commit(&mut self, batch: usize) {
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

async fn rotate(store: &Arc<dyn Store>, session: &ClientSession, n: u32) {
    let theft = event(EventKind::RefreshTheft);
    let outcome = store.rotate_refresh(rotation(session, n), theft).await.unwrap();
    assert!(matches!(outcome, RotateOutcome::Rotated(..)), "{outcome:?}");
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
                        rotate(&store, session, *n).await;
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
        let told = |what: &str, begin: Instant, cpu: f64| {
            let each = |seconds: f64| seconds * 1e6 / SESSIONS as f64;
            let (wall, cpu) = (each(begin.elapsed().as_secs_f64()), each(on_cpu() - cpu));
            println!("read of {what}: {wall:.1} us, {cpu:.1} us of CPU");
        };
        let (begin, cpu) = (Instant::now(), on_cpu());
        for session in &self.sessions {
            assert!(self.store.client_session(session.id).await.unwrap().it.is_some());
        }
        told("a session with its person", begin, cpu);
        let user = &self.sessions[0].user;
        let (begin, cpu) = (Instant::now(), on_cpu());
        for _ in &self.sessions {
            assert!(self.store.subject(user).await.unwrap().it.is_some());
        }
        told("a person", begin, cpu);
        // What it would cost more to hand each read to another thread and wait for its answer.
        let (ask, asked) = std::sync::mpsc::channel::<tokio::sync::oneshot::Sender<()>>();
        let thread = std::thread::spawn(move || asked.into_iter().for_each(|reply| reply.send(()).unwrap()));
        let (begin, cpu) = (Instant::now(), on_cpu());
        for _ in &self.sessions {
            let (reply, answer) = tokio::sync::oneshot::channel();
            ask.send(reply).unwrap();
            answer.await.unwrap();
        }
        told("nothing, by way of another thread", begin, cpu);
        drop(ask);
        thread.join().unwrap();
    }
}

/// Seconds this thread ran on a core (Linux; elsewhere 0), which other load on the machine does not change.
fn on_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e9
}
