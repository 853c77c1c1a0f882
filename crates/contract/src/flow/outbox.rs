//! Messages on their way: when they are tried again and when no more, who sends them, and what of a process that
//! dies over one.

use super::house::{House, caller};
use super::{ISSUER, post};
use crate::stage::at_once;
use crate::{Stage, fixture};
use countersign_issuer::login::{Look, Purpose, email_code};
use countersign_issuer::model::message::{About, Noticed, Way};
use countersign_issuer::model::{EventKind, Job, JobId, User};
use countersign_issuer::port::{TakenJob, Undelivered, WaitingJob};
use countersign_issuer::{Issuer, Settings, outbox};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const TICK: Duration = Duration::from_millis(1);

async fn house(stage: Stage) -> (House, User) {
    let mut settings = Settings::new(ISSUER);
    settings.login.mail = true;
    let house = House::with(stage, settings).await;
    let nora = house.person("nora").await;
    house.mails().await;
    (house, nora)
}

fn refusal(for_good: bool, detail: &str) -> Option<Undelivered> {
    Some(Undelivered { for_good, detail: detail.to_owned() })
}

/// A notice to that person.
async fn notice(house: &House, user: &User) -> Job {
    let now = house.stage.clock.now();
    let job =
        outbox::notice(&house.issuer, user, Noticed::PasskeyAdded, now, None, None).await.unwrap().unwrap();
    let event = fixture::event(EventKind::PasskeyAdded).telling(job.clone());
    house.stage.store.note(event).await.unwrap();
    job
}

/// A code to sign in with, asked for in that flow.
async fn code(house: &House, flow: &str) {
    let look = Look { lang: "en".to_owned(), client: None };
    let login = "nora@example.test";
    email_code::request(&house.issuer, login, Purpose::Browser, flow, &look, &caller(1)).await.unwrap();
}

async fn take(issuer: &Issuer) -> Vec<TakenJob> {
    outbox::take(issuer, Way::Mail, 16).await.unwrap()
}

/// One turn of delivering: how many were tried, and how many went.
async fn turn(issuer: &Issuer) -> (usize, usize) {
    let taken = take(issuer).await;
    let mut gone = 0;
    for job in &taken {
        gone += usize::from(outbox::hand_over(issuer, job).await.unwrap());
    }
    (taken.len(), gone)
}

async fn only(house: &House) -> WaitingJob {
    let mut all = house.stage.store.list_jobs(None, 10).await.unwrap().it;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn delivered(house: &House) -> Vec<JobId> {
    house.post.take().into_iter().map(|(id, _)| id).collect()
}

/// Refused for now, it is tried after 5 s, then after twice as long each time, at most an hour (by chance up to
/// a quarter more, never over the hour), never before, for a day; then it is dead, once, with an event.
/// By hand it is tried again as if new.
pub async fn outbox_tries_again(stage: Stage) {
    let (house, nora) = house(stage).await;
    let job = notice(&house, &nora).await;
    let (clock, began) = (&house.stage.clock, house.stage.clock.now());
    house.post.refuse(refusal(false, "busy"));
    let mark = house.stage.mark().await;
    let mut due = 5;
    let mut tries = 0;
    loop {
        assert_eq!(turn(&house.issuer).await, (1, 0));
        tries += 1;
        assert!(tries < 40, "never given up");
        let listed = only(&house).await;
        assert_eq!((listed.job.id, listed.tries), (job.id, tries));
        let Some(next) = listed.next_at else {
            assert_eq!(listed.error.as_deref(), Some("tried for a day: busy"));
            break;
        };
        assert_eq!(listed.error.as_deref(), Some("busy"));
        let wait = next.since(clock.now());
        let least = Duration::from_secs(due.min(3600));
        let most = (least + least / 4).min(Duration::from_secs(3600));
        assert!(
            least <= wait && wait <= most,
            "after try {tries}: {wait:?} instead of {least:?} to {most:?}"
        );
        clock.advance(wait - TICK);
        assert_eq!(turn(&house.issuer).await, (0, 0), "not before");
        clock.advance(TICK);
        due *= 2;
    }
    // 5 + 10 + ... + 2560 s, and an hour each for the rest of the day.
    let tried_for = clock.now().since(began);
    assert!(tried_for <= DAY && tried_for > DAY - Duration::from_secs(3600), "{tried_for:?}");
    assert!((28..=33).contains(&tries), "{tries}");
    assert_eq!(house.stage.kinds(mark).await, [EventKind::MessageDead]);
    assert_eq!(house.stage.store.count_jobs(None).await.unwrap(), (0, 1));
    clock.advance(DAY);
    house.post.refuse(None);
    assert_eq!(turn(&house.issuer).await, (0, 0), "dead is dead");

    assert!(house.stage.store.retry_job(job.id).await.unwrap());
    house.post.refuse(refusal(false, "busy"));
    assert_eq!(turn(&house.issuer).await, (1, 0));
    let wait = only(&house).await.next_at.unwrap().since(clock.now());
    assert!((5_000..=6_250).contains(&wait.as_millis()), "as if new: {wait:?}");
    clock.advance(wait);
    house.post.refuse(None);
    assert_eq!(turn(&house.issuer).await, (1, 1));
    assert_eq!(delivered(&house), [job.id]);
    assert_eq!(house.stage.store.count_jobs(None).await.unwrap(), (0, 0));

    notice(&house, &nora).await;
    house.post.refuse(refusal(true, "no such address"));
    assert_eq!(turn(&house.issuer).await, (1, 0));
    let dead = only(&house).await;
    assert_eq!((dead.tries, dead.next_at, dead.error.as_deref()), (1, None, Some("no such address")));
}

/// A code is sent up to its end and not after, tells what is left of its ten minutes, and is not tried again
/// when the next try would come too late.
pub async fn outbox_codes_end(stage: Stage) {
    let (house, _) = house(stage).await;
    let clock = &house.stage.clock;
    for (age, left) in [(0, 10), (59, 10), (60, 9), (330, 5), (599, 1)] {
        code(&house, &format!("flow {age}")).await;
        clock.advance_seconds(age);
        assert_eq!(turn(&house.issuer).await, (1, 1), "{age}");
        let mails = house.post.take();
        let About::SignInCode(sent) = &mails[0].1.about else { panic!("{mails:?}") };
        assert_eq!(sent.minutes, left, "after {age} s");
        // Over the limits of one mailbox.
        clock.advance(DAY);
    }
    let mark = house.stage.mark().await;
    code(&house, "too late").await;
    clock.advance_seconds(600);
    assert_eq!(turn(&house.issuer).await, (1, 0));
    assert!(house.post.take().is_empty(), "it would tell of a code that is none");
    let dead = only(&house).await;
    assert_eq!(dead.next_at, None);
    assert!(dead.error.unwrap().contains("no longer good"));
    assert!(house.stage.store.remove_job(dead.job.id).await.unwrap());

    code(&house, "refused").await;
    let asked = clock.now();
    house.post.refuse(refusal(false, "busy"));
    let end = loop {
        assert_eq!(turn(&house.issuer).await, (1, 0));
        match only(&house).await.next_at {
            Some(next) => clock.set(next),
            None => break clock.now().since(asked),
        }
    };
    // 5 + 10 + ... + 160 s = 315 s at least; the next, 320 s or more, is past the end.
    assert!((315..=394).contains(&end.as_secs()), "{end:?}");
    let sent = EventKind::ChallengeSent;
    let kinds = house.stage.kinds(mark).await;
    assert_eq!(kinds, [sent, EventKind::MessageDead, sent, EventKind::MessageDead]);
}

/// Processes on one store, all at it at once: each message is handed over by one of them, and nobody gets one
/// that another holds.
pub async fn outbox_two_processes(stage: Stage) {
    let (house, nora) = house(stage).await;
    let mut queued = BTreeSet::new();
    for _ in 0..40 {
        queued.insert(notice(&house, &nora).await.id.0);
    }
    let processes = [Arc::clone(&house.issuer), house.process().await, house.process().await];
    let takes = at_once(24, |n| {
        let issuer = Arc::clone(&processes[n % processes.len()]);
        async move { (n, outbox::take(&issuer, Way::Mail, 3).await.unwrap()) }
    });
    let takes = takes.await;
    house.stage.clock.advance(LEASE - TICK);
    for issuer in &processes {
        assert!(take(issuer).await.is_empty(), "all are held");
    }
    let mut holders = BTreeSet::new();
    for (n, taken) in &takes {
        for job in taken {
            holders.insert(n % processes.len());
            assert!(outbox::hand_over(&processes[n % processes.len()], job).await.unwrap());
        }
    }
    assert!(holders.len() > 1, "else this shows nothing");
    let went = delivered(&house);
    assert_eq!(went.len(), 40);
    assert_eq!(went.into_iter().map(|id| id.0).collect::<BTreeSet<_>>(), queued);
    assert_eq!(house.stage.store.count_jobs(None).await.unwrap(), (0, 0));
}

/// What a process held that died comes back at the end of the lease and not before. If it was only slow, what it
/// says then counts for nothing: neither that it failed nor that it is hopeless; and the copy has the same id.
pub async fn outbox_of_a_dead_process(stage: Stage) {
    let (house, nora) = house(stage).await;
    let other = house.process().await;
    let clock = &house.stage.clock;
    let job = notice(&house, &nora).await;
    let slow = take(&other).await.remove(0);
    clock.advance(LEASE - TICK);
    assert_eq!(turn(&house.issuer).await, (0, 0), "still held");
    clock.advance(TICK);
    let again = take(&house.issuer).await.remove(0);
    assert_eq!((again.job.id, again.tries), (job.id, 1));

    let mark = house.stage.mark().await;
    for for_good in [false, true] {
        house.post.refuse(refusal(for_good, "late"));
        assert!(!outbox::hand_over(&other, &slow).await.unwrap());
        let listed = only(&house).await;
        assert_eq!((listed.next_at, listed.error), (Some(again.until), None), "for good: {for_good}");
    }
    assert!(house.stage.kinds(mark).await.is_empty());
    house.post.refuse(None);
    assert!(outbox::hand_over(&other, &slow).await.unwrap());
    assert_eq!(only(&house).await.next_at, Some(again.until), "held by who may send it");
    assert!(outbox::hand_over(&house.issuer, &again).await.unwrap());
    assert_eq!(delivered(&house), [job.id, job.id]);
    assert_eq!(house.stage.store.count_jobs(None).await.unwrap(), (0, 0));
}

/// An event and the message that tells of it are there together or not at all.
pub async fn outbox_with_its_event(stage: Stage) {
    let (house, nora) = house(stage).await;
    let mark = house.stage.mark().await;
    code(&house, "flow").await;
    assert_eq!(house.stage.kinds(mark).await, [EventKind::ChallengeSent]);
    let waiting = only(&house).await;
    let message = outbox::open(&house.issuer, &waiting.job).unwrap();
    assert_eq!(post::address(&message), nora.email);

    // Held back, since the same flow asked a moment ago.
    let mark = house.stage.mark().await;
    code(&house, "flow").await;
    assert!(house.stage.kinds(mark).await.is_empty());
    assert_eq!(only(&house).await.job.id, waiting.job.id);

    // A message that cannot be queued takes its event with it, and the other message.
    let fresh =
        outbox::notice(&house.issuer, &nora, Noticed::PasskeyAdded, house.stage.clock.now(), None, None);
    let fresh = fresh.await.unwrap();
    let event = fixture::event(EventKind::PasskeyAdded).telling(fresh).telling(waiting.job.clone());
    assert!(house.stage.store.note(event).await.is_err(), "there is a message of that id");
    assert!(house.stage.kinds(mark).await.is_empty());
    assert_eq!(only(&house).await.job.id, waiting.job.id);
}
