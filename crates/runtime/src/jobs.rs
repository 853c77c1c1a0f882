//! What goes on beside requests: following the event log, noting how far the
//! feed is, delivering messages, and what may wait (key rotation, sweeping).
//! A turn that fails is logged and tried again; nothing here ever ends before the server does.

use crate::marker::Marker;
use countersign_issuer::model::message::Way;
use countersign_issuer::{Failure, Issuer, Result, outbox};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Changes by other processes are seen within this.
const FOLLOW: Duration = Duration::from_millis(100);
/// What may wait.
const TEND: Duration = Duration::from_secs(10);
/// How far the feed was published is noted so often.
const MARK: Duration = Duration::from_secs(2);
/// Between two looks for messages that are due again, or that another process queued.
const DELIVER: Duration = Duration::from_millis(250);
/// Messages of one way handed over at once.
const DELIVERIES: usize = 16;
/// The same failure is logged so often at most.
const REPEAT: Duration = Duration::from_secs(10);

/// Runs all until `stop`.
pub(crate) async fn run(issuer: Arc<Issuer>, marker: Arc<Marker>, stop: CancellationToken) {
    let follower = issuer.clone();
    let follow = every(FOLLOW, "follow", stop.clone(), move || {
        let issuer = follower.clone();
        async move { issuer.follow().await }
    });
    let tender = issuer.clone();
    let tend = every(TEND, "tend", stop.clone(), move || {
        let issuer = tender.clone();
        async move { issuer.tend().await }
    });
    let marked = issuer.clone();
    let mark = every(MARK, "mark", stop.clone(), move || {
        let (issuer, marker) = (marked.clone(), marker.clone());
        async move {
            let noted = tokio::task::spawn_blocking(move || marker.note(&issuer)).await;
            noted.map_err(|e| Failure::Bug(e.to_string()))?.map_err(Failure::from)
        }
    });
    let mail = deliver(&issuer, Way::Mail, &stop);
    let sms = deliver(&issuer, Way::Sms, &stop);
    tokio::join!(follow, tend, mark, mail, sms);
}

/// Delivers what is queued, at most [`DELIVERIES`] at once, until `stop`; then what is under way is finished.
/// Each way has its own, so that a slow mail server does not keep an SMS.
async fn deliver(issuer: &Arc<Issuer>, way: Way, stop: &CancellationToken) {
    if !issuer.delivers(way) {
        return;
    }
    let mut told = Told::new(way.name());
    let mut under_way = JoinSet::new();
    let mut clock = tokio::time::interval(DELIVER);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        let room = DELIVERIES.saturating_sub(under_way.len());
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = under_way.join_next() => told.of(flat(ended)),
            () = issuer.store.job_queued(way), if room > 0 => {}
            _ = clock.tick(), if room > 0 => {}
        }
        let room = u16::try_from(DELIVERIES.saturating_sub(under_way.len())).unwrap_or(0);
        if room == 0 {
            continue;
        }
        match outbox::take(issuer, way, room).await {
            Ok(taken) => {
                for job in taken {
                    let issuer = issuer.clone();
                    under_way.spawn(async move { outbox::hand_over(&issuer, &job).await });
                }
            }
            Err(e) => told.of(Err(e.to_string())),
        }
    }
    while let Some(ended) = under_way.join_next().await {
        told.of(flat(ended));
    }
}

async fn every<F>(period: Duration, job: &'static str, stop: CancellationToken, turn: impl Fn() -> F)
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut clock = tokio::time::interval(period);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::new(job);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = clock.tick() => {}
        };
        // A task of its own, so that a panic costs one turn and not the job.
        told.of(flat(tokio::spawn(turn()).await));
    }
}

fn flat<T>(ended: std::result::Result<Result<T>, JoinError>) -> std::result::Result<(), String> {
    match ended {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(e.to_string()),
        Err(e) => Err(format!("panicked: {e}")),
    }
}

/// Logs failures of a job, the same one now and then only, and when it works again.
struct Told {
    job: &'static str,
    failing: Option<Instant>,
}

impl Told {
    fn new(job: &'static str) -> Self {
        Self { job, failing: None }
    }

    fn of(&mut self, turn: std::result::Result<(), String>) {
        let job = self.job;
        match turn {
            Ok(()) => {
                if self.failing.take().is_some() {
                    tracing::info!(job, "works again");
                }
            }
            Err(failure) if self.failing.is_none_or(|then| then.elapsed() >= REPEAT) => {
                tracing::error!(job, failure, "failed; trying again");
                self.failing = Some(Instant::now());
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_issuer::Failure;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn failures_and_panics_do_not_end_a_job() {
        let turns = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let (seen, end) = (turns.clone(), stop.clone());
        every(Duration::from_millis(10), "test", stop, move || {
            let n = seen.fetch_add(1, Ordering::Relaxed);
            let end = end.clone();
            async move {
                match n {
                    0 => Err(Failure::Bug("once".to_owned())),
                    1 => panic!("twice"),
                    4 => {
                        end.cancel();
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
        })
        .await;
        assert_eq!(turns.load(Ordering::Relaxed), 5);
    }
}
