//! The event log.

use crate::fixture::event;
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{
    Actor, BrowserSessionId, ClientId, ClientSessionId, EventDraft, EventKind, UserId,
};
use std::sync::Arc;

/// Everything an event says reads back.
pub async fn event_round_trip(stage: Stage) {
    let store = &stage.store;
    let user = UserId::mint(&stage.entropy);
    let app = ClientId::from_stored("app");
    let full = EventDraft::new(EventKind::LoginFailed, Actor::User(user.clone()))
        .user(&user)
        .client(&app)
        .session(ClientSessionId::mint(&stage.entropy))
        .browser(&BrowserSessionId::mint(&stage.entropy))
        .with("ip", "192.0.2.1")
        .with("tries", 3);
    let drafts = [
        full,
        EventDraft::new(EventKind::KeyChanged, Actor::System),
        EventDraft::new(EventKind::LoginFailed, Actor::Anonymous),
        EventDraft::new(EventKind::RoleApplied, Actor::Operator),
        EventDraft::new(EventKind::TokenRevoked, Actor::Client(app)),
    ];
    assert_eq!(store.last_event().await.unwrap(), 0);
    for draft in &drafts {
        store.note(draft.clone()).await.unwrap();
        stage.clock.advance_seconds(1);
    }
    let read = store.events_after(0, 100).await.unwrap();
    assert_eq!(read.now, stage.clock.now());
    assert_eq!(read.it.iter().map(|e| e.what.clone()).collect::<Vec<_>>(), drafts);
    assert!(read.it.windows(2).all(|w| w[0].seq < w[1].seq && w[0].at < w[1].at));
    let last = read.it[4].seq;
    assert_eq!(store.last_event().await.unwrap(), last);
    assert_eq!(store.events_after(read.it[1].seq, 2).await.unwrap().it, read.it[2..4]);
    assert!(store.events_after(last, 100).await.unwrap().it.is_empty());
}

/// Two processes write at once; a reader that goes on from what it saw misses none and sees none twice.
pub async fn event_reader_misses_none(stage: Stage) {
    const WRITERS: usize = 8;
    const EACH: usize = 40;
    let stores = [Arc::clone(&stage.store), stage.another()];
    let reader = {
        let store = stage.another();
        tokio::spawn(async move {
            let (mut seen, mut at) = (Vec::new(), 0);
            while seen.len() < WRITERS * EACH {
                for event in store.events_after(at, 7).await.unwrap().it {
                    assert!(event.seq > at, "in order");
                    at = event.seq;
                    seen.push(event.what.data["n"].as_u64().unwrap());
                }
                tokio::task::yield_now().await;
            }
            seen
        })
    };
    at_once(WRITERS, |w| {
        let store = Arc::clone(&stores[w % 2]);
        async move {
            for i in 0..EACH {
                let n = u64::try_from(w * EACH + i).unwrap();
                store.note(event(EventKind::LoginFailed).with("n", n)).await.unwrap();
            }
        }
    })
    .await;
    let mut seen = reader.await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..u64::try_from(WRITERS * EACH).unwrap()).collect::<Vec<_>>());
}
