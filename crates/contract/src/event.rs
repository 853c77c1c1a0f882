//! The event log.

use crate::fixture::event;
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{
    Actor, BrowserSessionId, ClientId, ClientSessionId, EventDraft, EventKind, UserId,
};
use countersign_issuer::port::{EventFilter, Going};
use countersign_issuer::seal::Sealer;
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

/// What a filter is true of, and nothing else; page after page, both ways.
pub async fn event_found(stage: Stage) {
    let store = &stage.store;
    let (ada, bob) = (UserId::mint(&stage.entropy), UserId::mint(&stage.entropy));
    let (app, sid) = (ClientId::from_stored("app"), ClientSessionId::mint(&stage.entropy));
    let browser = BrowserSessionId::mint(&stage.entropy);
    let drafts = [
        event(EventKind::LoginFailed).user(&ada),
        event(EventKind::LoginFailed).user(&bob),
        event(EventKind::LoginSucceeded).user(&ada).browser(&browser),
        event(EventKind::ClientSessionStarted).user(&ada).client(&app).session(sid),
        event(EventKind::ClientSessionEnded).user(&ada).client(&app).session(sid),
        event(EventKind::LoginFailed),
    ];
    let start = stage.clock.now();
    for draft in &drafts {
        store.note(draft.clone()).await.unwrap();
        stage.clock.advance_seconds(10);
    }
    let all = EventFilter::all(Going::On(0));
    let at = |seconds| Some(start + std::time::Duration::from_secs(seconds));
    let cases = [
        (all.clone(), vec![0, 1, 2, 3, 4, 5]),
        (EventFilter { kinds: vec![EventKind::LoginFailed], ..all.clone() }, vec![0, 1, 5]),
        (EventFilter { user: Some(ada.clone()), ..all.clone() }, vec![0, 2, 3, 4]),
        (
            EventFilter {
                user: Some(ada),
                kinds: vec![EventKind::LoginFailed, EventKind::LoginSucceeded],
                ..all.clone()
            },
            vec![0, 2],
        ),
        (EventFilter { client: Some(app), ..all.clone() }, vec![3, 4]),
        (EventFilter { session: Some(sid), since: at(40), ..all.clone() }, vec![4]),
        (EventFilter { browser: Some(browser), ..all.clone() }, vec![2]),
        (EventFilter { since: at(10), until: at(30), ..all.clone() }, vec![1, 2]),
        (EventFilter { kinds: vec![EventKind::KeyChanged], ..all.clone() }, vec![]),
    ];
    for (filter, due) in cases {
        for limit in [1, 2, 100] {
            let due: Vec<_> = due.iter().map(|i: &usize| drafts[*i].clone()).collect();
            assert_eq!(paged(&stage, filter.clone(), limit).await, due, "{filter:?}");
            let back = EventFilter { going: Going::Back(None), ..filter.clone() };
            let mut newest_first = paged(&stage, back, limit).await;
            newest_first.reverse();
            assert_eq!(newest_first, due, "{filter:?}");
        }
    }
}

async fn paged(stage: &Stage, mut filter: EventFilter, limit: u32) -> Vec<EventDraft> {
    let mut all = Vec::new();
    loop {
        let page = stage.store.find_events(&filter, limit).await.unwrap();
        assert!(page.len() <= usize::try_from(limit).unwrap());
        let Some(last) = page.last() else { return all };
        filter.going = match filter.going {
            Going::On(_) => Going::On(last.seq),
            Going::Back(_) => Going::Back(Some(last.seq)),
        };
        all.extend(page.into_iter().map(|event| event.what));
    }
}

/// From when there is a key on, each is linked to the one before; a second key changes nothing.
pub async fn event_kept(stage: Stage) {
    let store = &stage.store;
    let key = |byte: u8| Sealer::new([byte; 32].into()).log_key();
    let user = UserId::mint(&stage.entropy);
    let full = event(EventKind::LoginFailed)
        .user(&user)
        .client(&ClientId::from_stored("app"))
        .session(ClientSessionId::mint(&stage.entropy))
        .browser(&BrowserSessionId::mint(&stage.entropy))
        .with("ip", "192.0.2.1");
    store.note(full.clone()).await.unwrap();
    store.link_with(key(1)).await.unwrap();
    store.link_with(key(2)).await.unwrap();
    store.note(full).await.unwrap();
    store.note(EventDraft::new(EventKind::KeyChanged, Actor::System)).await.unwrap();
    let kept = store.kept_events(0, 100).await.unwrap();
    assert_eq!(store.kept_events(kept[0].seq, 1).await.unwrap(), kept[1..2]);
    assert_eq!((kept.len(), kept[0].link), (3, None));
    assert_eq!(kept[1].fields[0].as_deref(), Some(b"login.failed".as_slice()));
    assert!(kept[1].fields.iter().all(Option::is_some), "{kept:?}");
    let mut before = None;
    for kept in &kept[1..] {
        let [a, b, c, d, e, f, g] = &kept.fields;
        let fields = [a, b, c, d, e, f, g].map(Option::as_deref);
        let due = key(1).link(before.as_ref(), kept.seq, kept.at, fields);
        assert_eq!(kept.link, Some(due));
        before = Some(due);
    }
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
