//! Signing keys and refresh keys.

use crate::fixture::{UNTIL, event, resource};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{
    Cutoff, EventDraft, EventKind, KeyRecord, KeyState, KeyUse, RefreshKeyRecord, RuleKind, Sealed,
};
use countersign_issuer::port::Resealed;
use countersign_token::{Algorithm, Timestamp};
use std::sync::Arc;

fn key(stage: &Stage, kid: &str, state: KeyState) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        alg: Algorithm::Es256,
        purpose: KeyUse::Token,
        state,
        private: Sealed(kid.as_bytes().to_vec()),
        created_at: stage.clock.now(),
        active_at: stage.clock.now(),
        retired_at: None,
    }
}

fn refresh_key(stage: &Stage, version: u16) -> RefreshKeyRecord {
    RefreshKeyRecord { version, secret: Sealed(vec![1, 2, 3]), created_at: stage.clock.now() }
}

fn changed() -> EventDraft {
    event(EventKind::KeyChanged)
}

async fn version(stage: &Stage) -> i64 {
    stage.store.load_keys().await.unwrap().it.1
}

async fn state(stage: &Stage, kid: &str) -> (KeyState, Timestamp, Option<Timestamp>) {
    let keys = stage.store.load_keys().await.unwrap().it.0;
    let key = keys.into_iter().find(|k| k.kid == kid).unwrap();
    (key.state, key.active_at, key.retired_at)
}

/// The first start makes the keys, however many start at once.
pub async fn key_init_once(stage: Stage) {
    let loaded = stage.store.load_keys().await.unwrap();
    assert!(loaded.it.0.is_empty());
    let stores = [Arc::clone(&stage.store), stage.another()];
    let done = at_once(16, |i| {
        let store = Arc::clone(&stores[i % 2]);
        let (keys, refresh) = (vec![key(&stage, &format!("k{i}"), KeyState::Active)], refresh_key(&stage, 1));
        async move { store.init_keys(keys, refresh, changed()).await.unwrap() }
    })
    .await;
    assert_eq!(done.iter().filter(|&&made| made).count(), 1);
    let winner = done.iter().position(|&made| made).unwrap();
    let (keys, version) = stage.store.load_keys().await.unwrap().it;
    assert_eq!(keys, [key(&stage, &format!("k{winner}"), KeyState::Active)]);
    assert!(version > loaded.it.1);
    assert_eq!(stage.store.load_refresh_keys().await.unwrap(), [refresh_key(&stage, 1)]);
}

/// A key is added, and moved on, by whoever saw the newest version; times are the store's.
pub async fn key_life(stage: Stage) {
    let store = &stage.store;
    let first = key(&stage, "a", KeyState::Active);
    assert!(store.init_keys(vec![first], refresh_key(&stage, 1), changed()).await.unwrap());
    let seen = version(&stage).await;
    let done = at_once(8, |i| {
        let (store, new) = (Arc::clone(store), key(&stage, &format!("n{i}"), KeyState::Pending));
        async move { store.add_key(new, seen, changed()).await.unwrap() }
    })
    .await;
    assert_eq!(done.iter().filter(|&&added| added).count(), 1);
    let next = format!("n{}", done.iter().position(|&added| added).unwrap());
    assert!(version(&stage).await > seen);

    let now = stage.clock.advance_seconds(86_400);
    let moves = vec![
        (next.clone(), KeyState::Pending, KeyState::Active),
        ("a".to_owned(), KeyState::Active, KeyState::Retiring),
    ];
    let mark = stage.mark().await;
    assert!(!store.move_keys(moves.clone(), seen, changed()).await.unwrap(), "an old version");
    let seen = version(&stage).await;
    let mut wrong = moves.clone();
    wrong[1].1 = KeyState::Pending;
    assert!(!store.move_keys(wrong, seen, changed()).await.unwrap(), "another state");
    assert_eq!(state(&stage, &next).await.0, KeyState::Pending, "all or none");
    assert_eq!(stage.mark().await, mark);
    assert!(store.move_keys(moves.clone(), seen, changed()).await.unwrap());
    assert!(!store.move_keys(moves, seen, changed()).await.unwrap(), "only once");
    assert_eq!(state(&stage, &next).await, (KeyState::Active, now, None));
    let (retiring, active_at, retired_at) = state(&stage, "a").await;
    assert_eq!((retiring, retired_at), (KeyState::Retiring, Some(now)));
    assert!(active_at < now);
    assert_eq!(stage.kinds(mark).await, [EventKind::KeyChanged]);
}

/// Withdrawn once, with a rule, and replaced in the same step.
pub async fn key_withdraw(stage: Stage) {
    let store = &stage.store;
    let first = key(&stage, "a", KeyState::Active);
    assert!(store.init_keys(vec![first], refresh_key(&stage, 1), changed()).await.unwrap());
    let seen = version(&stage).await;
    let now = stage.clock.advance_seconds(60);
    let replacement = key(&stage, "b", KeyState::Pending);
    let rules = store.withdraw_key("a", Some(replacement), UNTIL, changed()).await.unwrap().unwrap();
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    assert_eq!((rule.kind, rule.id.as_str(), rule.cutoff), (RuleKind::Kid, "a", Cutoff::ALWAYS));
    assert_eq!(state(&stage, "a").await.0, KeyState::Withdrawn);
    assert_eq!(state(&stage, "b").await, (KeyState::Active, now, None));
    assert!(version(&stage).await > seen);
    let again = store.withdraw_key("a", Some(key(&stage, "c", KeyState::Active)), UNTIL, changed()).await;
    assert!(again.unwrap().is_none());
    assert!(store.withdraw_key("ghost", None, UNTIL, changed()).await.unwrap().is_none());
    assert_eq!(store.load_keys().await.unwrap().it.0.len(), 2, "no replacement for nothing");
}

/// Refresh keys follow one another without a gap.
pub async fn key_refresh_versions(stage: Stage) {
    let store = &stage.store;
    assert!(!store.add_refresh_key(refresh_key(&stage, 1), changed()).await.unwrap(), "none to follow");
    assert!(store.init_keys(Vec::new(), refresh_key(&stage, 1), changed()).await.unwrap());
    let seen = version(&stage).await;
    let done = at_once(8, |_| {
        let (store, next) = (Arc::clone(store), refresh_key(&stage, 2));
        async move { store.add_refresh_key(next, changed()).await.unwrap() }
    })
    .await;
    assert_eq!(done.iter().filter(|&&added| added).count(), 1);
    assert!(version(&stage).await > seen);
    for wrong in [1, 2, 4] {
        assert!(!store.add_refresh_key(refresh_key(&stage, wrong), changed()).await.unwrap());
    }
    let versions: Vec<_> = store.load_refresh_keys().await.unwrap().into_iter().map(|k| k.version).collect();
    assert_eq!(versions, [1, 2]);
}

/// Everything sealed is sealed anew, or nothing is.
pub async fn key_reseal(stage: Stage) {
    let store = &stage.store;
    let keys = vec![key(&stage, "a", KeyState::Active), key(&stage, "b", KeyState::Archived)];
    assert!(store.init_keys(keys, refresh_key(&stage, 1), changed()).await.unwrap());
    let mut secret = resource("urn:secret");
    secret.secret = Some(Sealed(vec![4]));
    stage.resource(secret.clone()).await;
    stage.resource(resource("urn:plain")).await;
    let new = Sealed(vec![9]);
    let all = Resealed {
        keys: vec![("a".to_owned(), new.clone()), ("b".to_owned(), new.clone())],
        refresh: vec![(1, new.clone())],
        resources: vec![("urn:secret".to_owned(), new.clone())],
    };
    let before = store.load_keys().await.unwrap().it;
    let mut wrong = vec![all.clone(), all.clone(), all.clone(), all.clone()];
    wrong[0].keys.pop();
    wrong[1].keys[1].0 = "c".to_owned();
    wrong[2].refresh[0].0 = 2;
    wrong[3].resources[0].0 = "urn:plain".to_owned();
    for wrong in wrong {
        assert!(!store.reseal(wrong).await.unwrap());
        assert_eq!(store.load_keys().await.unwrap().it, before);
    }
    assert!(store.reseal(all).await.unwrap());
    let (keys, version) = store.load_keys().await.unwrap().it;
    assert!(version > before.1);
    assert!(keys.iter().all(|k| k.private == new));
    assert_eq!(store.load_refresh_keys().await.unwrap()[0].secret, new);
    assert_eq!(store.list_resources().await.unwrap()[1].secret, Some(new));
}
