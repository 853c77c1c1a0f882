//! The one writing connection and its thread: takes everything that waits, runs it in one transaction with
//! a savepoint for each operation, commits once, then answers all.
//!
//! The commit before is the batching window: whatever comes in while the disk is busy goes together. There
//! is no wait to fill a batch, so one caller alone pays one commit.

use crate::Clock;
use crate::fault::{Done, Fault, passing};
use crate::tx::Tx;
use countersign_issuer::port::{StoreError, StoreResult};
use countersign_issuer::seal::LogKey;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The queue's sending end.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// An operation waiting for its turn or its commit.
trait Job: Send {
    /// Is anybody still waiting? One given up before its turn is not begun.
    fn wanted(&self) -> bool;
    /// Runs it inside its savepoint; after an error, roll back to that.
    fn run(&mut self, tx: &Tx<'_>) -> StoreResult<()>;
    /// Answers after the commit, or with why there was none.
    fn answer(self: Box<Self>, failed: Option<&StoreError>);
}

struct Call<T, F> {
    op: Option<F>,
    result: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T: Send, F: FnOnce(&Tx<'_>) -> Done<T> + Send> Job for Call<T, F> {
    fn wanted(&self) -> bool {
        !self.reply.is_closed()
    }
    fn run(&mut self, tx: &Tx<'_>) -> StoreResult<()> {
        let Some(op) = self.op.take() else { return Ok(()) };
        let result = catch_unwind(AssertUnwindSafe(|| op(tx)))
            .unwrap_or_else(|_| Err(Fault::Broken("a store operation panicked".to_owned())))
            .map_err(StoreError::from);
        let done = result.as_ref().map(|_| ()).map_err(StoreError::clone);
        self.result = Some(result);
        done
    }
    fn answer(self: Box<Self>, failed: Option<&StoreError>) {
        let answer = match (self.result, failed) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(failed)) => Err(failed.clone()),
            (Some(Ok(done)), None) => Ok(done),
            (None, None) => Err(StoreError::Broken("an operation was left out of its batch".to_owned())),
        };
        // The caller may have given up; the write stands either way.
        let _ = self.reply.send(answer);
    }
}

impl Writer {
    /// Starts the thread. `queue`: how many operations may wait; `batch`: how many go into one commit.
    pub(crate) fn start(
        conn: Arc<Mutex<Connection>>,
        clock: Arc<dyn Clock>,
        log_key: Arc<OnceLock<LogKey>>,
        queue: usize,
        batch: usize,
    ) -> std::io::Result<Self> {
        let (send, receive) = sync_channel(queue.max(1));
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let stand = Stand { conn: &conn, clock: clock.as_ref(), log_key: &log_key, queue: &receive };
            run(&stand, batch.max(1));
        })?;
        Ok(Self { queue: Some(send), thread: Some(thread) })
    }

    /// Queues an operation and waits for its commit.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Tx<'_>) -> Done<T> + Send + 'static,
    ) -> StoreResult<T> {
        let (reply, answer) = oneshot::channel();
        let gone = || StoreError::Unavailable("the store is closed".to_owned());
        let job = Box::new(Call { op: Some(op), result: None, reply });
        self.queue.as_ref().ok_or_else(gone)?.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => StoreError::Unavailable("too many writes are waiting".to_owned()),
            TrySendError::Disconnected(_) => gone(),
        })?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    /// What was queued is still written; then the thread ends.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread stands on.
struct Stand<'a> {
    conn: &'a Mutex<Connection>,
    clock: &'a dyn Clock,
    log_key: &'a OnceLock<LogKey>,
    queue: &'a Receiver<Box<dyn Job>>,
}

fn run(stand: &Stand<'_>, most: usize) {
    let mut batch = Vec::with_capacity(most);
    while let Ok(first) = stand.queue.recv() {
        batch.push(first);
        let failed = {
            let conn = stand.conn.lock().unwrap_or_else(PoisonError::into_inner);
            commit(&conn, stand, most, &mut batch).err()
        };
        if let Some(why) = &failed {
            tracing::error!(error = %why, operations = batch.len(), "a batch of writes was not committed");
        }
        for job in batch.drain(..) {
            job.answer(failed.as_ref());
        }
    }
}

/// Takes what waits, up to `most`.
fn take(queue: &Receiver<Box<dyn Job>>, most: usize, batch: &mut Vec<Box<dyn Job>>) {
    batch.extend(queue.try_iter().take(most.saturating_sub(batch.len())));
}

/// One transaction for the whole batch. An error means that nothing of it was written.
fn commit(
    conn: &Connection,
    stand: &Stand<'_>,
    most: usize,
    batch: &mut Vec<Box<dyn Job>>,
) -> StoreResult<()> {
    take(stand.queue, most, batch);
    if !conn.is_autocommit() {
        // A rollback failed before (the disk was not there): nothing begins until it is done.
        execute(conn, "ROLLBACK")?;
    }
    let done = execute(conn, "BEGIN IMMEDIATE").and_then(|()| {
        let mut begun = 0;
        while let Some(job) = batch.get_mut(begun) {
            if job.wanted() {
                run_one(conn, stand, job.as_mut())?;
            }
            begun += 1;
            if begun == batch.len() {
                // Those just answered come again while the first of them are run: they go along, else
                // every second commit would be for a handful.
                take(stand.queue, most, batch);
            }
        }
        execute(conn, "COMMIT")
    });
    if done.is_err()
        && !conn.is_autocommit()
        && let Err(why) = execute(conn, "ROLLBACK")
    {
        tracing::error!(error = %why, "a transaction could not be rolled back");
    }
    done
}

fn run_one(conn: &Connection, stand: &Stand<'_>, job: &mut dyn Job) -> StoreResult<()> {
    execute(conn, "SAVEPOINT op")?;
    let tx = Tx::writing(conn, stand.clock.now(), stand.log_key.get());
    if let Err(why) = job.run(&tx) {
        if conn.is_autocommit() {
            // Some errors (disk full, I/O) end the whole transaction, not the statement alone.
            return Err(StoreError::Unavailable(format!("lost with another write: {why}")));
        }
        execute(conn, "ROLLBACK TO op")?;
    }
    execute(conn, "RELEASE op")
}

fn execute(conn: &Connection, sql: &str) -> StoreResult<()> {
    let done = conn.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.map(drop).map_err(|e| match passing(&e) {
        Some(what) => StoreError::Unavailable(format!("{what}: {e}")),
        None => StoreError::Unavailable(format!("{sql} failed: {e}")),
    })
}

#[cfg(test)]
mod tests {
    use crate::fault::Fault;
    use crate::tx::Tx;
    use crate::{Options, SqliteStore};
    use countersign_issuer::port::{Node, StoreError};
    use countersign_token::Timestamp;
    use std::sync::{Arc, mpsc};

    fn store(queue: usize) -> SqliteStore {
        let options = Options { queue, ..Options::default() };
        SqliteStore::open(None, Arc::new(|| Timestamp::from_seconds(1)), &options).unwrap()
    }

    /// Holds the writer in an operation, so that what is queued meanwhile goes into one batch.
    fn hold(store: &Arc<SqliteStore>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
        let (release, held) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let store = Arc::clone(store);
        let task = tokio::spawn(async move {
            let wait = move |_: &Tx<'_>| {
                begun.send(()).unwrap();
                held.recv().map_err(|_| Fault::Broken("let go".to_owned()))
            };
            store.write(wait).await
        });
        begins.recv().unwrap();
        (release, task)
    }

    fn add(tx: &Tx<'_>, node: &str) -> Result<(), Fault> {
        tx.one("INSERT INTO node (id, key_version, seen_at) VALUES (?1, 1, 1)", [node])
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_that_fails_takes_nobody_with_it() {
        let store = Arc::new(store(16));
        let (release, held) = hold(&store);
        let begin = |op: fn(&Tx<'_>) -> Result<(), Fault>| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.write(op).await })
        };
        let before = begin(|tx| add(tx, "before"));
        let broken = begin(|tx| add(tx, "broken").and_then(|()| Err(Fault::Broken("no".to_owned()))));
        let twice = begin(|tx| add(tx, "twice").and_then(|()| add(tx, "twice")));
        let panics = begin(|tx| add(tx, "panics").map(|()| panic!("on purpose")));
        let after = begin(|tx| add(tx, "after"));
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        before.await.unwrap().unwrap();
        after.await.unwrap().unwrap();
        for failed in [broken, twice, panics] {
            assert!(matches!(failed.await.unwrap(), Err(StoreError::Broken(_))));
        }
        let nodes: Vec<String> =
            store.read(|tx| tx.rows("SELECT id FROM node ORDER BY id", [], |r| r.get(0))).unwrap();
        assert_eq!(nodes, ["after", "before"]);
        store.ping().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_waits_is_committed_together() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let clock = Arc::new(|| Timestamp::from_seconds(1));
        let store = Arc::new(SqliteStore::open(Some(&path), clock, &Options::default()).unwrap());
        let (release, held) = hold(&store);
        let mut first = Box::pin(store.write(|tx| add(tx, "first")));
        assert!(poll_once(first.as_mut()).is_none());
        // Looks from outside, in its turn: what went before it is not committed yet.
        let outside = rusqlite::Connection::open(&path).unwrap();
        let mut second = Box::pin(store.write(move |tx| {
            let committed: i64 = outside.query_row("SELECT count(*) FROM node", [], |r| r.get(0))?;
            let seen: i64 = tx.value("SELECT count(*) FROM node", [])?;
            Ok((committed, seen))
        }));
        assert!(poll_once(second.as_mut()).is_none());
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        first.await.unwrap();
        assert_eq!(second.await.unwrap(), (0, 1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_says_so_at_once() {
        let store = Arc::new(store(1));
        let (release, held) = hold(&store);
        let mut waiting = Box::pin(store.write(|tx| add(tx, "waiting")));
        assert!(poll_once(waiting.as_mut()).is_none());
        let refused = store.write(|tx| add(tx, "refused")).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        waiting.await.unwrap();
        store.write(|tx| add(tx, "next")).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_given_up_before_its_turn_is_not_begun() {
        let store = Arc::new(store(16));
        let (release, held) = hold(&store);
        let mut given_up = Box::pin(store.write(|tx| add(tx, "given up")));
        assert!(poll_once(given_up.as_mut()).is_none());
        drop(given_up);
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        let nodes: i64 = store.write(|tx| tx.value("SELECT count(*) FROM node", [])).await.unwrap();
        assert_eq!(nodes, 0);
    }

    /// Polls once: queues it.
    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        }
    }
}
