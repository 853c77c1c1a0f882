//! Messages waiting to be sent.

use crate::SqliteStore;
use crate::fault::Done;
use crate::tx::Tx;
use async_trait::async_trait;
use countersign_issuer::model::message::Way;
use countersign_issuer::model::{EventDraft, Job, JobId};
use countersign_issuer::port::{At, Outbox, StoreResult, TakenJob, WaitingJob};
use rusqlite::params;
use std::time::Duration;

/// Queues it, due now.
pub(crate) fn put(tx: &Tx<'_>, job: &Job) -> Done<()> {
    let way = match job.way {
        Way::Mail => "mail",
        Way::Sms => "sms",
    };
    tx.one(
        "INSERT INTO outbox (id, way, message, next_at, created_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        params![job.id.0, way, job.message.0, tx.now.millis()],
    )
}

#[expect(clippy::todo, unused_variables, reason = "skeleton")]
#[async_trait]
impl Outbox for SqliteStore {
    async fn take_jobs(&self, limit: u16, lease: Duration) -> StoreResult<At<Vec<TakenJob>>> {
        todo!()
    }
    async fn job_done(&self, id: JobId) -> StoreResult<bool> {
        todo!()
    }
    async fn job_failed(&self, id: JobId, wait: Duration, error: &str) -> StoreResult<bool> {
        todo!()
    }
    async fn job_dead(&self, id: JobId, error: &str, event: EventDraft) -> StoreResult<bool> {
        todo!()
    }
    async fn list_jobs(&self, way: Option<Way>, limit: u16) -> StoreResult<At<Vec<WaitingJob>>> {
        todo!()
    }
    async fn retry_job(&self, id: JobId) -> StoreResult<bool> {
        todo!()
    }
    async fn remove_job(&self, id: JobId) -> StoreResult<bool> {
        todo!()
    }
    async fn count_jobs(&self) -> StoreResult<(u64, u64)> {
        todo!()
    }
}
