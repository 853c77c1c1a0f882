//! A fixed number of threads over a bounded queue, for work that must not block the event loop.
//!
//! Admission is decided at once: a full queue refuses. A job that waited past its deadline is refused by
//! the worker before it begins, so an overloaded pool never works for people who have given up.

use crate::clock;
use countersign_issuer::Unavailable;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What a thread of the pool does.
pub(crate) trait Worker: Send + 'static {
    /// What is asked.
    type Ask: Send + 'static;
    /// What is answered.
    type Answer: Send + 'static;
    /// Does one job.
    fn work(&mut self, ask: Self::Ask) -> Self::Answer;
    /// Nothing came for [`IDLE`]: give back what need not be held.
    fn rest(&mut self) {}
}

/// How long a worker keeps its memory without work.
const IDLE: Duration = Duration::from_secs(30);

/// What part of the queue those who come second may fill.
const QUIET: usize = 4;

/// Shape of a pool.
pub(crate) struct Shape {
    /// Thread names, and what [`Unavailable`] calls the pool.
    pub(crate) name: &'static str,
    /// Threads.
    pub(crate) workers: usize,
    /// Jobs that may wait.
    pub(crate) capacity: usize,
    /// Longest wait.
    pub(crate) deadline: Duration,
    /// Gives way to every other thread of the process.
    pub(crate) background: bool,
}

struct Job<W: Worker> {
    ask: W::Ask,
    since: Instant,
    answer: oneshot::Sender<Result<W::Answer, Unavailable>>,
}

struct Queue<W: Worker> {
    jobs: VecDeque<Job<W>>,
    open: bool,
}

struct Shared<W: Worker> {
    shape: Shape,
    queue: Mutex<Queue<W>>,
    wake: Condvar,
}

impl<W: Worker> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, Queue<W>> {
        // The queue is whole between any two statements that hold the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self, detail: String) -> Unavailable {
        Unavailable {
            what: self.shape.name,
            detail,
            retry_after: self.shape.deadline.max(Duration::from_secs(1)),
        }
    }
}

/// The pool. Dropping it lets the threads finish the job they are at and end.
pub(crate) struct Pool<W: Worker>(Arc<Shared<W>>);

impl<W: Worker> Pool<W> {
    /// Starts the threads; `worker` makes each one's state.
    pub(crate) fn start(
        shape: Shape,
        worker: impl Fn() -> W + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let queue = Mutex::new(Queue { jobs: VecDeque::with_capacity(shape.capacity), open: true });
        let pool = Self(Arc::new(Shared { shape, queue, wake: Condvar::new() }));
        for n in 0..pool.0.shape.workers {
            let shared = pool.0.clone();
            let worker = worker.clone();
            std::thread::Builder::new()
                .name(format!("{}-{n}", pool.0.shape.name))
                .stack_size(256 * 1024)
                .spawn(move || run(&shared, worker))?;
        }
        Ok(pool)
    }

    /// Queues one job and waits for its answer.
    pub(crate) async fn run(&self, ask: W::Ask) -> Result<W::Answer, Unavailable> {
        self.run_within(self.0.shape.capacity, ask).await
    }

    /// As [`Self::run`], refused when a quarter of the queue is taken.
    pub(crate) async fn run_if_quiet(&self, ask: W::Ask) -> Result<W::Answer, Unavailable> {
        self.run_within((self.0.shape.capacity / QUIET).max(1), ask).await
    }

    async fn run_within(&self, most: usize, ask: W::Ask) -> Result<W::Answer, Unavailable> {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.0.lock();
            if queue.jobs.len() >= most {
                let waiting = queue.jobs.len();
                return Err(self.0.refusal(format!("queue full, {waiting} jobs wait")));
            }
            queue.jobs.push_back(Job { ask, since: clock::monotonic(), answer });
        }
        self.0.wake.notify_one();
        answered.await.unwrap_or_else(|_| Err(self.0.refusal("the worker failed".to_owned())))
    }
}

impl<W: Worker> Drop for Pool<W> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.open = false;
        queue.jobs.clear();
        drop(queue);
        self.0.wake.notify_all();
    }
}

fn run<W: Worker>(shared: &Shared<W>, make: impl Fn() -> W) {
    if shared.shape.background {
        give_way();
    }
    let mut worker = make();
    while let Some(job) = next(shared, &mut worker) {
        let waited = clock::monotonic().saturating_duration_since(job.since);
        if job.answer.is_closed() {
            continue;
        }
        if waited > shared.shape.deadline {
            let _ = job.answer.send(Err(shared.refusal(format!("waited {} ms", waited.as_millis()))));
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| worker.work(job.ask))) {
            Ok(done) => drop(job.answer.send(Ok(done))),
            Err(_) => {
                // A thread less would be felt long after the one bad job: go on with fresh state.
                tracing::error!(pool = shared.shape.name, "a job panicked");
                worker = make();
            }
        }
    }
}

/// The next job; `None` when the pool is gone.
fn next<W: Worker>(shared: &Shared<W>, worker: &mut W) -> Option<Job<W>> {
    let mut queue = shared.lock();
    let mut rested = false;
    loop {
        if let Some(job) = queue.jobs.pop_front() {
            return Some(job);
        }
        if !queue.open {
            return None;
        }
        if rested {
            queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let (back, timeout) = shared.wake.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
        queue = back;
        if timeout.timed_out() && queue.jobs.is_empty() {
            drop(queue);
            worker.rest();
            rested = true;
            queue = shared.lock();
        }
    }
}

/// Lowers this thread's priority: a login flood must not slow down tokens and keys. On Linux the priority
/// belongs to the thread; elsewhere it belongs to the process, so there it stays.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!("thread priority stays as it is: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Waits at a gate before each answer, and panics when asked to.
    struct Gate(Arc<Mutex<mpsc::Receiver<()>>>);

    impl Worker for Gate {
        type Ask = u32;
        type Answer = u32;
        fn work(&mut self, ask: u32) -> u32 {
            self.0.lock().unwrap().recv().unwrap();
            assert!(ask != 13, "asked to fail");
            ask
        }
    }

    fn pool(capacity: usize, deadline: Duration) -> (Arc<Pool<Gate>>, mpsc::Sender<()>) {
        let (open, gate) = mpsc::channel();
        let gate = Arc::new(Mutex::new(gate));
        let shape = Shape { name: "test", workers: 1, capacity, deadline, background: true };
        (Arc::new(Pool::start(shape, move || Gate(gate.clone())).unwrap()), open)
    }

    fn ask(pool: &Arc<Pool<Gate>>, n: u32) -> tokio::task::JoinHandle<Result<u32, Unavailable>> {
        let pool = pool.clone();
        tokio::spawn(async move { pool.run(n).await })
    }

    /// Until the worker is at its gate and `waiting` jobs stand behind it.
    async fn settled(pool: &Arc<Pool<Gate>>, waiting: usize) {
        while pool.0.lock().jobs.len() != waiting {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_recovers() {
        let (pool, open) = pool(2, Duration::from_secs(60));
        let first = ask(&pool, 1);
        settled(&pool, 1).await;
        settled(&pool, 0).await;
        let waiting = [ask(&pool, 2), ask(&pool, 3)];
        settled(&pool, 2).await;
        // A job that is queued all the same never ends: the gate is shut.
        let refused = tokio::time::timeout(Duration::from_secs(5), pool.run(4)).await;
        let refused = refused.expect("an answer at once").unwrap_err();
        assert!(refused.detail.contains("queue full"), "{refused}");
        assert!(refused.retry_after >= Duration::from_secs(1));
        for _ in 0..4 {
            open.send(()).unwrap();
        }
        assert_eq!(first.await.unwrap().unwrap(), 1);
        for (job, n) in waiting.into_iter().zip([2, 3]) {
            assert_eq!(job.await.unwrap().unwrap(), n);
        }
        assert_eq!(pool.run(5).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn strangers_get_a_quarter_of_the_queue() {
        let (pool, open) = pool(8, Duration::from_secs(60));
        let first = ask(&pool, 1);
        settled(&pool, 1).await;
        settled(&pool, 0).await;
        let mut waiting = vec![ask(&pool, 2), ask(&pool, 3)];
        settled(&pool, 2).await;
        // A job that is queued all the same never ends: the gate is shut.
        let refused = tokio::time::timeout(Duration::from_secs(5), pool.run_if_quiet(9)).await;
        let refused = refused.expect("an answer at once").unwrap_err();
        assert!(refused.detail.contains("queue full, 2 jobs wait"), "{refused}");
        // Whoever is known still gets in.
        waiting.push(ask(&pool, 4));
        settled(&pool, 3).await;
        (0..5).for_each(|_| open.send(()).unwrap());
        assert_eq!(first.await.unwrap().unwrap(), 1);
        for (job, n) in waiting.into_iter().zip([2, 3, 4]) {
            assert_eq!(job.await.unwrap().unwrap(), n);
        }
        assert_eq!(pool.run_if_quiet(5).await.unwrap(), 5, "as anybody, when it is quiet");
    }

    #[tokio::test]
    async fn a_job_past_its_deadline_is_not_begun() {
        let (pool, open) = pool(8, Duration::ZERO);
        // A job that is begun all the same fails at the closed gate.
        drop(open);
        let refused = ask(&pool, 1).await.unwrap().unwrap_err();
        assert!(refused.detail.contains("waited"), "{refused}");
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_not_the_thread() {
        let (pool, open) = pool(8, Duration::from_secs(60));
        open.send(()).unwrap();
        open.send(()).unwrap();
        assert!(pool.run(13).await.unwrap_err().detail.contains("failed"));
        assert_eq!(pool.run(1).await.unwrap(), 1);
    }
}
