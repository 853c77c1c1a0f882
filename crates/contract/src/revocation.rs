//! Revocation rules.

use crate::fixture::{UNTIL, event};
use crate::stage::Stage;
use countersign_issuer::model::{Cutoff, EventKind, Rule, RuleKind};
use std::time::Duration;

/// One token: one rule, however often it is asked for.
pub async fn rule_token(stage: Stage) {
    let store = &stage.store;
    let until = stage.clock.now() + UNTIL;
    let mark = stage.mark().await;
    let revoked = event(EventKind::TokenRevoked);
    let rule = store.revoke_token("t1", None, until, revoked.clone()).await.unwrap();
    assert_eq!(rule, Rule { kind: RuleKind::Jti, id: "t1".to_owned(), cutoff: Cutoff::ALWAYS, until });
    assert_eq!(store.revoke_token("t1", None, until, revoked.clone()).await.unwrap(), rule);
    assert_eq!(store.rules_after(0, 10).await.unwrap().it.0, [rule]);
    assert_eq!(stage.kinds(mark).await, [EventKind::TokenRevoked]);
    let longer = store.revoke_token("t1", None, until + UNTIL, revoked).await.unwrap();
    assert_eq!(longer.until, until + UNTIL, "a longer one counts");
    let both = store.rules_of(RuleKind::Jti, "t1").await.unwrap().it;
    assert_eq!(
        both.iter().map(|w| w.rule.until).collect::<Vec<_>>(),
        [until, until + UNTIL],
        "the oldest first"
    );
    assert!(both.iter().all(|w| w.at == stage.clock.now() && w.number.is_none()), "{both:?}");
    for (kind, id) in [(RuleKind::Sid, "t1"), (RuleKind::Jti, "t2")] {
        assert_eq!(store.rules_of(kind, id).await.unwrap().it, []);
    }
}

/// Up to now: two seconds ahead of the store's clock, on the person's row too.
pub async fn rule_before_now(stage: Stage) {
    let store = &stage.store;
    let user = stage.user("ada").await;
    let cutoff = Cutoff(stage.clock.now().seconds() + 2);
    let until = stage.clock.now() + UNTIL;
    for (kind, id) in [
        (RuleKind::Cid, "app"),
        (RuleKind::Iss, "https://id.example.test"),
        (RuleKind::Sub, user.id.as_str()),
    ] {
        let rule = store.revoke_before_now(kind, id, UNTIL, event(EventKind::Revoked)).await.unwrap();
        assert_eq!(rule, Rule { kind, id: id.to_owned(), cutoff, until });
    }
    assert_eq!(store.subject(&user.id).await.unwrap().it.unwrap().user.cutoff, Some(cutoff));
    assert_eq!(store.rules_after(0, 10).await.unwrap().it.0.len(), 3);
}

/// Read on from where one stands: in order, at most so many, no dead ones, none missed after a sweep.
pub async fn rule_reading_on(stage: Stage) {
    let store = &stage.store;
    let now = stage.clock.now();
    let revoke = async |jti: &str, seconds| {
        let until = now + Duration::from_secs(seconds);
        store.revoke_token(jti, None, until, event(EventKind::TokenRevoked)).await.unwrap();
    };
    let read = async |after, limit| {
        let (rules, last) = store.rules_after(after, limit).await.unwrap().it;
        (rules.into_iter().map(|r| r.id).collect::<Vec<_>>(), last)
    };
    assert_eq!(read(0, 10).await, (vec![], 0));
    for (jti, seconds) in [("a", 100), ("b", 10), ("c", 100), ("d", 20)] {
        revoke(jti, seconds).await;
    }
    let (first, at) = read(0, 2).await;
    assert_eq!(first, ["a", "b"]);
    let (rest, end) = read(at, 10).await;
    assert_eq!(rest, ["c", "d"]);
    assert_eq!(read(end, 10).await, (vec![], end));

    stage.clock.set(now + Duration::from_secs(20));
    assert_eq!(read(0, 10).await.0, ["a", "c"]);
    assert_eq!(store.sweep(1).await.unwrap(), 1);
    assert_eq!(store.sweep(10).await.unwrap(), 1);
    assert_eq!(store.sweep(10).await.unwrap(), 0);
    // The number of a swept rule is not given again: whoever stands behind it sees the next.
    revoke("e", 100).await;
    assert_eq!(read(end, 10).await.0, ["e"]);
    assert_eq!(read(0, 10).await.0, ["a", "c", "e"]);
}
