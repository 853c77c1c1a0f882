//! The store as a whole: clock, health, nodes, restart, two processes.

use crate::fixture::{self, ABSOLUTE, UNTIL, event, rotation};
use crate::stage::Stage;
use countersign_issuer::model::EventKind;
use countersign_issuer::port::{Redeemed, RotateOutcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// It answers, and tells the time it was given.
pub async fn node_ping(stage: Stage) {
    let now = stage.clock.advance_seconds(5);
    assert_eq!(stage.store.ping().await.unwrap(), now);
    assert_eq!(stage.store.cached_now(), now);
    assert!(stage.store.epoch().await.unwrap() >= 1);
    assert_eq!(stage.store.sweep(100).await.unwrap(), 0);
}

/// What all nodes alive have loaded: the least of it; a silent node counts for 10 s.
pub async fn node_heartbeats(stage: Stage) {
    let store = &stage.store;
    assert_eq!(store.keys_seen_by_all().await.unwrap(), None);
    store.heartbeat("a", 3).await.unwrap();
    store.heartbeat("b", 2).await.unwrap();
    assert_eq!(store.keys_seen_by_all().await.unwrap(), Some(2));
    stage.clock.advance_seconds(9);
    store.heartbeat("a", 4).await.unwrap();
    assert_eq!(store.keys_seen_by_all().await.unwrap(), Some(2));
    stage.clock.advance_seconds(1);
    assert_eq!(store.keys_seen_by_all().await.unwrap(), Some(4));
    stage.clock.advance_seconds(10);
    assert_eq!(store.keys_seen_by_all().await.unwrap(), None);
}

/// Closed and opened again: everything is there and goes on where it was.
pub async fn restart_keeps_everything(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    stage.role(fixture::role("reader", "urn:a", "read")).await;
    stage.resource(fixture::resource("urn:a")).await;
    let browser = stage.browser(&user).await;
    let session = stage.session(&user, &client, Some(&browser)).await;
    let code = fixture::code(&stage.entropy, &user.id, &client.id, &browser.id);
    assert!(stage.store.create_code(code.clone(), fixture::CODE_LIFE).await.unwrap());
    let theft = || event(EventKind::RefreshTheft);
    let first = stage.store.rotate_refresh(rotation(&session, 1), theft()).await.unwrap();
    let RotateOutcome::Rotated(_, row, _) = first else { panic!("{first:?}") };
    stage
        .store
        .revoke_token("t1", None, stage.clock.now() + UNTIL, event(EventKind::TokenRevoked))
        .await
        .unwrap();
    let (events, rules) = (stage.events(0).await, stage.store.rules_after(0, 10).await.unwrap().it);

    let stage = stage.restarted();
    let store = &stage.store;
    assert_eq!(store.subject(&user.id).await.unwrap().it.unwrap().user, user);
    assert_eq!(store.client(&client.id).await.unwrap().unwrap(), client);
    assert_eq!(store.live_browser(&browser.cookie).await.unwrap().it.unwrap().session, browser);
    assert_eq!(store.client_session(session.id).await.unwrap().it.unwrap().0, *row);
    assert_eq!(
        (store.list_roles().await.unwrap().len(), store.list_resources().await.unwrap().len()),
        (1, 1)
    );
    assert_eq!(stage.events(0).await, events);
    assert_eq!(store.rules_after(0, 10).await.unwrap().it, rules);

    // An answer lost in the crash: the retry gets the same successor.
    let again = store.rotate_refresh(rotation(&session, 1), theft()).await.unwrap();
    let RotateOutcome::Replayed(_, again, _) = again else { panic!("{again:?}") };
    assert_eq!(again.refresh.unwrap().n, 2);
    let new = fixture::client_session(&stage.entropy, &user.id, &client.id, Some(&browser.id));
    let started = || event(EventKind::ClientSessionStarted);
    let redeemed = store.redeem_code(&code.digest, new.clone(), ABSOLUTE, UNTIL, started()).await.unwrap();
    assert!(matches!(redeemed, Redeemed::Done(..)), "{redeemed:?}");
    let stage = stage.restarted();
    let redeemed = stage.store.redeem_code(&code.digest, new, ABSOLUTE, UNTIL, started()).await.unwrap();
    assert!(matches!(redeemed, Redeemed::AlreadySpent(_)), "{redeemed:?}");
}

/// What one process wrote and was told is written, the other reads at once.
pub async fn two_processes_read_each_other(stage: Stage) {
    let other = stage.another();
    for round in 0..20 {
        let user = stage.user(&format!("user{round}")).await;
        assert_eq!(other.subject(&user.id).await.unwrap().it.unwrap().user, user);
        let disabled = event(EventKind::UserDisabled);
        other.disable_user(&user.id, UNTIL, disabled).await.unwrap().unwrap();
        assert!(!stage.store.subject(&user.id).await.unwrap().it.unwrap().user.is_active());
    }
    assert_eq!(stage.store.rules_after(0, 100).await.unwrap().it.0.len(), 20);
}

/// One process writes without a pause; what the other writes gets its turn all the same.
pub async fn two_processes_take_turns(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let other = stage.another();
    let done = Arc::new(AtomicBool::new(false));
    let mut busy = Vec::new();
    for _ in 0..64 {
        let session = stage.session(&user, &client, None).await;
        let (store, done) = (Arc::clone(&stage.store), Arc::clone(&done));
        busy.push(tokio::spawn(async move {
            let mut n = 1;
            while !done.load(Ordering::Relaxed) {
                let theft = event(EventKind::RefreshTheft);
                store.rotate_refresh(rotation(&session, n), theft).await.unwrap();
                n += 1;
            }
            n
        }));
    }
    for _ in 0..50 {
        other.note(event(EventKind::LoginFailed)).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for one in busy {
        assert!(one.await.unwrap() > 1);
    }
}
