//! What goes on beside requests: following the event log, noting how far the
//! feed is, and what may wait (key rotation, sweeping).
//! A turn that fails is logged and tried again; nothing here ever ends before the server does.

use crate::marker::Marker;
use countersign_issuer::{Failure, Issuer, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Changes by other processes are seen within this.
const FOLLOW: Duration = Duration::from_millis(100);
/// What may wait.
const TEND: Duration = Duration::from_secs(10);
/// How far the feed was published is noted so often.
const MARK: Duration = Duration::from_secs(2);
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
    let mark = every(MARK, "mark", stop, move || {
        let (issuer, marker) = (issuer.clone(), marker.clone());
        async move {
            let noted = tokio::task::spawn_blocking(move || marker.note(&issuer)).await;
            noted.map_err(|e| Failure::Bug(e.to_string()))?.map_err(Failure::from)
        }
    });
    tokio::join!(follow, tend, mark);
}

async fn every<F>(period: Duration, job: &'static str, stop: CancellationToken, turn: impl Fn() -> F)
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut clock = tokio::time::interval(period);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Option<Instant> = None;
    loop {
        let now = tokio::select! {
            () = stop.cancelled() => return,
            now = clock.tick() => now,
        };
        // A task of its own, so that a panic costs one turn and not the job.
        let failure = match tokio::spawn(turn()).await {
            Ok(Ok(())) => {
                if told.take().is_some() {
                    tracing::info!(job, "works again");
                }
                continue;
            }
            Ok(Err(e)) => e.to_string(),
            Err(e) => format!("panicked: {e}"),
        };
        if told.is_none_or(|then| now.duration_since(then) >= REPEAT) {
            tracing::error!(job, failure, "failed; trying again");
            told = Some(now);
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
