//! Messages waiting to be sent.

use crate::stage::at_once;
use crate::{Stage, fixture};
use countersign_issuer::model::message::Way;
use countersign_issuer::model::{EventKind, Job, JobId, Sealed};
use countersign_issuer::port::TakenJob;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(5);

async fn queue(stage: &Stage, way: Way) -> Job {
    let job = Job { id: JobId::mint(&stage.entropy), way, message: Sealed(b"sealed".to_vec()) };
    let event = fixture::event(EventKind::ChallengeSent).telling(job.clone());
    stage.store.note(event).await.unwrap();
    job
}

async fn take(stage: &Stage, way: Way) -> Vec<TakenJob> {
    stage.store.take_jobs(way, 10, LEASE).await.unwrap().it
}

/// A job comes with its event, is taken once, and goes when it is done.
pub async fn job_round_trip(stage: Stage) {
    let job = queue(&stage, Way::Mail).await;
    // Told of it, although nobody waited when it was queued.
    stage.store.job_queued(Way::Mail).await;
    assert!(take(&stage, Way::Sms).await.is_empty(), "each way by itself");
    let taken = take(&stage, Way::Mail).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((&taken[0].job, taken[0].tries), (&job, 0));
    assert_eq!((taken[0].created_at, taken[0].since), (stage.clock.now(), stage.clock.now()));
    assert!(take(&stage, Way::Mail).await.is_empty(), "nobody else gets it");
    assert!(stage.store.job_done(&taken[0]).await.unwrap());
    assert!(!stage.store.job_done(&taken[0]).await.unwrap(), "done once");
    assert_eq!(stage.store.count_jobs(None).await.unwrap(), (0, 0));
}

/// What a killed process held comes back, and that process no longer decides.
pub async fn job_lease_runs_out(stage: Stage) {
    queue(&stage, Way::Sms).await;
    let first = take(&stage, Way::Sms).await.remove(0);
    stage.clock.advance(LEASE - Duration::from_millis(1));
    assert!(take(&stage, Way::Sms).await.is_empty());
    stage.clock.advance(Duration::from_millis(1));
    let second = take(&stage, Way::Sms).await.remove(0);
    assert_eq!((second.job.id, second.tries), (first.job.id, 1));
    let dead = fixture::event(EventKind::MessageDead);
    assert!(!stage.store.job_done(&first).await.unwrap());
    assert!(!stage.store.job_failed(&first, WAIT, "late").await.unwrap());
    assert!(!stage.store.job_dead(&first, "late", dead).await.unwrap());
    assert!(stage.store.job_done(&second).await.unwrap());
}

/// A failed one comes back after its wait, with why.
pub async fn job_fails(stage: Stage) {
    let job = queue(&stage, Way::Mail).await;
    let taken = take(&stage, Way::Mail).await.remove(0);
    assert!(stage.store.job_failed(&taken, WAIT, "busy").await.unwrap());
    assert!(take(&stage, Way::Mail).await.is_empty());
    let listed = stage.store.list_jobs(Some(Way::Mail), 10).await.unwrap().it;
    assert_eq!(listed[0].job, job);
    assert_eq!(listed[0].next_at, Some(stage.clock.now() + WAIT));
    assert_eq!((listed[0].tries, listed[0].error.as_deref()), (1, Some("busy")));
    assert_eq!(stage.store.find_job(job.id).await.unwrap().as_ref(), listed.first());
    assert_eq!(stage.store.find_job(JobId([0; 16])).await.unwrap(), None);
    stage.clock.advance(WAIT);
    assert_eq!(take(&stage, Way::Mail).await[0].tries, 1);
}

/// A dead one stays for the list, is tried again or removed by hand, and is swept after a month.
pub async fn job_dies(stage: Stage) {
    let (kept, swept) = (queue(&stage, Way::Mail).await, queue(&stage, Way::Mail).await);
    let mark = stage.mark().await;
    for taken in take(&stage, Way::Mail).await {
        let event = fixture::event(EventKind::MessageDead);
        assert!(stage.store.job_dead(&taken, "no such address", event).await.unwrap());
    }
    assert_eq!(stage.kinds(mark).await, [EventKind::MessageDead, EventKind::MessageDead]);
    assert_eq!(stage.store.count_jobs(None).await.unwrap(), (0, 2));
    let text = queue(&stage, Way::Sms).await;
    assert_eq!(stage.store.count_jobs(Some(Way::Mail)).await.unwrap(), (0, 2));
    assert_eq!(stage.store.count_jobs(Some(Way::Sms)).await.unwrap(), (1, 0));
    assert_eq!(stage.store.count_jobs(None).await.unwrap(), (1, 2));
    let text = take(&stage, Way::Sms).await.into_iter().find(|taken| taken.job == text).unwrap();
    assert!(stage.store.job_done(&text).await.unwrap());
    stage.clock.advance(LEASE);
    assert!(take(&stage, Way::Mail).await.is_empty());
    assert!(stage.store.retry_job(kept.id).await.unwrap());
    assert!(!stage.store.retry_job(kept.id).await.unwrap(), "it is not dead any more");
    assert!(!stage.store.remove_job(kept.id).await.unwrap(), "nor removed while it waits");
    let again = take(&stage, Way::Mail).await.remove(0);
    assert_eq!((again.tries, again.since), (0, stage.clock.now()));
    assert_eq!(again.created_at, stage.clock.now() - LEASE, "its code is as old as it is");
    let event = fixture::event(EventKind::MessageDead);
    assert!(stage.store.job_dead(&again, "no", event).await.unwrap());
    assert!(stage.store.remove_job(kept.id).await.unwrap());
    stage.clock.advance(Duration::from_secs(30 * 24 * 3600));
    stage.store.sweep(10).await.unwrap();
    assert_eq!(stage.store.count_jobs(None).await.unwrap(), (0, 0), "{}", swept.id);
}

/// 64 takers at once: each job goes to one of them.
pub async fn job_taken_once(stage: Stage) {
    let mut queued = BTreeSet::new();
    for _ in 0..100 {
        queued.insert(queue(&stage, Way::Mail).await.id.0);
    }
    let takes = at_once(64, |_| {
        let store = Arc::clone(&stage.store);
        async move { store.take_jobs(Way::Mail, 3, LEASE).await.unwrap().it }
    });
    let taken: Vec<[u8; 16]> = takes.await.into_iter().flatten().map(|t| t.job.id.0).collect();
    assert_eq!(taken.len(), 100);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), queued);
}
