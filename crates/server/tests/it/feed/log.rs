//! `GET /rev/log/{epoch}/{block}`, `GET /rev/log?epoch=&from=&wait=`, `GET /rev/snap/{epoch}/{seq}`.

use super::{PATIENCE, is_public, refuses};
use crate::wire::{Answer, get, one};
use crate::world::{World, world};
use countersign_feed::{BLOCK, Chain, Page};
use countersign_issuer::revocation;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn page(answer: &Answer) -> Page {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    is_public(answer);
    Page::read(&answer.body).unwrap()
}

/// A long poll that is on its way: the server has its request when this answers.
async fn waiting(world: &World, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.addr).await.unwrap();
    let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let settled = tokio::time::timeout(Duration::from_millis(200), stream.readable()).await;
    assert!(settled.is_err(), "{path} waits");
    stream
}

async fn answered(mut stream: TcpStream) -> Answer {
    tokio::time::timeout(PATIENCE, one(&mut stream)).await.expect("an answer").unwrap()
}

#[tokio::test]
async fn the_tail_is_enough_to_follow() {
    let world = world().await;
    let mut follower = world.follower().await;
    for jti in ["t1", "t2", "t3"] {
        world.revoke(jti).await;
    }
    let tail = page(&world.send(get("/rev/log?epoch=1&from=0")).await);
    assert_eq!((tail.after, tail.end(), tail.rules.len()), (0, 3, 3));
    follower.page(tail, world.clock.now(), Duration::ZERO).unwrap();
    assert_eq!(follower.proven().map(|head| head.seq), Some(3));
    assert!(refuses(&follower, &world.url(""), "t2") && !refuses(&follower, &world.url(""), "t4"));
    let rest = page(&world.send(get("/rev/log?epoch=1&from=2")).await);
    assert_eq!((rest.after, rest.rules.len()), (2, 1), "from the middle");
}

#[tokio::test]
async fn whoever_has_the_tail_is_told_so() {
    let world = world().await;
    world.revoke("t1").await;
    let first = world.send(get("/rev/log?epoch=1&from=1")).await;
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").unwrap().to_owned();
    let known = get("/rev/log?epoch=1&from=1").with("If-None-Match", &tag);
    let same = world.send(known.clone()).await;
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, Some(tag.as_str())));
    is_public(&same);
    let other = world.send(get("/rev/log?epoch=1&from=0").with("If-None-Match", &tag)).await;
    assert_eq!(other.status, 200, "of another position");
    world.beat().await;
    let fresh = page(&world.send(known.clone()).await);
    assert!(fresh.rules.is_empty() && fresh.head.is_some(), "a later head is news: it proves more");
    world.revoke("t2").await;
    assert_eq!(page(&world.send(known).await).rules.len(), 1);
}

#[tokio::test]
async fn a_long_poll_ends_with_the_revocation() {
    let world = world().await;
    world.revoke("t1").await;
    let poll = waiting(&world, "/rev/log?epoch=1&from=1&wait=25").await;
    let ahead = waiting(&world, "/rev/log?epoch=1&from=2&wait=25").await;
    world.beat().await;
    let done = world.revoke("t2").await;
    let news = page(&answered(poll).await);
    assert_eq!((news.after, news.end(), news.rules.len()), (1, done.seq, 1));
    let done = world.revoke("t3").await;
    assert_eq!(page(&answered(ahead).await).end(), done.seq, "who was ahead of this node waits for more");
    let late = page(&world.send(get("/rev/log?epoch=1&from=3&wait=1")).await);
    assert!(late.rules.is_empty() && late.head.is_some(), "the time is over: where it stands");
}

#[tokio::test]
async fn another_place_than_the_log_has_gets_the_head_and_no_rules() {
    let world = world().await;
    world.revoke("t1").await;
    let head = world.head().await;
    for (epoch, from) in [(0, 0), (2, 0), (7, 99), (1, 99)] {
        let answer = page(&world.send(get(&format!("/rev/log?epoch={epoch}&from={from}"))).await);
        assert_eq!((answer.epoch, answer.after, answer.chain), (head.epoch, head.seq, head.chain));
        assert!(answer.rules.is_empty());
        let signed = world.pins().await.read(&answer.head.unwrap(), world.clock.now()).unwrap();
        assert_eq!(signed.seq, head.seq);
    }
    // Nothing to wait for in another epoch.
    let at_once = page(&world.send(get("/rev/log?epoch=2&from=0&wait=25")).await);
    assert_eq!(at_once.epoch, 1);
}

#[tokio::test]
async fn full_blocks_never_change() {
    let world = world().await;
    let early = world.send(get("/rev/log/1/0")).await;
    assert_eq!((early.status, early.error().as_str()), (404, "not_found"), "not full yet");
    world.append(BLOCK + 3).await;
    let head = world.head().await;
    assert_eq!(head.seq, BLOCK + 3);
    let answer = world.send(get("/rev/log/1/0")).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let block = page(&answer);
    assert_eq!((block.after, block.end(), block.head.as_ref()), (0, BLOCK, None));
    let tail = page(&world.send(get(&format!("/rev/log?epoch=1&from={BLOCK}"))).await);
    assert_eq!(tail.chain, block.end_chain());
    assert_eq!(tail.end_chain(), head.chain);
    world.revoke("more").await;
    assert_eq!(world.send(get("/rev/log/1/0")).await.body, answer.body);
    for path in ["/rev/log/1/1", "/rev/log/2/0", "/rev/log/1/18446744073709551615"] {
        let not_yet = world.send(get(path)).await;
        assert_eq!((not_yet.status, not_yet.error().as_str()), (404, "not_found"), "{path}");
        assert_eq!(not_yet.header("cache-control"), Some("no-store"), "{path}: it may come");
        is_public(&not_yet);
    }
}

#[tokio::test]
async fn an_epoch_that_has_passed_is_gone() {
    let world = world().await;
    world.revoke("t1").await;
    assert!(revocation::check_not_rolled_back(&world.issuer, 1, 1_000).await.unwrap());
    assert_eq!(world.head().await.epoch, 2);
    for path in ["/rev/log/1/0", "/rev/snap/1/1", "/rev/log/0/0"] {
        let gone = world.send(get(path)).await;
        assert_eq!((gone.status, gone.error().as_str()), (410, "gone"), "{path}");
        is_public(&gone);
    }
    let moved = page(&world.send(get("/rev/log?epoch=1&from=1")).await);
    assert_eq!((moved.epoch, moved.rules.len()), (2, 0));
}

#[tokio::test]
async fn a_snapshot_is_what_the_head_says() {
    let world = world().await;
    let Some(snap) = world.head().await.snap else {
        // None is due at the beginning.
        assert_eq!(world.send(get("/rev/snap/1/1")).await.status, 404);
        return;
    };
    let path = snap.url.strip_prefix(&world.url("")).unwrap();
    let answer = world.send(get(path)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/octet-stream")));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let digest =
        countersign_token::provider::Provider::sha256(&countersign_token::provider::DEFAULT, &answer.body);
    assert_eq!(Chain(digest), snap.sha256);
}
