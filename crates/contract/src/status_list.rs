//! Status lists: who has which entry, and what rules cover.

use crate::fixture::{UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::status::{BLOCKS, LEASED, StatusEntry};
use countersign_issuer::model::{ClientId, ClientSessionId, EventKind, RuleKind, UserId};
use countersign_issuer::port::Store;
use countersign_issuer::port::status_list::{StatusHit, StatusMember, StatusScan};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn client(id: &str) -> ClientId {
    ClientId::from_stored(id)
}

fn member(stage: &Stage, user: &str, of: &str) -> StatusMember {
    StatusMember {
        sid: ClientSessionId::mint(&stage.entropy),
        user: UserId::from_stored(user),
        client: client(of),
        since: stage.clock.now().seconds(),
        until: stage.clock.now() + UNTIL,
    }
}

/// Everything covered, read from the beginning in pages of that size.
async fn covered(store: &dyn Store, limit: u32) -> BTreeSet<(StatusEntry, u32)> {
    let (mut scan, mut hits) = (StatusScan::default(), BTreeSet::new());
    loop {
        let page = store.status_hits(scan, limit).await.unwrap();
        hits.extend(page.hits.iter().map(|h| (h.first, h.count)));
        assert!(page.end || page.next > scan, "goes on");
        scan = page.next;
        if page.end {
            return hits;
        }
    }
}

async fn lease(stage: &Stage, of: Option<&str>, pick: u32) -> StatusEntry {
    let now = stage.clock.now();
    let of = of.map(client);
    stage.store.lease_status(of.as_ref(), now.seconds(), now + UNTIL, pick).await.unwrap()
}

/// A list is given away in 1,024 stretches, each once; then comes the next list.
pub async fn status_leases(stage: Stage) {
    assert!(stage.store.status_lists().await.unwrap().it.is_empty());
    let mut given = BTreeSet::new();
    for n in 0..BLOCKS {
        let first = lease(&stage, (n % 2 == 0).then_some("svc"), n.wrapping_mul(2_654_435_761)).await;
        assert_eq!((first.list, first.index % LEASED), (1, 0));
        assert!(given.insert(first), "{first:?} twice");
    }
    assert_eq!(given.last(), Some(&StatusEntry::of_block(1, BLOCKS - 1)));
    assert_eq!(lease(&stage, None, 5).await, StatusEntry::of_block(2, 5));
    assert_eq!(stage.store.status_lists().await.unwrap().it, [1, 2]);
}

/// 64 nodes at once: 64 stretches.
pub async fn status_leases_at_once(stage: Stage) {
    let until = stage.clock.now() + UNTIL;
    let given = at_once(64, |_| {
        let store = Arc::clone(&stage.store);
        async move { store.lease_status(None, 0, until, 7).await.unwrap() }
    })
    .await;
    assert_eq!(given.into_iter().collect::<BTreeSet<_>>().len(), 64);
}

/// A session has one entry; another takes its place only for who knew it.
pub async fn status_of_a_session(stage: Stage) {
    let store = &stage.store;
    let one = lease(&stage, None, 0).await;
    let next = |n| StatusEntry { index: one.index + n, ..one };
    let mut ada = member(&stage, "u_ada", "app");
    let began = ada.since;
    assert_eq!(store.session_status(ada.sid).await.unwrap(), None);
    assert_eq!(store.assign_status(ada.clone(), one, None).await.unwrap(), one);
    assert_eq!(store.assign_status(ada.clone(), next(1), None).await.unwrap(), one, "somebody was first");
    assert_eq!(store.session_status(ada.sid).await.unwrap(), Some((one, began)));
    stage.clock.advance_seconds(10);
    ada.since += 10;
    assert_eq!(store.assign_status(ada.clone(), next(2), Some(one)).await.unwrap(), next(2));
    assert_eq!(
        store.assign_status(ada.clone(), next(3), Some(one)).await.unwrap(),
        next(2),
        "somebody was first"
    );
    assert_eq!(store.session_status(ada.sid).await.unwrap(), Some((next(2), began + 10)));
    let gone = StatusEntry { list: 9, index: 1 };
    assert!(store.assign_status(member(&stage, "u_bob", "app"), gone, None).await.is_err(), "no such list");
}

/// What each kind of rule covers: no more, no less, in pages of any size.
pub async fn status_hits_of_rules(stage: Stage) {
    let store = &stage.store;
    let base = lease(&stage, None, 0).await;
    let svc = lease(&stage, Some("svc"), 0).await;
    let entry = |n| StatusEntry { index: base.index + n, ..base };
    let mut sids = Vec::new();
    for (n, (user, of)) in (0..).zip([("u_ada", "app"), ("u_ada", "web"), ("u_bob", "app"), ("u_bob", "web")])
    {
        let member = member(&stage, user, of);
        sids.push(member.sid);
        store.assign_status(member, entry(n), None).await.unwrap();
    }
    assert!(covered(&**store, 100).await.is_empty());

    let revoke = async |kind, id: &str| {
        store.revoke_before_now(kind, id, UNTIL, event(EventKind::Revoked)).await.unwrap()
    };
    let token = entry(900).jti("random");
    for jti in [token.as_str(), "another", "x.7", "x.99999999999999999999"] {
        let revoked = event(EventKind::TokenRevoked);
        store.revoke_token(jti, None, stage.clock.now() + UNTIL, revoked).await.unwrap();
    }
    let mut due = BTreeSet::from([(entry(900), 1)]);
    assert_eq!(covered(&**store, 100).await, due);
    revoke(RuleKind::Sub, "u_ada").await;
    due.extend([(entry(0), 1), (entry(1), 1)]);
    assert_eq!(covered(&**store, 100).await, due);
    revoke(RuleKind::Cid, "svc").await;
    due.insert((svc, LEASED));
    assert_eq!(covered(&**store, 100).await, due);

    // What begins after a cutoff is not covered by it.
    stage.clock.advance_seconds(10);
    let later = member(&stage, "u_ada", "app");
    store.assign_status(later, entry(4), None).await.unwrap();
    lease(&stage, Some("svc"), 3).await;
    assert_eq!(covered(&**store, 100).await, due);
    revoke(RuleKind::Cid, "web").await;
    due.insert((entry(3), 1));
    for limit in [1, 2, 3, 100] {
        assert_eq!(covered(&**store, limit).await, due, "{limit} at a time");
    }
    revoke(RuleKind::Iss, "https://id.example.test").await;
    let all = covered(&**store, 1).await;
    assert!((0..5).all(|n| all.contains(&(entry(n), 1))));
    assert_eq!(all.iter().filter(|(_, count)| *count == LEASED).count(), 2);

    stage.clock.advance(UNTIL + Duration::from_secs(1));
    assert!(covered(&**store, 100).await.is_empty(), "the rules are over");
}

/// Who follows the rules learns of an entry that is given after its rule was written.
pub async fn status_given_too_late(stage: Stage) {
    let store = &stage.store;
    let base = lease(&stage, None, 0).await;
    let entry = |n| StatusEntry { index: base.index + n, ..base };
    let (user, app) = (stage.user("ada").await, stage.client("app").await);
    let session = stage.session(&user, &app, None).await;
    store
        .end_session(session.id, None, None, UNTIL, event(EventKind::ClientSessionEnded))
        .await
        .unwrap()
        .unwrap();
    store.revoke_before_now(RuleKind::Cid, "svc", UNTIL, event(EventKind::Revoked)).await.unwrap();
    let read = store.status_hits(StatusScan::default(), 100).await.unwrap();
    assert!(read.end && read.hits.is_empty());

    let mut late = member(&stage, user.id.as_str(), "app");
    late.sid = session.id;
    store.assign_status(late, entry(0), None).await.unwrap();
    store.assign_status(member(&stage, "u_bob", "app"), entry(1), None).await.unwrap();
    let svc = lease(&stage, Some("svc"), 0).await;
    lease(&stage, Some("other"), 0).await;
    let page = store.status_hits(read.next, 100).await.unwrap();
    let until = stage.clock.now() + UNTIL;
    let due =
        [StatusHit { first: entry(0), count: 1, until }, StatusHit { first: svc, count: LEASED, until }];
    assert_eq!((page.hits.as_slice(), page.end), (&due[..], true));
    assert!(store.status_hits(page.next, 100).await.unwrap().hits.is_empty(), "told once");
}

/// A list goes when all its members are dead, and its number does not come again.
pub async fn status_retires(stage: Stage) {
    let store = &stage.store;
    let base = lease(&stage, None, 0).await;
    let mut long = member(&stage, "u_ada", "app");
    long.until = stage.clock.now() + 2 * UNTIL;
    let sid = long.sid;
    store.assign_status(long, base, None).await.unwrap();
    let short = member(&stage, "u_bob", "app");
    let gone = short.sid;
    store.assign_status(short, StatusEntry { index: base.index + 1, ..base }, None).await.unwrap();
    assert_eq!(store.sweep_status(100).await.unwrap(), 0);
    stage.clock.advance(UNTIL);
    assert_eq!(store.sweep_status(100).await.unwrap(), 1, "a member");
    assert!(store.session_status(sid).await.unwrap().is_some());
    assert!(store.session_status(gone).await.unwrap().is_none());
    assert_eq!(store.status_lists().await.unwrap().it, [1]);
    stage.clock.advance(UNTIL);
    store.sweep_status(100).await.unwrap();
    assert!(store.status_lists().await.unwrap().it.is_empty());
    assert_eq!(lease(&stage, None, 0).await.list, 2, "never the same number again");
}
