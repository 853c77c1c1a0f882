//! Recovery codes.

use crate::fixture::{UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{Digest, EventKind, User, UserId};
use countersign_issuer::port::CredentialChange;
use std::sync::Arc;

fn change(user: &UserId) -> CredentialChange {
    let event = event(EventKind::RecoveryCodesMade);
    CredentialChange { user: user.clone(), version: None, keep: None, until: UNTIL, event }
}

fn codes(of: &str) -> Vec<Digest> {
    (0..10).map(|n| Digest::of(format!("{of} {n}"))).collect()
}

async fn put(stage: &Stage, user: &User, of: &str) {
    stage.store.put_recovery_codes(change(&user.id), codes(of)).await.unwrap().unwrap();
}

async fn spend(stage: &Stage, user: &User, code: Digest) -> Option<u16> {
    let used = event(EventKind::RecoveryCodeUsed);
    stage.store.use_recovery_code(&user.id, &code, used).await.unwrap().it
}

/// Each is spent once, by its owner; a new set voids the old one.
pub async fn recovery_codes_round_trip(stage: Stage) {
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    put(&stage, &ada, "old").await;
    put(&stage, &bob, "bobs").await;
    let mark = stage.mark().await;
    assert_eq!(spend(&stage, &ada, codes("old")[3]).await, Some(9));
    assert_eq!(spend(&stage, &ada, codes("old")[3]).await, None, "spent");
    assert_eq!(spend(&stage, &ada, codes("bobs")[0]).await, None, "another's");
    assert_eq!(spend(&stage, &ada, codes("old")[0]).await, Some(8));
    let events = stage.events(mark).await;
    assert_eq!(events.len(), 2, "only what was spent is told");
    assert!(events.iter().all(|e| e.what.user.as_ref() == Some(&ada.id)));
    let left =
        async |user: &User| stage.store.account(&user.id).await.unwrap().it.unwrap().enrolled.recovery_codes;
    assert_eq!((left(&ada).await, left(&bob).await), (8, 10));

    put(&stage, &ada, "new").await;
    assert_eq!(left(&ada).await, 10);
    assert_eq!(spend(&stage, &ada, codes("old")[1]).await, None, "void");
    assert_eq!(spend(&stage, &ada, codes("new")[1]).await, Some(9));
    let account = stage.store.account(&ada.id).await.unwrap().it.unwrap();
    assert_eq!(account.subject.user.credential_version, ada.credential_version + 2);
    assert!(!account.enrolled.two_steps(), "paper alone asks nobody for a second step");
    let nobody = UserId::mint(&stage.entropy);
    assert!(stage.store.put_recovery_codes(change(&nobody), codes("x")).await.unwrap().is_none());
}

/// One code 64 times at once: one wins. All codes at once: each wins.
pub async fn recovery_code_64_at_once(stage: Stage) {
    let user = stage.user("ada").await;
    put(&stage, &user, "set").await;
    let race = async |pick: fn(usize) -> usize| {
        at_once(64, |n| {
            let (store, id, code) = (Arc::clone(&stage.store), user.id.clone(), codes("set")[pick(n)]);
            async move {
                let used = event(EventKind::RecoveryCodeUsed);
                store.use_recovery_code(&id, &code, used).await.unwrap().it
            }
        })
        .await
    };
    assert_eq!(race(|_| 0).await.into_iter().flatten().collect::<Vec<_>>(), [9]);
    let mut left: Vec<u16> = race(|n| n % 10).await.into_iter().flatten().collect();
    left.sort_unstable();
    assert_eq!(left, (0..9).collect::<Vec<u16>>(), "each tells another number left");
}
