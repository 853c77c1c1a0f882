//! Messages waiting to be sent.

use crate::SqliteStore;
use crate::column::{Read, maybe_time, parsed, time};
use crate::event;
use crate::fault::Done;
use crate::tx::Tx;
use async_trait::async_trait;
use countersign_issuer::model::message::Way;
use countersign_issuer::model::{EventDraft, Job, JobId, Sealed};
use countersign_issuer::port::{At, Outbox, StoreResult, TakenJob, WaitingJob};
use rusqlite::{Row, params};
use std::time::Duration;
use tokio::sync::Notify;

/// A dead message is kept for somebody to look at for that long.
pub(crate) const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Ways by which something was queued.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Ways {
    mail: bool,
    sms: bool,
}

/// Wakes whoever delivers.
#[derive(Debug, Default)]
pub(crate) struct Queued {
    mail: Notify,
    sms: Notify,
}

impl Queued {
    /// After a commit.
    pub(crate) fn tell(&self, ways: Ways) {
        if ways.mail {
            self.mail.notify_one();
        }
        if ways.sms {
            self.sms.notify_one();
        }
    }
}

/// Queues it, due now.
pub(crate) fn put(tx: &Tx<'_>, job: &Job) -> Done<()> {
    note(tx, job.way);
    tx.one(
        "INSERT INTO outbox (id, way, message, next_at, created_at, since) VALUES (?1, ?2, ?3, ?4, ?4, ?4)",
        params![job.id.0, job.way.name(), job.message.0, tx.now.millis()],
    )
}

/// Something of that way is due.
fn note(tx: &Tx<'_>, way: Way) {
    let mut ways = tx.queued.get();
    match way {
        Way::Mail => ways.mail = true,
        Way::Sms => ways.sms = true,
    }
    tx.queued.set(ways);
}

/// `id`, `way`, `message`.
fn job(row: &Row<'_>) -> Read<Job> {
    Ok(Job { id: JobId(row.get(0)?), way: parsed(row, 1, Way::parse)?, message: Sealed(row.get(2)?) })
}

/// Of [`waiting`].
macro_rules! waiting_columns {
    () => {
        "id, way, message, tries, created_at, next_at, error"
    };
}

fn waiting(row: &Row<'_>) -> Read<WaitingJob> {
    Ok(WaitingJob {
        job: job(row)?,
        tries: row.get(3)?,
        created_at: time(row, 4)?,
        next_at: maybe_time(row, 5)?,
        error: row.get(6)?,
    })
}

fn take(tx: &Tx<'_>, way: Way, limit: u16, lease: Duration) -> Done<Vec<TakenJob>> {
    let until = tx.now + lease;
    let mut taken = tx.rows(
        "UPDATE outbox SET next_at = ?4, tries = tries + 1 WHERE id IN
             (SELECT id FROM outbox WHERE way = ?1 AND next_at <= ?2 ORDER BY next_at LIMIT ?3)
         RETURNING id, way, message, tries, created_at, since",
        params![way.name(), tx.now.millis(), limit, until.millis()],
        |r| {
            Ok(TakenJob {
                job: job(r)?,
                tries: r.get::<_, u16>(3)?.saturating_sub(1),
                created_at: time(r, 4)?,
                since: time(r, 5)?,
                taken_at: tx.now,
                until,
            })
        },
    )?;
    // RETURNING promises no order.
    taken.sort_by_key(|t| (t.created_at, t.job.id.0));
    Ok(taken)
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn job_queued(&self, way: Way) {
        match way {
            Way::Mail => self.queued.mail.notified().await,
            Way::Sms => self.queued.sms.notified().await,
        }
    }

    async fn take_jobs(&self, way: Way, limit: u16, lease: Duration) -> StoreResult<At<Vec<TakenJob>>> {
        // A look costs nobody anything; most of the time there is nothing to take.
        let nothing = self.read(|tx| {
            let due: bool = tx.value(
                "SELECT EXISTS (SELECT 1 FROM outbox WHERE way = ?1 AND next_at <= ?2)",
                params![way.name(), tx.now.millis()],
            )?;
            Ok((!due).then_some(At { now: tx.now, it: Vec::new() }))
        })?;
        if let Some(nothing) = nothing {
            return Ok(nothing);
        }
        self.write(move |tx| Ok(At { now: tx.now, it: take(tx, way, limit, lease)? })).await
    }

    async fn job_done(&self, taken: &TakenJob) -> StoreResult<bool> {
        let (id, until) = (taken.job.id, taken.until);
        self.write(move |tx| {
            tx.guarded("DELETE FROM outbox WHERE id = ?1 AND next_at = ?2", params![id.0, until.millis()])
        })
        .await
    }

    async fn job_failed(&self, taken: &TakenJob, wait: Duration, error: &str) -> StoreResult<bool> {
        let (id, until, error) = (taken.job.id, taken.until, error.to_owned());
        self.write(move |tx| {
            tx.guarded(
                "UPDATE outbox SET next_at = ?3, error = ?4 WHERE id = ?1 AND next_at = ?2",
                params![id.0, until.millis(), (tx.now + wait).millis(), error],
            )
        })
        .await
    }

    async fn job_dead(&self, taken: &TakenJob, error: &str, event: EventDraft) -> StoreResult<bool> {
        let (id, until, error) = (taken.job.id, taken.until, error.to_owned());
        self.write(move |tx| {
            let done = tx.guarded(
                "UPDATE outbox SET next_at = NULL, dead_at = ?3, error = ?4 WHERE id = ?1 AND next_at = ?2",
                params![id.0, until.millis(), tx.now.millis(), error],
            )?;
            if done {
                event::write(tx, &event)?;
            }
            Ok(done)
        })
        .await
    }

    async fn list_jobs(&self, way: Option<Way>, limit: u16) -> StoreResult<At<Vec<WaitingJob>>> {
        self.read(|tx| {
            let sql = concat!(
                "SELECT ",
                waiting_columns!(),
                " FROM outbox WHERE ?1 IS NULL OR way = ?1 ORDER BY created_at, id LIMIT ?2"
            );
            let it = tx.rows(sql, params![way.map(Way::name), limit], waiting)?;
            Ok(At { now: tx.now, it })
        })
    }

    async fn find_job(&self, id: JobId) -> StoreResult<Option<WaitingJob>> {
        let sql = concat!("SELECT ", waiting_columns!(), " FROM outbox WHERE id = ?1");
        self.read(|tx| tx.row(sql, [id.0], waiting))
    }

    async fn retry_job(&self, id: JobId) -> StoreResult<bool> {
        self.write(move |tx| {
            let ways = tx.rows(
                "UPDATE outbox SET next_at = ?2, since = ?2, dead_at = NULL, tries = 0
                 WHERE id = ?1 AND dead_at IS NOT NULL RETURNING way",
                params![id.0, tx.now.millis()],
                |r| parsed(r, 0, Way::parse),
            )?;
            ways.iter().for_each(|way| note(tx, *way));
            Ok(!ways.is_empty())
        })
        .await
    }

    async fn remove_job(&self, id: JobId) -> StoreResult<bool> {
        self.write(move |tx| tx.guarded("DELETE FROM outbox WHERE id = ?1 AND dead_at IS NOT NULL", [id.0]))
            .await
    }

    async fn count_jobs(&self, way: Option<Way>) -> StoreResult<(u64, u64)> {
        self.read(|tx| {
            let count = |sql| tx.value(sql, [way.map(Way::name)]);
            let dead =
                count("SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL AND (?1 IS NULL OR way = ?1)")?;
            let waiting =
                count("SELECT count(*) FROM outbox WHERE next_at IS NOT NULL AND (?1 IS NULL OR way = ?1)")?;
            Ok((waiting, dead))
        })
    }
}
