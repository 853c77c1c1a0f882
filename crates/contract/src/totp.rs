//! Authenticator apps.

use crate::fixture::{UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{EventKind, Sealed, User, UserId};
use countersign_issuer::port::CredentialChange;
use std::sync::Arc;

fn change(user: &User, kind: EventKind) -> CredentialChange {
    CredentialChange { user: user.id.clone(), version: None, keep: None, until: UNTIL, event: event(kind) }
}

/// Kept, replaced and removed; each of it changes the credentials.
pub async fn totp_round_trip(stage: Stage) {
    let (store, user) = (&stage.store, stage.user("ada").await);
    assert!(store.totp(&user.id).await.unwrap().it.is_none());
    assert!(!store.use_totp(&user.id, 1).await.unwrap(), "there is none");
    let mark = stage.mark().await;
    for (secret, step) in [(b"first".to_vec(), 100), (b"second".to_vec(), 40)] {
        let added = change(&user, EventKind::TotpAdded);
        assert!(store.put_totp(added, Sealed(secret.clone()), step).await.unwrap().is_some());
        assert_eq!(store.totp(&user.id).await.unwrap().it, Some((Sealed(secret), step)));
    }
    assert_eq!(store.totp(&user.id).await.unwrap().now, stage.clock.now());
    let account = store.account(&user.id).await.unwrap().it.unwrap();
    assert!(account.enrolled.totp && account.enrolled.two_steps());
    assert_eq!(account.subject.user.credential_version, user.credential_version + 2);

    assert!(store.remove_totp(change(&user, EventKind::TotpRemoved)).await.unwrap().is_some());
    assert!(
        store.remove_totp(change(&user, EventKind::TotpRemoved)).await.unwrap().is_none(),
        "gone already"
    );
    assert!(store.totp(&user.id).await.unwrap().it.is_none());
    let kinds = stage.kinds(mark).await;
    assert_eq!(kinds, [EventKind::TotpAdded, EventKind::TotpAdded, EventKind::TotpRemoved]);

    let nobody = User { id: UserId::mint(&stage.entropy), ..user };
    let put = store.put_totp(change(&nobody, EventKind::TotpAdded), Sealed(vec![1]), 1).await;
    assert!(put.unwrap().is_none());
}

/// Setting one up ends what else is signed in, the asking browser apart.
pub async fn totp_ends_sessions(stage: Stage) {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let (kept, gone) = (stage.browser(&user).await, stage.browser(&user).await);
    stage.session(&user, &client, Some(&kept)).await;
    let session = stage.session(&user, &client, Some(&gone)).await;
    let added = CredentialChange { keep: Some(kept.id.clone()), ..change(&user, EventKind::TotpAdded) };
    let rules = stage.store.put_totp(added, Sealed(vec![1]), 1).await.unwrap().unwrap();
    assert_eq!(rules.iter().map(|r| r.id.clone()).collect::<Vec<_>>(), [session.id.to_string()]);
    assert!(stage.store.live_browser(&kept.cookie).await.unwrap().it.is_some());
    assert!(stage.store.live_browser(&gone.cookie).await.unwrap().it.is_none());
    let rules = stage.store.remove_totp(change(&user, EventKind::TotpRemoved)).await.unwrap().unwrap();
    assert_eq!(rules.len(), 1);
}

/// A step is spent once, by one of many, and with it all steps before.
pub async fn totp_step_64_at_once(stage: Stage) {
    let user = stage.user("ada").await;
    let put = stage.store.put_totp(change(&user, EventKind::TotpAdded), Sealed(vec![1]), 10).await;
    put.unwrap().unwrap();
    for (step, good) in [(9, false), (10, false), (12, true), (12, false), (11, false), (13, true)] {
        assert_eq!(stage.store.use_totp(&user.id, step).await.unwrap(), good, "{step}");
    }
    let done = at_once(64, |_| {
        let (store, id) = (Arc::clone(&stage.store), user.id.clone());
        async move { store.use_totp(&id, 20).await.unwrap() }
    })
    .await;
    assert_eq!(done.iter().filter(|&&good| good).count(), 1);
    let mut steps: Vec<i64> = (100..164).collect();
    steps.reverse();
    let done = at_once(64, |n| {
        let (store, id, step) = (Arc::clone(&stage.store), user.id.clone(), steps[n]);
        async move { store.use_totp(&id, step).await.unwrap().then_some(step) }
    })
    .await;
    let last = stage.store.totp(&user.id).await.unwrap().it.unwrap().1;
    assert_eq!(done.into_iter().flatten().max(), Some(last), "never back");
    assert_eq!(last, 163);
}
