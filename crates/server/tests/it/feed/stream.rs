//! `GET /rev/stream`.

use super::listener::Listener;
use super::refuses;
use crate::world::{World, world};
use countersign_feed::stream::{COMMENT, Event};
use countersign_feed::{Follower, Need, Page};
use std::time::Duration;

/// Gives a follower what came; the rules of a page.
fn take(world: &World, follower: &mut Follower, event: Event) -> Option<Page> {
    let (wall, elapsed) = (world.clock.now(), Duration::ZERO);
    match event {
        Event::Head(jws) => follower.head(&jws, wall, elapsed).unwrap(),
        Event::Rules(bytes) => {
            let page = Page::read(&bytes).unwrap();
            follower.page(page.clone(), wall, elapsed).unwrap();
            return Some(page);
        }
        other => panic!("{other:?}"),
    }
    None
}

async fn until_proven(world: &World, listener: &mut Listener, follower: &mut Follower, seq: u64) {
    while follower.proven().is_none_or(|head| head.seq < seq) {
        take(world, follower, listener.next().await.expect("the stream goes on"));
    }
}

#[tokio::test]
async fn first_a_head_then_every_revocation_as_it_comes() {
    let world = world().await;
    let mut follower = world.follower().await;
    let mut listener = Listener::open(&world, "/rev/stream", &[]).await.unwrap();
    let first = listener.next().await.unwrap();
    assert!(matches!(first, Event::Head(_)), "{first:?}");
    take(&world, &mut follower, first);
    for n in 1..=3 {
        let jti = format!("t{n}");
        assert!(!refuses(&follower, &world.url(""), &jti));
        let done = world.revoke(&jti).await;
        let page = take(&world, &mut follower, listener.next().await.unwrap()).expect("rules come first");
        assert_eq!((page.end(), page.rules.len(), page.head), (done.seq, 1, None));
        take(&world, &mut follower, listener.next().await.unwrap());
        assert_eq!(follower.proven().map(|head| head.seq), Some(done.seq));
        assert!(refuses(&follower, &world.url(""), &jti));
        assert_eq!(listener.last_id(), Some(format!("{}.{}", done.epoch, done.seq).as_str()));
    }
    assert_eq!(follower.need(), Need::Nothing);
    let before = follower.proven().unwrap().as_of;
    world.beat().await;
    take(&world, &mut follower, listener.next().await.unwrap());
    assert!(follower.proven().unwrap().as_of > before, "time goes on without revocations too");
}

#[tokio::test]
async fn a_reader_that_comes_back_is_sent_what_it_missed() {
    let world = world().await;
    let mut follower = world.follower().await;
    let mut listener = Listener::open(&world, "/rev/stream", &[]).await.unwrap();
    let done = world.revoke("t1").await;
    until_proven(&world, &mut listener, &mut follower, done.seq).await;
    let at = listener.last_id().unwrap().to_owned();
    drop(listener);
    let mut last = done;
    // More than one event holds.
    for n in 2..=1_500 {
        last = world.revoke(&format!("t{n}")).await;
    }
    for open in [("/rev/stream".to_owned(), Some(at.as_str())), (format!("/rev/stream?from={at}"), None)] {
        let mut follower = world.follower().await;
        let mut start = Listener::open(&world, "/rev/stream?from=1.0", &[]).await.unwrap();
        until_proven(&world, &mut start, &mut follower, last.seq).await;
        assert!(refuses(&follower, &world.url(""), "t1"), "the whole log, from its beginning");

        let headers: Vec<_> = open.1.map(|at| ("Last-Event-ID", at)).into_iter().collect();
        let mut back = Listener::open(&world, &open.0, &headers).await.unwrap();
        assert!(matches!(back.next().await, Some(Event::Head(_))));
        let mut had = 1;
        while had < last.seq {
            let Some(Event::Rules(bytes)) = back.next().await else { panic!("rules are due") };
            let page = Page::read(&bytes).unwrap();
            assert_eq!(page.after, had, "nothing twice, nothing left out");
            had = page.end();
        }
        assert_eq!(had, last.seq);
        let done = world.revoke(&format!("live{}", headers.len())).await;
        let Some(Event::Rules(bytes)) = back.next().await else { panic!("live rules are due") };
        assert_eq!(Page::read(&bytes).unwrap().after, last.seq);
        last = done;
    }
}

#[tokio::test]
async fn a_position_nobody_can_serve_gets_the_head_and_goes_on() {
    let world = world().await;
    world.revoke("t1").await;
    for from in ["7.0", "1.99", "0.1"] {
        let mut listener = Listener::open(&world, &format!("/rev/stream?from={from}"), &[]).await.unwrap();
        assert!(matches!(listener.next().await, Some(Event::Head(_))), "{from}");
        world.beat().await;
        assert!(matches!(listener.next().await, Some(Event::Head(_))), "{from}: no rules it cannot join on");
    }
}

#[tokio::test]
async fn changed_keys_are_told() {
    let world = world().await;
    let mut listener = Listener::open(&world, "/rev/stream", &[]).await.unwrap();
    let before = world.head().await.jwks;
    countersign_issuer::keys::rotate(&world.issuer, None, true).await.unwrap();
    world.beat().await;
    let digest = loop {
        match listener.next().await.expect("the stream goes on") {
            Event::Jwks(digest) => break digest,
            Event::Head(_) | Event::Rules(_) => {}
            other => panic!("{other:?}"),
        }
    };
    let now = world.head().await.jwks;
    assert_ne!(now, before);
    assert_eq!(now.map(String::from), Some(digest));
}

#[tokio::test]
async fn a_head_request_opens_nothing() {
    let world = world().await;
    let answer = world.send(crate::wire::Ask::new("HEAD", "/rev/stream")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert!(COMMENT.starts_with(':'));
}
