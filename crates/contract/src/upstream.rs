//! Links between accounts and other providers.

use crate::fixture::{self, UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{BrowserSessionId, EventKind, User, UserId};
use countersign_issuer::port::{CredentialChange, JoinedUpstream, LinkedUpstream, StoreError, UpstreamLink};
use std::sync::Arc;

fn change(user: &UserId, kind: EventKind, keep: Option<&BrowserSessionId>) -> CredentialChange {
    let keep = keep.cloned();
    CredentialChange { user: user.clone(), version: None, keep, until: UNTIL, event: event(kind) }
}

async fn link(stage: &Stage, user: &User, provider: &str, subject: &str) -> LinkedUpstream {
    let change = change(&user.id, EventKind::ProviderLinked, None);
    stage.store.add_upstream(change, provider, subject, Some("ada@far.test")).await.unwrap()
}

/// Linked once, found by its name at the provider alone, listed with its owner; every other session ends.
pub async fn upstream_round_trip(stage: Stage) {
    let (store, ada, bob) = (&stage.store, stage.user("ada").await, stage.user("bob").await);
    let (kept, _gone) = (stage.browser(&ada).await, stage.browser(&ada).await);
    let mark = stage.mark().await;
    let keeping = change(&ada.id, EventKind::ProviderLinked, Some(&kept.id));
    let linked = store.add_upstream(keeping, "far", "s-1", Some("ada@far.test")).await.unwrap();
    assert!(matches!(linked, LinkedUpstream::Linked(_)), "{linked:?}");
    assert_eq!(stage.kinds(mark).await, [EventKind::ProviderLinked]);
    assert_eq!(store.list_browsers(&ada.id).await.unwrap().len(), 1);
    let read = store.account(&ada.id).await.unwrap().it.unwrap();
    assert_eq!(read.subject.user.credential_version, 2);
    assert_eq!(read.enrolled.upstreams, ["far"]);

    let found = store.upstream_link("far", "s-1").await.unwrap();
    assert_eq!(found.now, stage.clock.now());
    let due = UpstreamLink {
        provider: "far".to_owned(),
        subject: "s-1".to_owned(),
        user: ada.id.clone(),
        email: Some("ada@far.test".to_owned()),
        linked_at: stage.clock.now(),
    };
    assert_eq!(found.it, Some(due.clone()));
    for (provider, subject) in [("near", "s-1"), ("far", "s-2"), ("far", "S-1"), ("FAR", "s-1"), ("far", "")]
    {
        assert_eq!(store.upstream_link(provider, subject).await.unwrap().it, None, "{provider} {subject}");
    }
    // The same person has several, also at one provider; nobody else gets one that is taken.
    let mark = stage.mark().await;
    assert_eq!(link(&stage, &bob, "far", "s-1").await, LinkedUpstream::Taken(ada.id.clone()));
    assert_eq!(link(&stage, &ada, "far", "s-1").await, LinkedUpstream::Taken(ada.id.clone()));
    assert_eq!(stage.mark().await, mark, "nothing written");
    stage.clock.advance_seconds(1);
    assert!(matches!(link(&stage, &ada, "far", "s-2").await, LinkedUpstream::Linked(_)));
    assert!(matches!(link(&stage, &bob, "near", "s-1").await, LinkedUpstream::Linked(_)));
    let names: Vec<_> = store.list_upstreams(&ada.id).await.unwrap().into_iter().map(|l| l.subject).collect();
    assert_eq!(names, ["s-1", "s-2"]);
    let nobody = change(&UserId::mint(&stage.entropy), EventKind::ProviderLinked, None);
    let gone = store.add_upstream(nobody, "far", "s-9", None).await.unwrap();
    assert_eq!(gone, LinkedUpstream::NoSuchUser);
    assert_eq!(store.upstream_link("far", "s-9").await.unwrap().it, None);

    store.remove_user(&ada.id, UNTIL, event(EventKind::UserRemoved)).await.unwrap().unwrap();
    assert_eq!(store.upstream_link("far", "s-1").await.unwrap().it, None, "gone with the person");
}

/// Only the owner's is removed, and of two removals decided by the same facts one is done.
pub async fn upstream_removed(stage: Stage) {
    let store = &stage.store;
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    for subject in ["s-1", "s-2"] {
        assert!(matches!(link(&stage, &ada, "far", subject).await, LinkedUpstream::Linked(_)));
    }
    let unlink = |user: &User, subject: &'static str, version: Option<u32>| {
        let change = CredentialChange { version, ..change(&user.id, EventKind::ProviderUnlinked, None) };
        let store = Arc::clone(store);
        async move { store.remove_upstream(change, "far", subject).await }
    };
    let mark = stage.mark().await;
    assert_eq!(unlink(&bob, "s-1", None).await.unwrap(), None, "not his");
    assert_eq!(unlink(&ada, "s-3", None).await.unwrap(), None);
    assert_eq!(stage.mark().await, mark, "nothing written");
    let seen = store.account(&ada.id).await.unwrap().it.unwrap().subject.user.credential_version;
    assert!(unlink(&ada, "s-1", Some(seen)).await.unwrap().is_some());
    assert!(matches!(unlink(&ada, "s-2", Some(seen)).await, Err(StoreError::Outrun)));
    assert_eq!(stage.kinds(mark).await, [EventKind::ProviderUnlinked]);
    let left: Vec<_> = store.list_upstreams(&ada.id).await.unwrap().into_iter().map(|l| l.subject).collect();
    assert_eq!(left, ["s-2"], "a removal outrun is undone");
}

/// A person and the link are made together or not at all, once of many.
pub async fn upstream_joins_once(stage: Stage) {
    let taken = stage.user("ada").await;
    let mark = stage.mark().await;
    let store = &stage.store;
    let joining = event(EventKind::SignedUp);
    let new = fixture::new_user(&stage.entropy, "ada");
    let done = store.join_upstream(new, "far", "s-1", joining.clone()).await.unwrap();
    assert_eq!(done, JoinedUpstream::EmailTaken);
    let mut new = fixture::new_user(&stage.entropy, "bob");
    new.roles = vec!["ghost".to_owned()];
    let done = store.join_upstream(new, "far", "s-1", joining.clone()).await.unwrap();
    assert_eq!(done, JoinedUpstream::NoSuchRole("ghost".to_owned()));
    assert_eq!(stage.mark().await, mark, "nothing written");
    assert_eq!(store.upstream_link("far", "s-1").await.unwrap().it, None);
    assert!(store.find_login("bob").await.unwrap().it.is_none());

    let done = at_once(16, |i| {
        let (store, new) = (Arc::clone(&stage.store), fixture::new_user(&stage.entropy, &format!("p{i}")));
        async move { store.join_upstream(new, "far", "s-1", event(EventKind::SignedUp)).await.unwrap() }
    })
    .await;
    let joined: Vec<_> = done
        .iter()
        .filter_map(|d| if let JoinedUpstream::Joined(user) = d { Some(user) } else { None })
        .collect();
    assert_eq!(joined.len(), 1);
    let owner = joined[0].id.clone();
    assert_eq!(done.iter().filter(|d| **d == JoinedUpstream::Taken(owner.clone())).count(), 15);
    let read = store.upstream_link("far", "s-1").await.unwrap().it.unwrap();
    assert_eq!((&read.user, read.email.as_deref()), (&owner, Some(joined[0].email.as_str())));
    assert_eq!(
        store.list_users(countersign_issuer::port::Page { after: None, limit: 99 }).await.unwrap().len(),
        2
    );
    assert_ne!(owner, taken.id);
}
