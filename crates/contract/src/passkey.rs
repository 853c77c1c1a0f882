//! WebAuthn credentials.

use crate::fixture::{UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::passkey::MOST_PASSKEYS;
use countersign_issuer::model::{Answered, EventKind, Passkey, PasskeyId, User, UserId};
use countersign_issuer::port::{AddedPasskey, CredentialChange, Entropy, Store, StoreError, UsedPasskey};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const LIFE: Duration = Duration::from_secs(300);

fn answered(stage: &Stage) -> Answered {
    let entropy: &dyn Entropy = &stage.entropy;
    Answered { challenge: entropy.bytes(), until: stage.clock.now() + LIFE }
}

fn change(user: &UserId, kind: EventKind) -> CredentialChange {
    CredentialChange { user: user.clone(), version: None, keep: None, until: UNTIL, event: event(kind) }
}

fn plain(stage: &Stage, user: &UserId, name: &str) -> Passkey {
    Passkey {
        id: PasskeyId::mint(&stage.entropy),
        user: user.clone(),
        credential_id: name.as_bytes().to_vec(),
        name: name.to_owned(),
        credential: json!({ "key": name }),
        verifies_user: true,
        backup_eligible: true,
        backed_up: false,
        counter: 7,
        created_at: stage.clock.now(),
        used_at: None,
    }
}

async fn add(stage: &Stage, passkey: &Passkey) -> AddedPasskey {
    let change = change(&passkey.user, EventKind::PasskeyAdded);
    stage.store.add_passkey(change, passkey.clone(), answered(stage)).await.unwrap()
}

async fn version(store: &Arc<dyn Store>, user: &User) -> u32 {
    store.subject(&user.id).await.unwrap().it.unwrap().user.credential_version
}

/// What is kept reads back, by person and by credential id; adding and removing end other sessions.
pub async fn passkey_round_trip(stage: Stage) {
    let store = &stage.store;
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    let browser = stage.browser(&ada).await;
    let first = plain(&stage, &ada.id, "first");
    assert_eq!(add(&stage, &first).await, AddedPasskey::Added(vec![]));
    assert_eq!(version(store, &ada).await, ada.credential_version + 1);
    assert!(store.live_browser(&browser.cookie).await.unwrap().it.is_none(), "ended");
    stage.clock.advance_seconds(1);
    let key = Passkey { verifies_user: false, backed_up: true, ..plain(&stage, &ada.id, "second") };
    assert!(matches!(add(&stage, &key).await, AddedPasskey::Added(_)));
    let listed = store.list_passkeys(&ada.id).await.unwrap();
    assert_eq!(listed.now, stage.clock.now());
    assert_eq!(listed.it, [first.clone(), key.clone()]);
    assert_eq!(store.passkey(b"second").await.unwrap().it, Some(key.clone()));
    assert_eq!(store.passkey(b"third").await.unwrap().it, None);
    let enrolled = store.account(&ada.id).await.unwrap().it.unwrap().enrolled;
    assert_eq!((enrolled.passkeys, enrolled.security_keys), (1, 1));
    assert!(store.list_passkeys(&bob.id).await.unwrap().it.is_empty());

    let mark = stage.mark().await;
    let renamed = event(EventKind::PasskeyRenamed);
    assert!(!store.rename_passkey(&bob.id, key.id, "mine", renamed.clone()).await.unwrap(), "not his");
    assert!(store.rename_passkey(&ada.id, key.id, "blue", renamed).await.unwrap());
    assert_eq!(store.passkey(b"second").await.unwrap().it.unwrap().name, "blue");
    assert_eq!(stage.kinds(mark).await, [EventKind::PasskeyRenamed]);

    let seen = version(store, &ada).await;
    let remove = |user: &User, id, seen| {
        let decided = change(&user.id, EventKind::PasskeyRemoved);
        store.remove_passkey(CredentialChange { version: Some(seen), ..decided }, id)
    };
    let mark = stage.mark().await;
    let his = version(store, &bob).await;
    assert_eq!(remove(&bob, key.id, his).await.unwrap(), None, "not his");
    assert!(matches!(remove(&ada, key.id, seen - 1).await, Err(StoreError::Outrun)), "decided too early");
    assert!(store.passkey(b"second").await.unwrap().it.is_some());
    assert_eq!(stage.mark().await, mark, "nothing is written");
    assert_eq!(version(store, &bob).await, his);
    assert_eq!(remove(&ada, key.id, seen).await.unwrap(), Some(vec![]));
    assert_eq!(remove(&ada, key.id, seen + 1).await.unwrap(), None, "gone");
    assert_eq!(stage.kinds(mark).await, [EventKind::PasskeyRemoved]);
    assert_eq!(store.list_passkeys(&ada.id).await.unwrap().it, [first]);
}

/// One credential id once, an account's fill up, a challenge is answered once: said so, and nothing written.
pub async fn passkey_refused(stage: Stage) {
    let store = &stage.store;
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    for n in 0..MOST_PASSKEYS {
        assert!(matches!(add(&stage, &plain(&stage, &ada.id, &n.to_string())).await, AddedPasskey::Added(_)));
    }
    let mark = stage.mark().await;
    assert_eq!(add(&stage, &plain(&stage, &ada.id, "one more")).await, AddedPasskey::Full);
    assert_eq!(add(&stage, &plain(&stage, &bob.id, "3")).await, AddedPasskey::Known, "of whomever");
    let nobody = UserId::mint(&stage.entropy);
    assert_eq!(add(&stage, &plain(&stage, &nobody, "x")).await, AddedPasskey::NoSuchUser);
    assert_eq!(stage.mark().await, mark);

    let once = answered(&stage);
    let with = |name: &str, answered| {
        let (new, change) = (plain(&stage, &bob.id, name), change(&bob.id, EventKind::PasskeyAdded));
        store.add_passkey(change, new, answered)
    };
    assert!(matches!(with("a", once).await.unwrap(), AddedPasskey::Added(_)));
    let mark = stage.mark().await;
    assert_eq!(with("b", once).await.unwrap(), AddedPasskey::Stale, "the same challenge");
    let old = answered(&stage);
    stage.clock.advance(LIFE);
    assert_eq!(with("b", old).await.unwrap(), AddedPasskey::Stale, "too old");
    assert_eq!(stage.mark().await, mark);
}

fn used(of: &Passkey, answered: Answered, before: u32, counter: u32) -> UsedPasskey {
    let credential = json!({ "counter": counter });
    UsedPasskey { id: of.id, answered, counter_before: before, counter, backed_up: true, credential }
}

/// A use is noted once a challenge and only from the counter it was judged by, also where there is none.
pub async fn passkey_used(stage: Stage) {
    let store = &stage.store;
    let ada = stage.user("ada").await;
    let (counts, zero) = (plain(&stage, &ada.id, "counts"), plain(&stage, &ada.id, "zero"));
    let zero = Passkey { counter: 0, ..zero };
    add(&stage, &counts).await;
    add(&stage, &zero).await;
    let now = stage.clock.advance_seconds(60);
    let first = answered(&stage);
    assert!(store.use_passkey(used(&counts, first, 7, 9)).await.unwrap());
    let read = store.passkey(b"counts").await.unwrap().it.unwrap();
    assert_eq!((read.counter, read.backed_up, read.used_at), (9, true, Some(now)));
    assert_eq!(read.credential, json!({ "counter": 9 }));
    assert!(!store.use_passkey(used(&counts, first, 9, 10)).await.unwrap(), "the same challenge");
    assert!(!store.use_passkey(used(&counts, answered(&stage), 7, 10)).await.unwrap(), "overtaken");
    assert_eq!(store.passkey(b"counts").await.unwrap().it.unwrap(), read, "nothing is written");

    let once = answered(&stage);
    assert!(store.use_passkey(used(&zero, once, 0, 0)).await.unwrap());
    assert!(!store.use_passkey(used(&zero, once, 0, 0)).await.unwrap(), "again, without a counter");
    assert!(!store.use_passkey(used(&counts, once, 9, 10)).await.unwrap(), "with another key");
    let old = answered(&stage);
    stage.clock.advance(LIFE);
    assert!(!store.use_passkey(used(&zero, old, 0, 0)).await.unwrap(), "too old");
    store.sweep(100).await.unwrap();
    assert!(!store.use_passkey(used(&zero, once, 0, 0)).await.unwrap(), "swept is not forgotten");
    let gone = plain(&stage, &ada.id, "gone");
    assert!(!store.use_passkey(used(&gone, answered(&stage), 7, 8)).await.unwrap(), "no such key");
}

/// One answer 64 times at once is one use.
pub async fn passkey_used_64_at_once(stage: Stage) {
    let ada = stage.user("ada").await;
    let zero = Passkey { counter: 0, ..plain(&stage, &ada.id, "zero") };
    add(&stage, &zero).await;
    let once = answered(&stage);
    let done = at_once(64, |_| {
        let (store, used) = (Arc::clone(&stage.store), used(&zero, once, 0, 0));
        async move { store.use_passkey(used).await.unwrap() }
    })
    .await;
    assert_eq!(done.into_iter().filter(|noted| *noted).count(), 1);
}

/// A counter that went back is told once a challenge; a replay of a good answer is none.
pub async fn passkey_suspected(stage: Stage) {
    let store = &stage.store;
    let ada = stage.user("ada").await;
    let key = plain(&stage, &ada.id, "key");
    add(&stage, &key).await;
    let (used_up, fresh) = (answered(&stage), answered(&stage));
    assert!(store.use_passkey(used(&key, used_up, 7, 8)).await.unwrap());
    let mark = stage.mark().await;
    let cloned = || event(EventKind::PasskeyCloned);
    assert!(!store.suspect_passkey(used_up, cloned()).await.unwrap());
    assert_eq!(stage.mark().await, mark);
    assert!(store.suspect_passkey(fresh, cloned()).await.unwrap());
    assert!(!store.suspect_passkey(fresh, cloned()).await.unwrap());
    assert!(!store.use_passkey(used(&key, fresh, 8, 9)).await.unwrap(), "its challenge is answered");
    assert_eq!(stage.kinds(mark).await, [EventKind::PasskeyCloned]);
}
