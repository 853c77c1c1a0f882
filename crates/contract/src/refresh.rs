//! Refresh tokens: one successor, the same one on a retry, theft ends this session and no other.

use crate::fixture::{self, ABSOLUTE, IDLE, UNTIL, event, rotation};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{Client, ClientSession, Cutoff, EventKind, Rule, RuleKind, User};
use countersign_issuer::port::{RotateOutcome, Rotation, Store};
use std::sync::Arc;
use std::time::Duration;

async fn present(store: &Arc<dyn Store>, rotation: Rotation) -> RotateOutcome {
    store.rotate_refresh(rotation, event(EventKind::RefreshTheft)).await.unwrap()
}

fn rotated(outcome: RotateOutcome) -> ClientSession {
    match outcome {
        RotateOutcome::Rotated(_, row, _) => *row,
        other => panic!("not rotated: {other:?}"),
    }
}

fn replayed(outcome: RotateOutcome) -> ClientSession {
    match outcome {
        RotateOutcome::Replayed(_, row, _) => *row,
        other => panic!("not replayed: {other:?}"),
    }
}

fn theft(outcome: RotateOutcome) -> Vec<Rule> {
    match outcome {
        RotateOutcome::Theft(rules) => rules,
        other => panic!("not theft: {other:?}"),
    }
}

async fn cast(stage: &Stage) -> (User, Client, ClientSession) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let session = stage.session(&user, &client, None).await;
    (user, client, session)
}

/// Each use goes up by one, moves the idle limit and writes no event.
pub async fn refresh_rotates(stage: Stage) {
    let (user, _, session) = cast(&stage).await;
    let mark = stage.mark().await;
    for n in 1..=5 {
        let now = stage.clock.advance_seconds(3600);
        let mut asked = rotation(&session, n);
        asked.key_version = 7;
        let outcome = present(&stage.store, asked).await;
        let RotateOutcome::Rotated(at, row, subject) = outcome else { panic!("{outcome:?}") };
        assert_eq!((at, &subject.user), (now, &user));
        let state = row.refresh.as_ref().unwrap();
        assert_eq!((state.n, state.rotated_at, state.replays, state.key_version), (n + 1, now, 0, 7));
        assert_eq!(state.idle_until, now + IDLE);
        assert_eq!(state.absolute_until, session.created_at + ABSOLUTE, "fixed at the beginning");
        assert_eq!((&row.scopes, &row.authentication), (&session.scopes, &session.authentication));
        let read = stage.store.client_session(session.id).await.unwrap().it.unwrap().0;
        assert_eq!(read, *row);
    }
    assert_eq!(stage.mark().await, mark);
}

/// A client that keeps its token: the number and its key stay, the idle limit moves.
pub async fn refresh_kept_token(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let mut new = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
    new.refresh.as_mut().unwrap().rotate = false;
    let session = stage.start(new, &user).await;
    let before = session.refresh.clone().unwrap();
    for _ in 0..3 {
        let now = stage.clock.advance_seconds(60);
        let mut asked = rotation(&session, 1);
        asked.key_version = 7;
        let state = rotated(present(&stage.store, asked).await).refresh.unwrap();
        assert_eq!((state.n, state.key_version, state.rotated_at), (1, 1, before.rotated_at));
        assert_eq!(state.idle_until, now + IDLE);
    }
    let rules = theft(present(&stage.store, rotation(&session, 0)).await);
    assert_eq!(rules.len(), 1, "a number it never had after that time");
}

/// The predecessor within its window and budget gets the same successor, then it is theft.
pub async fn refresh_retry(stage: Stage) {
    let (_, _, session) = cast(&stage).await;
    let first = rotated(present(&stage.store, rotation(&session, 1)).await).refresh.unwrap();
    stage.clock.advance(Duration::from_millis(29_999));
    let mark = stage.mark().await;
    for replays in 1..=5 {
        let again = replayed(present(&stage.store, rotation(&session, 1)).await).refresh.unwrap();
        assert_eq!((again.n, again.replays), (2, replays));
        assert_eq!((again.rotated_at, again.idle_until), (first.rotated_at, first.idle_until));
    }
    assert_eq!(stage.mark().await, mark);
    let rules = theft(present(&stage.store, rotation(&session, 1)).await);
    assert_eq!(rules.len(), 1);
    let after = present(&stage.store, rotation(&session, 2)).await;
    assert!(matches!(after, RotateOutcome::Gone), "the successor died with the session: {after:?}");
}

/// The budget is that of one rotation: the next begins a new one.
pub async fn refresh_retry_budget_renews(stage: Stage) {
    let (_, _, session) = cast(&stage).await;
    for n in 1..=4 {
        let row = rotated(present(&stage.store, rotation(&session, n)).await);
        assert_eq!(row.refresh.unwrap().replays, 0);
        for _ in 0..5 {
            replayed(present(&stage.store, rotation(&session, n)).await);
        }
    }
}

/// The window is closed at its end, and a window of nothing is never open.
pub async fn refresh_retry_window(stage: Stage) {
    let (user, client, session) = cast(&stage).await;
    rotated(present(&stage.store, rotation(&session, 1)).await);
    stage.clock.advance_seconds(30);
    theft(present(&stage.store, rotation(&session, 1)).await);

    for (window, budget) in [(0, 5), (30, 0)] {
        let session = stage.session(&user, &client, None).await;
        let mut asked = rotation(&session, 1);
        asked.retry_window = Duration::from_secs(window);
        asked.max_replays = budget;
        rotated(present(&stage.store, asked.clone()).await);
        theft(present(&stage.store, asked).await);
    }
}

/// Two behind is theft at any time: this session ends with rule and event, the others live.
pub async fn refresh_theft(stage: Stage) {
    let (user, client, session) = cast(&stage).await;
    let other = stage.session(&user, &client, None).await;
    for n in 1..=2 {
        rotated(present(&stage.store, rotation(&session, n)).await);
    }
    let mark = stage.mark().await;
    let rules = theft(present(&stage.store, rotation(&session, 1)).await);
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    assert_eq!((rule.kind, &rule.id), (RuleKind::Sid, &session.id.to_string()));
    assert_eq!((rule.cutoff, rule.until), (Cutoff::ALWAYS, stage.clock.now() + UNTIL));
    assert_eq!(stage.store.rules_after(0, 10).await.unwrap().it.0, rules);
    let events = stage.events(mark).await;
    assert_eq!((events.len(), events[0].what.kind), (1, EventKind::RefreshTheft));
    assert_eq!((&events[0].what.user, events[0].what.session), (&Some(user.id), Some(session.id)));
    for n in 1..=4 {
        let outcome = present(&stage.store, rotation(&session, n)).await;
        assert!(matches!(outcome, RotateOutcome::Gone), "{n}: {outcome:?}");
    }
    rotated(present(&stage.store, rotation(&other, 1)).await);
}

/// A number that was never given out is theft, unless the store lost commits since: then it is healed.
pub async fn refresh_ahead(stage: Stage) {
    let (user, client, session) = cast(&stage).await;
    rotated(present(&stage.store, rotation(&session, 1)).await);
    let mut asked = rotation(&session, 9);
    asked.epoch = stage.store.epoch().await.unwrap() + 1;
    asked.key_version = 3;
    let mark = stage.mark().await;
    let now = stage.clock.advance_seconds(40);
    let outcome = present(&stage.store, asked.clone()).await;
    let RotateOutcome::Healed(at, row, subject) = outcome else { panic!("{outcome:?}") };
    let state = row.refresh.unwrap();
    assert_eq!((at, subject.user.id), (now, user.id.clone()));
    assert_eq!((state.n, state.epoch, state.key_version, state.rotated_at), (10, asked.epoch, 3, now));
    assert_eq!(state.idle_until, now + IDLE);
    assert_eq!(stage.kinds(mark).await, [EventKind::RefreshHealed]);
    // Healed once: from here on the usual rules hold, in the new epoch.
    assert_eq!(replayed(present(&stage.store, asked.clone()).await).refresh.unwrap().n, 10);
    let next = Rotation { n: 10, ..asked.clone() };
    assert_eq!(rotated(present(&stage.store, next).await).refresh.unwrap().n, 11);
    theft(present(&stage.store, Rotation { n: 20, ..asked }).await);

    let session = stage.session(&user, &client, None).await;
    theft(present(&stage.store, rotation(&session, 2)).await);
}

/// Another client's token: refused, and nothing happens to the session.
pub async fn refresh_wrong_client(stage: Stage) {
    let (_, _, session) = cast(&stage).await;
    let other = stage.client("other").await;
    rotated(present(&stage.store, rotation(&session, 1)).await);
    rotated(present(&stage.store, rotation(&session, 2)).await);
    let mark = stage.mark().await;
    for n in [1, 2, 3, 4] {
        let asked = Rotation { client: other.id.clone(), ..rotation(&session, n) };
        let outcome = present(&stage.store, asked).await;
        assert!(matches!(outcome, RotateOutcome::WrongClient), "{n}: {outcome:?}");
    }
    assert_eq!(stage.mark().await, mark);
    assert_eq!(rotated(present(&stage.store, rotation(&session, 3)).await).refresh.unwrap().n, 4);
}

/// Past a limit, ended, unknown, without a refresh token: gone, and no theft is made of it.
pub async fn refresh_gone(stage: Stage) {
    let (user, client, session) = cast(&stage).await;
    let mark = stage.mark().await;
    stage.clock.set(session.created_at + IDLE);
    for n in [0, 1, 2] {
        let outcome = present(&stage.store, rotation(&session, n)).await;
        assert!(matches!(outcome, RotateOutcome::Gone), "idle, {n}: {outcome:?}");
    }
    let mut unknown = rotation(&session, 1);
    unknown.id.0[0] ^= 1;
    assert!(matches!(present(&stage.store, unknown).await, RotateOutcome::Gone));
    assert_eq!(stage.mark().await, mark);

    let mut plain = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
    plain.refresh = None;
    let plain = stage.start(plain, &user).await;
    assert!(matches!(present(&stage.store, rotation(&plain, 1)).await, RotateOutcome::Gone));

    let busy = stage.session(&user, &client, None).await;
    let mut n = 1;
    while stage.clock.advance(IDLE - Duration::from_secs(1)) < busy.created_at + ABSOLUTE {
        rotated(present(&stage.store, rotation(&busy, n)).await);
        n += 1;
    }
    let outcome = present(&stage.store, rotation(&busy, n)).await;
    assert!(matches!(outcome, RotateOutcome::Gone), "absolute: {outcome:?}");
}

/// 64 at once with one token and the default budget: one successor, five retries, and the seventh is
/// theft; whatever comes after it finds the session ended.
pub async fn refresh_64_at_once(stage: Stage) {
    let (_, _, session) = cast(&stage).await;
    let done = at_once(64, |_| {
        let (store, asked) = (Arc::clone(&stage.store), rotation(&session, 1));
        async move { present(&store, asked).await }
    })
    .await;
    let count = |which: fn(&RotateOutcome) -> bool| done.iter().filter(|d| which(d)).count();
    assert_eq!(count(|d| matches!(d, RotateOutcome::Rotated(..))), 1);
    assert_eq!(count(|d| matches!(d, RotateOutcome::Replayed(..))), 5);
    assert_eq!(count(|d| matches!(d, RotateOutcome::Theft(_))), 1);
    assert_eq!(count(|d| matches!(d, RotateOutcome::Gone)), 57);
    for outcome in done {
        if let RotateOutcome::Rotated(_, row, _) | RotateOutcome::Replayed(_, row, _) = outcome {
            assert_eq!(row.refresh.unwrap().n, 2, "never a second successor");
        }
    }
}

/// 64 at once within the budget: one rotation, 63 times the same successor, and it is good.
pub async fn refresh_64_at_once_within_budget(stage: Stage) {
    let (_, _, session) = cast(&stage).await;
    let asked = Rotation { max_replays: 63, ..rotation(&session, 1) };
    let stores = [Arc::clone(&stage.store), stage.another()];
    let done = at_once(64, |i| {
        let (store, asked) = (Arc::clone(&stores[i % 2]), asked.clone());
        async move { present(&store, asked).await }
    })
    .await;
    assert_eq!(done.iter().filter(|d| matches!(d, RotateOutcome::Rotated(..))).count(), 1);
    assert_eq!(done.iter().filter(|d| matches!(d, RotateOutcome::Replayed(..))).count(), 63);
    assert_eq!(rotated(present(&stage.store, rotation(&session, 2)).await).refresh.unwrap().n, 3);
}

/// Many sessions at once, each a chain of its own: every use counts once.
pub async fn refresh_many_chains(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let mut sessions = Vec::new();
    for _ in 0..32 {
        sessions.push(stage.session(&user, &client, None).await);
    }
    let stores = [Arc::clone(&stage.store), stage.another()];
    let reached = at_once(sessions.len(), |i| {
        let (store, session) = (Arc::clone(&stores[i % 2]), sessions[i].clone());
        async move {
            for n in 1..=20 {
                rotated(present(&store, rotation(&session, n)).await);
            }
            store.client_session(session.id).await.unwrap().it.unwrap().0.refresh.unwrap().n
        }
    })
    .await;
    assert_eq!(reached, vec![21; sessions.len()]);
}

/// Rotation and the end of the session at once: whatever the order, the session is ended and stays so.
pub async fn refresh_against_end(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    for round in 0..8 {
        let session = stage.session(&user, &client, None).await;
        at_once(8, |i| {
            let (store, session) = (Arc::clone(&stage.store), session.clone());
            async move {
                if i == round {
                    let ended = event(EventKind::ClientSessionEnded);
                    store.end_session(session.id, None, None, UNTIL, ended).await.unwrap();
                } else {
                    let asked = Rotation { max_replays: 63, ..rotation(&session, 1) };
                    let outcome = present(&store, asked).await;
                    assert!(!matches!(outcome, RotateOutcome::Theft(_)), "{outcome:?}");
                }
            }
        })
        .await;
        let read = stage.store.client_session(session.id).await.unwrap().it.unwrap().0;
        assert!(read.revoked_at.is_some());
        let outcome = present(&stage.store, rotation(&session, read.refresh.unwrap().n)).await;
        assert!(matches!(outcome, RotateOutcome::Gone), "{outcome:?}");
    }
}
