//! A relay that misbehaves: it may keep news back, and then age shows; it can never make a revoked token good.

use crate::feed::{outcome, seen};
use crate::feed_server::{Feed, feed_key};
use crate::issuer::{Issuer, key};
use countersign_feed::stream::Event;
use countersign_feed::{Kind, Page};
use std::time::Duration;

/// What the relay does from the revocation on. It gets the issuer, itself, and the head of before.
type Misdeed = fn(&Issuer, &Feed, &str);

const MISDEEDS: [(&str, Misdeed); 17] = [
    ("drops the rules", |issuer, relay, _| {
        // The true newest head, and none of the rules below it.
        let (head, empty) = (issuer.feed.newest(), relay.lock().log.page(0, 0).bytes());
        relay.push(&Event::Head(head.clone()));
        relay.knob(|knobs| (knobs.head, knobs.page) = (Some(head), Some(empty)));
    }),
    ("drops everything", |_, relay, _| relay.knob(|knobs| knobs.mute = vec!["/rev"])),
    ("replays the head of before", |_, relay, old| {
        (0..3).for_each(|_| relay.push(&Event::Head(old.to_owned())));
        relay.knob(|knobs| knobs.head = Some(old.to_owned()));
    }),
    ("truncates pages", |issuer, relay, _| {
        let mut page = issuer.feed.lock().log.page(0, 1).bytes();
        page.truncate(page.len() - 5);
        relay.push(&Event::Rules(page.clone()));
        relay.knob(|knobs| (knobs.head, knobs.page) = (Some(issuer.feed.newest()), Some(page)));
    }),
    ("leaves rules out of a page", |issuer, relay, _| {
        let head = issuer.feed.newest();
        let page = Page { rules: Vec::new(), head: Some(head.clone()), ..issuer.feed.lock().log.page(0, 1) };
        relay.push(&Event::Rules(page.bytes()));
        relay.push(&Event::Head(head.clone()));
        relay.knob(|knobs| (knobs.head, knobs.page) = (Some(head), Some(page.bytes())));
    }),
    ("changes a rule", |issuer, relay, _| {
        let head = issuer.feed.newest();
        let mut page = issuer.feed.lock().log.page(0, 1);
        page.rules[0].h ^= 1;
        relay.push(&Event::Rules(page.bytes()));
        relay.push(&Event::Head(head.clone()));
        page.head = Some(head.clone());
        relay.knob(|knobs| (knobs.head, knobs.page) = (Some(head), Some(page.bytes())));
    }),
    ("signs heads itself", |_, relay, _| relay.beat()),
    ("changes a head", |issuer, relay, _| {
        let mut head = issuer.feed.newest();
        head.replace_range(60..61, if head.get(60..61) == Some("A") { "B" } else { "A" });
        relay.push(&Event::Head(head.clone()));
        relay.knob(|knobs| knobs.head = Some(head));
    }),
    ("sends a head of another feed", |issuer, relay, _| {
        issuer.feed.lock().log.feed.0[0] ^= 1;
        let other = issuer.feed.newest();
        issuer.feed.lock().log.feed.0[0] ^= 1;
        relay.push(&Event::Head(other.clone()));
        relay.knob(|knobs| knobs.head = Some(other));
    }),
    ("forges a snapshot", |issuer, relay, _| {
        relay.lock().log.make_snapshot("https://relay.example");
        let mut snapshot = relay.lock().log.snap.clone().unwrap().1;
        snapshot.pop();
        let head = issuer.feed.newest();
        let empty = Page { head: Some(head.clone()), ..issuer.feed.lock().log.page(1, 1) };
        relay.knob(|knobs| {
            (knobs.head, knobs.page, knobs.snapshot) = (Some(head), Some(empty.bytes()), Some(snapshot));
        });
    }),
    ("stalls in the middle of an event", |issuer, relay, _| {
        let event = Event::Head(issuer.feed.newest()).text().into_bytes();
        relay.raw(event[..event.len() / 2].to_vec());
        relay.knob(|knobs| knobs.greeting = Some(b"event: head\ndata: e".to_vec()));
    }),
    ("sends an event without end", |_, relay, _| {
        relay.raw([b"data: ".to_vec(), vec![b'x'; 3 * 1024 * 1024]].concat());
    }),
    ("sends bytes that say nothing", |_, relay, _| {
        (0..100).for_each(|_| relay.raw(b":\n\n".to_vec()));
        relay.knob(|knobs| knobs.greeting = Some(b":\n\n".to_vec()));
    }),
    ("sends garbage", |_, relay, _| {
        relay.raw(b"event: rules\ndata: !!!\n\n".to_vec());
        relay.raw(vec![0xff; 100]);
        relay.knob(|knobs| knobs.head = Some("not a head".to_owned()));
    }),
    ("redirects", |_, relay, _| {
        relay.knob(|knobs| {
            knobs.status = [("/rev", 302)].into();
            knobs.location = Some("http://localhost:1/elsewhere".to_owned());
        });
    }),
    ("answers with errors", |_, relay, _| relay.knob(|knobs| knobs.status = [("/rev", 500)].into())),
    ("answers far too much", |_, relay, _| {
        relay.knob(|knobs| {
            knobs.head = Some("x".repeat(1024 * 1024));
            knobs.page = Some(vec![0; 4 * 1024 * 1024]);
        });
    }),
];

#[tokio::test]
async fn whatever_a_relay_does_a_fresh_verifier_accepts_no_revoked_token() {
    let cases = MISDEEDS.map(|(name, misdeed)| tokio::spawn(survives(name, misdeed)));
    for case in cases {
        case.await.unwrap();
    }
}

async fn survives(name: &'static str, misdeed: Misdeed) {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let relay = issuer.feed.relay().await;
    for feed in [&issuer.feed, &relay] {
        feed.lock().log.heartbeat_ms = 20;
    }
    let builder = issuer.builder().feed_relay(&relay.url).timeout(Duration::from_millis(300));
    let verifier = builder.cooldown(Duration::ZERO).build().unwrap();
    let token = issuer.token(&key);
    assert_eq!(outcome(&verifier, &token).await, "accepted", "{name}");
    relay.streaming().await;

    let old = relay.newest();
    issuer.clock.pass(1);
    issuer.feed.revoke(Kind::Jti, "j1");
    // From now on it signs with a key of its own: what else it has was signed by the issuer.
    relay.lock().log.key = feed_key();
    misdeed(&issuer, &relay, &old);
    // It came back and asked again: whatever was sent before has been taken.
    let before = relay.hits("/rev/head");
    let asked = tokio::time::timeout(Duration::from_secs(60), async {
        while relay.hits("/rev/head") < before + 2 {
            tokio::task::yield_now().await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("{name}: it never asks again"));
    assert_ne!(outcome(&verifier, &token).await, "revoked", "{name}: how does it know?");
    issuer.clock.pass(60);
    assert_eq!(outcome(&verifier, &token).await, "stale", "{name}");

    // As soon as the relay behaves, all is well, and the token is known to be revoked.
    {
        let (mut there, here) = (relay.lock(), issuer.feed.lock());
        there.knobs = crate::feed_server::Knobs::default();
        let bytes = here.log.key.private_bytes();
        there.log.key =
            countersign_token::SigningKey::from_private_bytes(here.log.key.algorithm(), &bytes).unwrap();
        there.log.feed = here.log.feed;
        there.log.snap = None;
        there.log.rules.clone_from(&here.log.rules);
    }
    relay.beat();
    seen(&verifier, |now| now.seq == 1).await;
    assert_eq!(outcome(&verifier, &token).await, "revoked", "{name}");
}

#[tokio::test]
async fn order_and_repetition_do_not_matter() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let relay = issuer.feed.relay().await;
    let verifier = issuer.builder().feed_relay(&relay.url).build().unwrap();
    verifier.ready().await.unwrap();
    relay.streaming().await;
    let log = |n: usize| {
        let mut inner = issuer.feed.lock();
        let rule = inner.log.rule(Kind::Jti, &format!("j{n}"));
        inner.log.rules.push(rule);
        let end = inner.log.rules.len();
        Event::Rules(inner.log.page(end - 1, end).bytes())
    };
    issuer.clock.pass(1);
    let pages: Vec<Event> = (1..=5).map(log).collect();
    let head = Event::Head(issuer.feed.newest());
    // The head first, then the rules backwards, twice.
    relay.push(&head);
    for page in pages.iter().rev().chain(&pages).chain([&head, &head]) {
        relay.push(page);
    }
    seen(&verifier, |now| now.seq == 5).await;
    assert_eq!(outcome(&verifier, &issuer.token(&key)).await, "revoked");
}

#[tokio::test]
async fn what_was_proven_is_not_rolled_back() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let relay = issuer.feed.relay().await;
    let verifier = issuer.builder().feed_relay(&relay.url).build().unwrap();
    verifier.ready().await.unwrap();
    relay.streaming().await;
    let old = relay.newest();
    issuer.clock.pass(1);
    let seq = relay.revoke(Kind::Jti, "j1");
    seen(&verifier, |now| now.seq == seq).await;
    relay.push(&Event::Head(old));
    issuer.clock.pass(1);
    let later = relay.revoke(Kind::Jti, "j2");
    seen(&verifier, |now| now.seq == later).await;
    assert_eq!(outcome(&verifier, &issuer.token(&key)).await, "revoked");
}

#[tokio::test]
async fn delayed_heads_show_as_age() {
    let issuer = Issuer::with_feed(&[&key()]).await;
    let relay = issuer.feed.relay().await;
    let verifier = issuer.builder().feed_relay(&relay.url).build().unwrap();
    verifier.ready().await.unwrap();
    relay.streaming().await;
    issuer.clock.pass(10);
    let rule = relay.lock().log.rule(Kind::Jti, "x");
    relay.lock().log.rules.push(rule);
    let page = relay.lock().log.page(0, 1);
    let head = relay.newest();
    issuer.clock.pass(30);
    relay.push(&Event::Rules(page.bytes()));
    relay.push(&Event::Head(head));
    seen(&verifier, |now| now.seq == 1).await;
    assert_eq!(verifier.status().feed.unwrap().age, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_log_changed_under_its_own_key_counts_no_more() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = crate::feed::following(&issuer).await;
    issuer.clock.pass(1);
    let seq = issuer.feed.revoke(Kind::Jti, "j1");
    seen(&verifier, |now| now.seq == seq).await;
    // The same number, another rule: a store put back without a new epoch.
    issuer.clock.pass(1);
    let other = issuer.feed.lock().log.rule(Kind::Jti, "j2");
    issuer.feed.lock().log.rules = vec![other];
    issuer.feed.beat();
    seen(&verifier, |now| now.forked).await;
    assert_eq!(outcome(&verifier, &issuer.token(&key)).await, "revoked");
    issuer.clock.pass(60);
    assert_eq!(outcome(&verifier, &issuer.token(&key)).await, "stale");
    assert!(verifier.status().feed.unwrap().forked);
}
