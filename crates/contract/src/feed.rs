//! The revocation feed: numbers, blocks, epochs, snapshots, acknowledgements.

use crate::fixture::{UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_feed::head::FeedId;
use countersign_feed::{BLOCK, Chain, Kind, Page, Rule, Salt};
use countersign_issuer::model::{ClientId, Cutoff, EventKind, RuleKind};
use countersign_issuer::port::feed::{Acknowledged, Load, Numbered};
use countersign_issuer::port::{Append, At, Position, Store};
use std::sync::Arc;
use std::time::Duration;

const ID: FeedId = FeedId([1; 16]);
const SALT: Salt = Salt([2; 16]);

fn genesis(epoch: u64) -> Chain {
    Chain::genesis(&ID.0, epoch)
}

async fn begin(stage: &Stage) {
    assert!(stage.store.begin_feed(ID, SALT, genesis(1)).await.unwrap());
}

async fn revoke(stage: &Stage, jti: &str) {
    let until = stage.clock.now() + UNTIL;
    stage.store.revoke_token(jti, None, until, event(EventKind::TokenRevoked)).await.unwrap();
}

async fn load(store: &Arc<dyn Store>, limit: u32) -> Load {
    store.waiting(limit).await.unwrap().it.unwrap()
}

fn entry(h: u64, until: u32) -> Rule {
    Rule { kind: Kind::Jti, h, cutoff: countersign_feed::Cutoff::ALWAYS, until }
}

/// These rules after that position, of no row.
fn append(after: Position, rules: Vec<Rule>) -> Append {
    let mut chain = after.chain;
    let mut fills = Vec::new();
    for (seq, rule) in (after.seq + 1..).zip(&rules) {
        chain = chain.then(rule);
        if seq.is_multiple_of(BLOCK) {
            fills.push(chain);
        }
    }
    Append { after, read_at: crate::ManualClock::START, rules, rows: Vec::new(), fills, chain }
}

/// Appends that many rules that end then; answers them.
async fn fill(stage: &Stage, count: u64, until: u32) -> Vec<Rule> {
    let at = load(&stage.store, 1).await.state.at;
    let rules: Vec<Rule> = (at.seq + 1..=at.seq + count).map(|h| entry(h, until)).collect();
    assert!(stage.store.append(append(at, rules.clone())).await.unwrap());
    rules
}

/// One feed a store, whoever begins it.
pub async fn feed_begun_once(stage: Stage) {
    assert!(stage.store.feed().await.unwrap().it.is_none());
    assert!(stage.store.waiting(1).await.unwrap().it.is_none());
    begin(&stage).await;
    assert!(!stage.store.begin_feed(FeedId([9; 16]), Salt([9; 16]), genesis(1)).await.unwrap());
    let At { now, it } = stage.store.feed().await.unwrap();
    let state = it.unwrap();
    assert_eq!((now, state.id, state.salt), (stage.clock.now(), ID, SALT));
    assert_eq!(state.at, Position { epoch: 1, seq: 0, chain: genesis(1) });
    assert_eq!(state.snapshot, None);
}

/// What waits comes in order, with whether there is more; a number is given once, on the log it was decided on.
pub async fn feed_numbers(stage: Stage) {
    begin(&stage).await;
    for jti in ["a", "b", "c"] {
        revoke(&stage, jti).await;
    }
    let written = stage.clock.now();
    stage.clock.advance_seconds(1);
    let first = load(&stage.store, 2).await;
    assert!(first.more);
    let ids = |load: &Load| load.waiting.iter().map(|w| w.rule.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ["a", "b"]);
    assert_eq!(first.waiting[0].written_at, Some(written));
    assert!(!load(&stage.store, 3).await.more);

    let rules = vec![entry(1, 9), entry(2, 9)];
    let mut made = append(first.state.at, rules.clone());
    made.rows = first
        .waiting
        .iter()
        .zip(1..)
        .map(|(waiting, seq)| Numbered { row: waiting.row, seq, cutoff: Cutoff(77) })
        .collect();
    for wrong in [
        Position { epoch: 2, ..made.after },
        Position { seq: 1, ..made.after },
        Position { chain: Chain([0; 32]), ..made.after },
    ] {
        assert!(!stage.store.append(Append { after: wrong, ..made.clone() }).await.unwrap());
    }
    assert_eq!(ids(&load(&stage.store, 9).await), ["a", "b", "c"], "nothing was written");
    assert!(stage.store.append(made.clone()).await.unwrap());
    assert!(!stage.store.append(made.clone()).await.unwrap(), "only once");
    let rest = load(&stage.store, 9).await;
    assert_eq!((ids(&rest), rest.state.at), (vec!["c".to_owned()], made.end()));
    let read = stage.store.rules_after(0, 9).await.unwrap().it.0;
    assert_eq!(read.iter().map(|r| r.cutoff).collect::<Vec<_>>(), [Cutoff(77), Cutoff(77), Cutoff::ALWAYS]);
    let page = stage.store.log_after(1, 0, 9).await.unwrap().unwrap();
    assert_eq!(page, Page { epoch: 1, after: 0, chain: genesis(1), rules, head: None });

    // One that was over and swept before its number came takes nobody with it.
    let late = load(&stage.store, 9).await;
    stage.clock.advance(UNTIL);
    stage.store.sweep(10).await.unwrap();
    let mut made = append(late.state.at, vec![entry(3, 9)]);
    made.rows = vec![Numbered { row: late.waiting[0].row, seq: 3, cutoff: Cutoff::ALWAYS }];
    assert!(stage.store.append(made).await.unwrap());
}

/// Of 64 that append at the same place, in two processes, one does.
pub async fn feed_append_64_at_once(stage: Stage) {
    begin(&stage).await;
    let stores = [Arc::clone(&stage.store), stage.another()];
    let at = load(&stage.store, 1).await.state.at;
    let done = at_once(64, |i| {
        let (store, made) = (Arc::clone(&stores[i % 2]), append(at, vec![entry(i as u64 + 1, 9)]));
        async move { store.append(made).await.unwrap() }
    })
    .await;
    let winner = done.iter().position(|&won| won).unwrap();
    assert_eq!(done.iter().filter(|&&won| won).count(), 1);
    let page = stores[1].log_after(1, 0, 9).await.unwrap().unwrap();
    assert_eq!(page.rules, [entry(winner as u64 + 1, 9)]);
    assert_eq!(load(&stores[1], 1).await.state.at.chain, page.end_chain());
}

/// A block is there when its last rule is, and the log reads the same across it.
pub async fn feed_blocks(stage: Stage) {
    begin(&stage).await;
    let mut all = fill(&stage, BLOCK - 1, 50).await;
    assert!(stage.store.block(1, 0).await.unwrap().is_none(), "one is missing");
    all.extend(fill(&stage, 1, 60).await);
    let first = stage.store.block(1, 0).await.unwrap().unwrap();
    assert_eq!((first.after, first.chain, &first.rules), (0, genesis(1), &all));
    all.extend(fill(&stage, 1, 50).await);
    // Over the end of two blocks at once.
    all.extend(fill(&stage, 2 * BLOCK, 50).await);
    let end = load(&stage.store, 1).await.state.at;
    assert_eq!(end, Position { epoch: 1, seq: 3 * BLOCK + 1, chain: genesis(1).over(&all) });
    for block in 0..3 {
        let page = stage.store.block(1, block).await.unwrap().unwrap();
        let (from, to) = (usize_of(block * BLOCK), usize_of((block + 1) * BLOCK));
        assert_eq!(page.rules, all[from..to]);
        assert_eq!((page.after, page.chain), (block * BLOCK, genesis(1).over(&all[..from])));
    }
    assert!(stage.store.block(1, 3).await.unwrap().is_none());
    assert!(stage.store.block(1, u64::MAX).await.unwrap().is_none());
    assert!(stage.store.block(2, 0).await.unwrap().is_none());

    // Read on from anywhere, in steps of any size.
    for most in [1_000, 5_000] {
        let mut read = Vec::new();
        while read.len() < all.len() {
            let after = u64::try_from(read.len()).unwrap();
            let page = stage.store.log_after(1, after, most).await.unwrap().unwrap();
            assert_eq!((page.after, page.chain), (after, genesis(1).over(&all[..read.len()])));
            assert!((1..=most).contains(&page.rules.len()));
            read.extend(page.rules);
        }
        assert_eq!(read, all);
    }
    assert!(stage.store.log_after(1, end.seq, 9).await.unwrap().unwrap().rules.is_empty());
    for (epoch, after) in [(1, end.seq + 1), (1, u64::MAX), (2, 0)] {
        assert!(stage.store.log_after(epoch, after, 9).await.unwrap().is_none());
    }
}

fn usize_of(n: u64) -> usize {
    usize::try_from(n).unwrap()
}

/// A block goes when all its rules are over and the older of the snapshots has what it held.
pub async fn feed_blocks_swept(stage: Stage) {
    begin(&stage).await;
    let end = u32::try_from(stage.clock.now().seconds()).unwrap() + 100;
    fill(&stage, BLOCK - 1, end - 50).await;
    fill(&stage, 1, end).await;
    fill(&stage, BLOCK, end + 500).await;
    let there = async |block| stage.store.block(1, block).await.unwrap().is_some();
    let snapshot = async |seq| {
        stage.store.save_snapshot(1, seq, Chain([7; 32]), vec![1]).await.unwrap();
    };
    // A verifier may be behind by its leeway.
    stage.clock.advance_seconds(100 + u64::try_from(countersign_feed::rule::LINGER).unwrap());
    stage.store.sweep(10).await.unwrap();
    assert!(there(0).await, "nothing else has it");
    snapshot(BLOCK - 1).await;
    stage.store.sweep(10).await.unwrap();
    assert!(there(0).await, "one rule is in no snapshot");
    snapshot(2 * BLOCK - 1).await;
    stage.store.sweep(10).await.unwrap();
    assert!(there(0).await, "the older snapshot leads to it");
    snapshot(2 * BLOCK).await;
    stage.store.sweep(10).await.unwrap();
    assert!(!there(0).await && there(1).await, "the other one has rules that live");
    assert!(stage.store.log_after(1, 5, 9).await.unwrap().is_none());
    assert!(stage.store.log_after(1, BLOCK, 9).await.unwrap().is_some());
}

/// The two newest snapshots are kept; one that is no news is not.
pub async fn feed_snapshots(stage: Stage) {
    begin(&stage).await;
    fill(&stage, 30, 9).await;
    let save = async |epoch, seq, body: u8| {
        stage.store.save_snapshot(epoch, seq, Chain([body; 32]), vec![body]).await.unwrap()
    };
    assert!(save(1, 10, 1).await);
    assert!(!save(1, 10, 2).await, "another node was first");
    assert!(!save(1, 9, 2).await && !save(2, 20, 2).await && !save(1, 31, 2).await);
    assert!(save(1, 20, 2).await && save(1, 30, 3).await);
    assert_eq!(load(&stage.store, 1).await.state.snapshot, Some((30, Chain([3; 32]))));
    let body = async |epoch, seq| stage.store.snapshot(epoch, seq).await.unwrap();
    assert_eq!(body(1, 30).await.unwrap()[..], [3]);
    assert_eq!(body(1, 20).await.unwrap()[..], [2]);
    assert!(body(1, 10).await.is_none() && body(2, 30).await.is_none() && body(1, u64::MAX).await.is_none());
}

/// A new epoch: an empty log, every live rule waiting, and everything revoked if that was asked.
pub async fn feed_epochs(stage: Stage) {
    begin(&stage).await;
    revoke(&stage, "a").await;
    fill(&stage, BLOCK + 3, 9).await;
    let before = load(&stage.store, 9).await;
    let mut made = append(before.state.at, vec![entry(1, 9)]);
    made.rows = vec![Numbered { row: before.waiting[0].row, seq: made.end().seq, cutoff: Cutoff(5) }];
    assert!(stage.store.append(made.clone()).await.unwrap());
    stage.store.save_snapshot(1, 5, Chain([7; 32]), vec![1]).await.unwrap();
    let (seen, store_epoch) = (made.end(), stage.store.epoch().await.unwrap());

    let change = || event(EventKind::Revoked);
    let begin = async |seen, epoch, everything| {
        stage.store.begin_epoch(seen, epoch, genesis(epoch), everything, change()).await.unwrap()
    };
    assert!(!begin(before.state.at, 2, None).await, "the log went on");
    assert!(!begin(seen, 1, None).await, "no later epoch");
    assert!(begin(seen, 5, None).await);
    let after = load(&stage.store, 9).await;
    assert_eq!(after.state.at, Position { epoch: 5, seq: 0, chain: genesis(5) });
    assert_eq!(after.state.snapshot, None);
    assert_eq!(after.waiting.len(), 1);
    assert_eq!(
        (after.waiting[0].rule.cutoff, after.waiting[0].written_at),
        (Cutoff(5), None),
        "final as published"
    );
    assert!(
        stage.store.block(5, 0).await.unwrap().is_none() && stage.store.block(1, 0).await.unwrap().is_none()
    );
    assert!(stage.store.log_after(5, 0, 9).await.unwrap().unwrap().rules.is_empty());
    assert_eq!(stage.store.epoch().await.unwrap(), store_epoch);

    let now = stage.clock.advance_seconds(10);
    assert!(begin(after.state.at, 6, Some(("https://id.example".to_owned(), UNTIL))).await);
    let rule = load(&stage.store, 9).await.waiting.pop().unwrap();
    assert_eq!((rule.rule.kind, rule.rule.cutoff), (RuleKind::Iss, Cutoff(now.seconds() + 2)));
    assert_eq!((rule.rule.until, rule.written_at), (now + UNTIL, Some(now)));
    assert!(stage.store.epoch().await.unwrap() > store_epoch, "refresh tokens ahead of the store are healed");
}

/// The last word of each verifier, with when it first said that; forgotten after a day.
pub async fn feed_acknowledged(stage: Stage) {
    let start = stage.clock.now();
    let ack = |verifier: &str, seq, at| Acknowledged {
        client: ClientId::from_stored("svc"),
        verifier: verifier.to_owned(),
        epoch: 1,
        seq,
        reached_at: at,
        seen_at: at,
        hard: 60,
        modes: vec!["closed".to_owned(), "open".to_owned()],
    };
    let later = |s| start + Duration::from_secs(s);
    let say = async |acks| stage.store.acknowledge(acks).await.unwrap();
    say(vec![ack("a", 5, start), ack("b", 4, start)]).await;
    say(vec![ack("a", 5, later(5)), ack("b", 6, later(5))]).await;
    say(vec![ack("b", 1, later(1))]).await;
    let mut read = stage.store.verifiers(start).await.unwrap().it;
    read.sort_by(|a, b| a.verifier.cmp(&b.verifier));
    let kept = Acknowledged { reached_at: start, ..ack("a", 5, later(5)) };
    assert_eq!(read, [kept, ack("b", 6, later(5))], "an older word does not count");
    assert!(stage.store.verifiers(later(6)).await.unwrap().it.is_empty());
    stage.clock.set(later(24 * 3600 + 4));
    assert_eq!(stage.store.sweep(10).await.unwrap(), 0);
    stage.clock.advance_seconds(1);
    assert_eq!(stage.store.sweep(10).await.unwrap(), 2);
}

/// One client that makes up names fills no disk, and keeps nobody else out.
pub async fn feed_acknowledged_by_too_many(stage: Stage) {
    let now = stage.clock.now();
    let ack = |client: &str, n: usize| Acknowledged {
        client: ClientId::from_stored(client),
        verifier: n.to_string(),
        epoch: 1,
        seq: 1,
        reached_at: now,
        seen_at: now,
        hard: 60,
        modes: Vec::new(),
    };
    stage.store.acknowledge((0..6_000).map(|n| ack("one", n)).collect()).await.unwrap();
    let more = (5_990..12_000).map(|n| ack("one", n)).chain([ack("two", 1)]);
    stage.store.acknowledge(more.collect()).await.unwrap();
    let kept = stage.store.verifiers(now).await.unwrap().it;
    let of = |client: &str| kept.iter().filter(|v| v.client.as_str() == client).count();
    assert_eq!((of("one"), of("two")), (10_000, 1));
}

/// A rule lives as long as any token can that was made under today's life or a longer one of before.
pub async fn feed_token_life(stage: Stage) {
    let store = &stage.store;
    let (short, long) = (Duration::from_secs(60), Duration::from_secs(7_200));
    let written = async |id: &str| {
        let revoked = event(EventKind::Revoked);
        store.revoke_before_now(RuleKind::Cid, id, short, revoked).await.unwrap().until
    };
    let start = stage.clock.now();
    assert_eq!(written("a").await, start + short, "nothing is known of tokens");
    store.token_life(long, false).await.unwrap();
    assert_eq!(written("b").await, start + long);
    store.token_life(short, false).await.unwrap();
    assert_eq!(written("c").await, start + long, "others may still make long ones");
    let lowered = stage.clock.advance_seconds(100);
    store.token_life(short, true).await.unwrap();
    assert_eq!(written("d").await, lowered + long, "the last long one may be from now");
    stage.clock.advance_seconds(7_000);
    assert_eq!(written("e").await, lowered + long);
    let now = stage.clock.advance_seconds(200);
    assert_eq!(written("f").await, now + short, "it is dead");
    let (jti, until) = ("one", now + Duration::from_secs(5));
    let rule = store.revoke_token(jti, None, until, event(EventKind::TokenRevoked)).await.unwrap();
    assert_eq!(rule.until, until, "of one token the end is known");
}
