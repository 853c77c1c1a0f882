//! The log of the revocation feed under everything that can come between: other nodes, crashes, slow disks, a
//! store put back from a backup, too many rules.

use super::feed::{Reader, covered, log};
use super::{ISSUER, World, refusal};
use crate::SeededEntropy;
use crate::fixture::{UNTIL, event};
use crate::flow::house::House;
use crate::stage::{Stage, at_once};
use countersign_feed::{BLOCK, Chain, Cutoff, Kind};
use countersign_issuer::admin::{self, revoke::What};
use countersign_issuer::model::{EventKind, RuleKind};
use countersign_issuer::revocation::{self, publish, sequence};
use countersign_issuer::{Issuer, Settings};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

async fn by_jti(issuer: &Issuer, jti: String) -> admin::revoke::Done {
    admin::revoke::revoke(issuer, What::Jti(jti)).await.unwrap()
}

/// 64 revoke at once on two nodes: each is in the log, once, when it is answered; both end with the same log.
pub async fn feed_two_nodes_64(stage: Stage) {
    let house = House::new(stage).await;
    let nodes = [Arc::clone(&house.issuer), house.node().await];
    let salt = house.stage.store.feed().await.unwrap().it.unwrap().salt;
    let name = move |i: usize| salt.name(Kind::Jti, ISSUER, &format!("j{i}"));
    at_once(64, |i| {
        let issuer = Arc::clone(&nodes[i % 2]);
        async move {
            let done = by_jti(&issuer, format!("j{i}")).await;
            let head = issuer.feed.published().unwrap().head.clone();
            assert!((head.epoch, head.seq) >= (done.epoch, done.seq), "published");
            let rules = log(&issuer, 1, 0).await;
            let at = rules.iter().position(|rule| rule.h == name(i)).unwrap();
            assert!((at as u64) < done.seq, "where it was said to be");
        }
    })
    .await;
    // Each has its own at once, and the other's a turn later.
    for node in &nodes {
        node.follow().await.unwrap();
    }
    let logs = [log(&nodes[0], 1, 0).await, log(&nodes[1], 1, 0).await];
    assert_eq!(logs[0], logs[1]);
    assert_eq!(logs[0].len(), 64);
    assert_eq!(logs[0].iter().map(|rule| rule.h).collect::<BTreeSet<_>>(), (0..64).map(name).collect());
    let mut heads = Vec::new();
    for node in &nodes {
        let mut reader = Reader::new(node);
        reader.read(node, house.stage.clock.now()).await;
        heads.push(reader.follower.proven().unwrap().clone());
    }
    assert_eq!(heads[0].chain, heads[1].chain);
    assert_eq!(heads[0].seq, 64);
}

/// A node that only follows tells its own readers all the same, and judges by what the others wrote.
pub async fn feed_follows_others(stage: Stage) {
    let house = House::new(stage).await;
    let (a, b) = (&house.issuer, house.node().await);
    b.follow().await.unwrap();
    let mut reader = Reader::new(&b);
    reader.read(&b, house.stage.clock.now()).await;
    for i in 0..5 {
        by_jti(a, format!("j{i}")).await;
    }
    assert_eq!(b.feed.published().unwrap().head.seq, 0);
    b.follow().await.unwrap();
    let state = b.feed.published().unwrap();
    assert_eq!((state.added.after, state.added.rules.len()), (0, 5));
    assert_eq!(state.added.end_chain(), state.head.chain);
    reader.read(&b, house.stage.clock.now()).await;
    assert_eq!(reader.follower.proven().unwrap().seq, 5);
}

/// A process that died between its commit and the number: the next turn of any node publishes it, with a
/// cutoff that covers whatever was issued until then.
pub async fn feed_left_behind(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, clock) = (&house.issuer, &house.stage.clock);
    issuer.follow().await.unwrap();
    let revoked = || event(EventKind::Revoked);
    let store = &house.stage.store;
    let rule = store.revoke_before_now(RuleKind::Cid, "app", UNTIL, revoked()).await.unwrap();
    let now = clock.advance_seconds(10);
    issuer.follow().await.unwrap();
    let state = issuer.feed.published().unwrap();
    let [found] = state.added.rules[..] else { panic!("{:?}", state.added) };
    assert_eq!(found.kind, Kind::Cid);
    assert_eq!(i64::from(found.cutoff.0), now.seconds() + 2, "it was committed at a time that nobody knows");
    assert!(rule.cutoff.0 < now.seconds());
    let rows = store.rules_after(0, 9).await.unwrap().it.0;
    assert_eq!(rows[0].cutoff.0, now.seconds() + 2, "as published, for nodes that start later");

    // In time: as it was written.
    store.revoke_before_now(RuleKind::Cid, "web", UNTIL, revoked()).await.unwrap();
    clock.advance(Duration::from_millis(900));
    issuer.follow().await.unwrap();
    let state = issuer.feed.published().unwrap();
    assert_eq!(i64::from(state.added.rules[0].cutoff.0), now.seconds() + 2);
}

/// No head says "these are all" while there are more: a batch that is not the last one publishes nothing.
pub async fn feed_of_many(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, store) = (&house.issuer, &house.stage.store);
    let until = house.stage.clock.now() + UNTIL;
    let count = 2 * BLOCK + 5;
    let calls = (0..count).map(|i| {
        let store = Arc::clone(store);
        async move {
            let revoked = event(EventKind::TokenRevoked);
            store.revoke_token(&format!("j{i}"), None, until, revoked).await.unwrap();
        }
    });
    let mut calls: Vec<_> = calls.collect();
    while !calls.is_empty() {
        let some = calls.split_off(calls.len().saturating_sub(500));
        let mut some = some.into_iter();
        at_once(some.len(), |_| some.next().unwrap()).await;
    }
    let heads = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&heads);
    issuer.feed.on_publish(move |state| told.lock().unwrap().push(state.head.seq));
    sequence::settle(issuer).await.unwrap();
    assert_eq!(*heads.lock().unwrap(), [count]);
    let mut reader = Reader::new(issuer);
    reader.read(issuer, house.stage.clock.now()).await;
    assert_eq!(reader.follower.proven().unwrap().seq, count);
    assert_eq!(reader.follower.view().status().rules as u64, count);
    assert!(publish::block(issuer, 1, 1).await.unwrap().is_some());
    assert!(publish::block(issuer, 1, 2).await.unwrap().is_none());

    // A snapshot is due, and every node names the same one.
    let other = house.node().await;
    for node in [issuer, &other] {
        node.tend().await.unwrap();
        node.follow().await.unwrap();
    }
    let snap = issuer.feed.published().unwrap().head.snap.clone().unwrap();
    assert_eq!(snap.seq, count);
    assert_eq!(other.feed.published().unwrap().head.snap, Some(snap));
    // Once the blocks are gone it is the way in.
    house.stage.clock.advance(UNTIL + Duration::from_secs(120));
    by_jti(issuer, "last".to_owned()).await;
    issuer.tend().await.unwrap();
    assert!(publish::block(issuer, 1, 1).await.unwrap().is_none());
    let mut late = Reader::new(&other);
    other.follow().await.unwrap();
    late.read(&other, house.stage.clock.now()).await;
    assert_eq!(late.follower.proven().unwrap().seq, count + 1);
}

/// A store that is older than what was published: a new epoch, in which everything made so far is revoked.
/// Readers keep what they knew.
pub async fn feed_put_back(stage: Stage) {
    let world = World::new(stage).await;
    let issuer = &world.issuer;
    issuer.follow().await.unwrap();
    let (old, gone) = (world.enter("web").await, world.enter("web").await);
    by_jti(issuer, "x".to_owned()).await;
    let sid = super::claims(&gone.access_token)["sid"].as_str().unwrap().to_owned();
    let done = admin::revoke::revoke(issuer, What::Session(sid)).await.unwrap();
    let mut reader = Reader::new(issuer);
    let now = || world.clock().now();
    assert!(covered(&reader.read(issuer, now()).await, &gone.access_token));

    assert!(!revocation::check_not_rolled_back(issuer, done.epoch, done.seq).await.unwrap());
    assert!(!revocation::check_not_rolled_back(issuer, done.epoch, done.seq - 1).await.unwrap());
    assert!(world.active("web", &old.access_token).await);
    assert!(revocation::check_not_rolled_back(issuer, done.epoch + 3, 0).await.unwrap());
    let head = issuer.feed.published().unwrap().head.clone();
    assert_eq!((head.epoch, head.feed), (done.epoch + 4, reader.follower.proven().unwrap().feed));
    let rules = log(issuer, head.epoch, 0).await;
    assert_eq!(head.chain, Chain::genesis(&head.feed.0, head.epoch).over(&rules));
    let kinds: Vec<_> = rules.iter().map(|rule| rule.kind).collect();
    assert_eq!(kinds, [Kind::Jti, Kind::Sid, Kind::Iss], "every live rule again, and the new one");
    let everything = rules[2];
    assert_eq!(i64::from(everything.cutoff.0), now().seconds() + 2);
    assert!(!world.active("web", &old.access_token).await);
    let view = reader.read(issuer, now()).await;
    assert!(covered(&view, &old.access_token) && covered(&view, &gone.access_token));

    world.wait(3).await;
    let new = world.enter("web").await;
    assert!(world.active("web", &new.access_token).await);
    assert!(!covered(&reader.read(issuer, now()).await, &new.access_token));
    assert!(!covered(&Reader::new(issuer).read(issuer, now()).await, &new.access_token));
}

/// Too many rules: buckets. What was refused stays refused, here and by readers old and new; who was not
/// meant gets a new token.
pub async fn feed_coarse(stage: Stage) {
    let settings = Settings { max_rules: 12, ..Settings::new(ISSUER) };
    let world = World::with(stage, settings).await;
    let issuer = &world.issuer;
    issuer.follow().await.unwrap();
    let entropy = SeededEntropy::new(11);
    let mut reader = Reader::new(issuer);
    let mut revoked: Vec<String> = Vec::new();
    by_jti(issuer, "of-somebody".to_owned()).await;
    for round in 0..60 {
        let token = world.enter("web").await.access_token;
        let what = match entropy.below(3) {
            0 => What::Token(countersign_issuer::model::Secret::new(&*token)),
            1 => What::Session(super::claims(&token)["sid"].as_str().unwrap().to_owned()),
            _ => What::User("ada".to_owned()),
        };
        admin::revoke::revoke(issuer, what).await.unwrap();
        revoked.push(token);
        world.wait(3).await;
        issuer.tend().await.unwrap();
        issuer.follow().await.unwrap();
        let now = world.clock().now();
        let view = reader.read(issuer, now).await;
        for token in &revoked {
            assert!(covered(&view, token), "round {round}");
            assert!(!world.active("web", token).await, "round {round}");
            assert_eq!(refusal(world.userinfo(token).await), "invalid_token");
        }
        assert!(issuer.directory.rules().len() <= 13, "{} rules", issuer.directory.rules().len());
    }
    let now = world.clock().now();
    let rules = log(issuer, 1, 0).await;
    let coarse: Vec<_> = rules.iter().filter(|rule| rule.kind == Kind::Coarse).collect();
    assert!(coarse.len() > 1, "more than once");
    let bucket = rules.iter().rev().find(|rule| rule.kind == Kind::Bucket).unwrap();
    assert!(bucket.cutoff < Cutoff::ALWAYS);
    // A node and a reader that start now know as much, in little room.
    let fresh = Reader::new(issuer).read(issuer, now).await;
    assert!(fresh.status().rules <= 20, "{:?}", fresh.status());
    let other = world.another().await;
    assert!(other.directory.rules().len() <= 13);
    for token in &revoked {
        assert!(covered(&fresh, token));
        assert!(countersign_issuer::oauth::bearer::access_token(&other, token).await.is_err());
    }
    let of_somebody = issuer.feed.published().unwrap().head.salt.name(Kind::Jti, ISSUER, "of-somebody");
    let kept = rules.iter().filter(|rule| rule.h == of_somebody).count();
    assert!(kept > 1, "of nobody knows whom: published again, it is in no bucket");
    let token = world.enter("web").await.access_token;
    assert!(world.active("web", &token).await && !covered(&fresh, &token), "people go on");
}
