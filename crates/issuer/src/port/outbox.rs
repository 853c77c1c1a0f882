//! Messages waiting to be sent. They come in with the event that asked for them, in its transaction
//! ([`crate::model::EventDraft::telling`]); they leave when somebody took them over, or after the last try.

use super::{At, StoreResult};
use crate::model::message::Way;
use crate::model::{EventDraft, Job, JobId};
use async_trait::async_trait;
use countersign_token::Timestamp;
use std::time::Duration;

/// A job somebody holds for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenJob {
    /// The message.
    pub job: Job,
    /// Tries before this one.
    pub tries: u16,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When trying began: as `created_at`, or later when somebody had a dead one tried again.
    pub since: Timestamp,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// End of the lease. It names the lease: what is said about the job counts while nobody took it since.
    pub until: Timestamp,
}

/// A job in the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingJob {
    /// The message.
    pub job: Job,
    /// Tries so far.
    pub tries: u16,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Not before then; `None`: given up (dead).
    pub next_at: Option<Timestamp>,
    /// Why the last try failed; no secret, no address.
    pub error: Option<String>,
}

/// The outbox.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Comes back when a job of that way was queued through this store and nobody was told yet. One waits;
    /// what other processes queue is not seen here.
    async fn job_queued(&self, way: Way);
    /// Takes up to `limit` of that way that are due, oldest first, for `lease`: nobody else gets them until
    /// then, so that what a killed process held comes back by itself.
    async fn take_jobs(&self, way: Way, limit: u16, lease: Duration) -> StoreResult<At<Vec<TakenJob>>>;
    /// Handed over: the row goes. `false`: it was taken by somebody else since.
    async fn job_done(&self, taken: &TakenJob) -> StoreResult<bool>;
    /// Not now: again after `wait`. `false` as above.
    async fn job_failed(&self, taken: &TakenJob, wait: Duration, error: &str) -> StoreResult<bool>;
    /// Never: kept for the list until removed or swept. `false` as above; then the event is not written.
    async fn job_dead(&self, taken: &TakenJob, error: &str, event: EventDraft) -> StoreResult<bool>;
    /// Waiting and dead ones, oldest first.
    async fn list_jobs(&self, way: Option<Way>, limit: u16) -> StoreResult<At<Vec<WaitingJob>>>;
    /// One of them.
    async fn find_job(&self, id: JobId) -> StoreResult<Option<WaitingJob>>;
    /// A dead one again, at once, as if queued now. `false`: no such dead job.
    async fn retry_job(&self, id: JobId) -> StoreResult<bool>;
    /// Removes a dead one.
    async fn remove_job(&self, id: JobId) -> StoreResult<bool>;
    /// How many wait and how many are dead, of all ways or one.
    async fn count_jobs(&self, way: Option<Way>) -> StoreResult<(u64, u64)>;
}
