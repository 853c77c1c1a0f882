//! Client sessions: made, listed, ended. Their refresh tokens are in `refresh`.

use crate::fixture::{self, ABSOLUTE, IDLE, UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{ClientSessionId, Cutoff, EventKind, Origin, RuleKind};
use countersign_issuer::port::RotateOutcome;
use std::sync::Arc;
use std::time::Duration;

/// Every field reads back, with and without refresh, with and without a browser.
pub async fn session_round_trip(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    let now = stage.clock.advance_seconds(3);
    let mut direct = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
    direct.refresh = None;
    direct.resources = Vec::new();
    direct.device = "Ünïcode ✓".to_owned();
    let mark = stage.mark().await;
    let read = stage.start(direct.clone(), &user).await;
    direct.created_at = now;
    assert_eq!((&read, read.origin), (&direct, Origin::Direct));
    assert_eq!(stage.events(mark).await[0].what.session, Some(direct.id));

    let read = stage.session(&user, &client, Some(&browser)).await;
    assert_eq!((read.browser.as_ref(), read.origin), (Some(&browser.id), Origin::Code));
    let refresh = read.refresh.unwrap();
    assert_eq!((refresh.n, refresh.rotated_at, refresh.replays, refresh.rotate), (1, now, 0, true));
    assert_eq!((refresh.idle_until, refresh.absolute_until), (now + IDLE, now + ABSOLUTE));
    assert_eq!(refresh.epoch, store.epoch().await.unwrap());
    let unknown = ClientSessionId::mint(&stage.entropy);
    assert!(store.client_session(unknown).await.unwrap().it.is_none());
    assert_eq!(store.client_session(read.id).await.unwrap().now, now);
}

/// No session for another version of the credentials, an unknown client, an ended browser session.
pub async fn session_not_started(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    let ended = event(EventKind::BrowserSessionEnded);
    store.end_browser(&user.id, &browser.id, UNTIL, ended).await.unwrap().unwrap();
    let mark = stage.mark().await;
    let good = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
    let mut no_client = good.clone();
    no_client.client = countersign_issuer::model::ClientId::from_stored("ghost");
    let mut no_browser = good.clone();
    no_browser.browser = Some(browser.id);
    for (new, version) in [(good, 2), (no_client, 1), (no_browser, 1)] {
        let started = event(EventKind::ClientSessionStarted);
        assert!(store.start_session(new, version, ABSOLUTE, started).await.unwrap().is_none());
    }
    assert_eq!(stage.mark().await, mark);
}

/// A session of an id is made once, by one of many, also after it ended.
pub async fn session_64_at_once(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let new = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
    let mark = stage.mark().await;
    let done = at_once(64, |_| {
        let (store, new) = (Arc::clone(&stage.store), new.clone());
        async move {
            let started = event(EventKind::ClientSessionStarted);
            store.start_session(new, 1, ABSOLUTE, started).await.unwrap().is_some()
        }
    })
    .await;
    assert_eq!(done.iter().filter(|&&made| made).count(), 1);
    let ended = event(EventKind::ClientSessionEnded);
    stage.store.end_session(new.id, None, None, UNTIL, ended).await.unwrap().unwrap();
    let again = event(EventKind::ClientSessionStarted);
    assert!(stage.store.start_session(new, 1, ABSOLUTE, again).await.unwrap().is_none());
    let kinds = stage.kinds(mark).await;
    assert_eq!(kinds, [EventKind::ClientSessionStarted, EventKind::ClientSessionEnded]);
}

/// Listed while live, newest first; not past idle or absolute limits.
pub async fn session_list(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    let first = stage.session(&user, &client, Some(&browser)).await;
    stage.clock.advance_seconds(1);
    let mut new = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
    new.refresh = None;
    let second = stage.start(new, &user).await;
    assert_eq!(store.list_client_sessions(&user.id).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(store.sessions_under(&browser.id).await.unwrap(), std::slice::from_ref(&first));
    stage.clock.set(first.created_at + IDLE);
    assert_eq!(store.list_client_sessions(&user.id).await.unwrap(), std::slice::from_ref(&second));
    assert!(store.sessions_under(&browser.id).await.unwrap().is_empty());
    stage.clock.set(second.created_at + ABSOLUTE);
    assert!(store.list_client_sessions(&user.id).await.unwrap().is_empty());
}

/// Ended once, with a rule; only by its client and person when these are named.
pub async fn session_end(stage: Stage) {
    let store = &stage.store;
    let (user, bob) = (stage.user("ada").await, stage.user("bob").await);
    let (client, other) = (stage.client("app").await, stage.client("other").await);
    let session = stage.session(&user, &client, None).await;
    let end = async |client, user| {
        store
            .end_session(session.id, client, user, UNTIL, event(EventKind::ClientSessionEnded))
            .await
            .unwrap()
    };
    let mark = stage.mark().await;
    assert!(end(Some(&other.id), None).await.is_none());
    assert!(end(None, Some(&bob.id)).await.is_none());
    assert!(end(Some(&client.id), Some(&bob.id)).await.is_none());
    assert_eq!(stage.mark().await, mark);
    let now = stage.clock.advance_seconds(5);
    let rules = end(Some(&client.id), Some(&user.id)).await.unwrap();
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    assert_eq!((rule.kind, &rule.id), (RuleKind::Sid, &session.id.to_string()));
    assert_eq!((rule.cutoff, rule.until), (Cutoff::ALWAYS, now + UNTIL));
    assert!(end(None, None).await.is_none(), "only once");
    let read = store.client_session(session.id).await.unwrap().it.unwrap().0;
    assert_eq!(read.revoked_at, Some(now));
    assert!(!read.is_live(now));
    let events = stage.events(mark).await;
    assert_eq!(events.len(), 1);
    let told = &events[0].what;
    assert_eq!(
        (told.session, &told.user, &told.client),
        (Some(session.id), &Some(user.id), &Some(client.id))
    );
}

/// Ended 64 times at once: one rule.
pub async fn session_end_at_once(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let session = stage.session(&user, &client, None).await;
    let done = at_once(64, |_| {
        let store = Arc::clone(&stage.store);
        async move {
            let ended = event(EventKind::ClientSessionEnded);
            store.end_session(session.id, None, None, UNTIL, ended).await.unwrap()
        }
    })
    .await;
    assert_eq!(done.iter().filter(|d| d.is_some()).count(), 1);
    assert_eq!(stage.store.rules_after(0, 100).await.unwrap().it.0.len(), 1);
}

/// Rows of dead sessions go a day or two after their end; those in use stay, and are in nobody's way.
pub async fn session_sweep(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let used = stage.session(&user, &client, None).await;
    let idle = stage.session(&user, &client, None).await;
    let ended = stage.session(&user, &client, None).await;
    let end = event(EventKind::ClientSessionEnded);
    store.end_session(ended.id, None, None, Duration::ZERO, end).await.unwrap().unwrap();
    let there = async |id| store.client_session(id).await.unwrap().it.is_some();
    store.sweep(100).await.unwrap();
    assert!(there(ended.id).await, "ended just now");
    for (days, n) in (1..=20).zip(1..) {
        stage.clock.advance(Duration::from_secs(24 * 3600));
        let rotated = store.rotate_refresh(fixture::rotation(&used, n), event(EventKind::RefreshTheft)).await;
        assert!(matches!(rotated.unwrap(), RotateOutcome::Rotated(..)));
        store.sweep(1).await.unwrap();
        assert!(there(used.id).await, "day {days}");
        assert!(!there(ended.id).await, "day {days}");
        match days {
            ..8 => assert!(there(idle.id).await, "day {days}"),
            10.. => assert!(!there(idle.id).await, "day {days}"),
            _ => {}
        }
    }
}
