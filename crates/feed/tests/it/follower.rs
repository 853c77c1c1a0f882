use crate::issuer::{Issuer, SALT, at, key, rule, token};
use countersign_feed::follower::{MOST_HEADS, SNAPSHOT_SAVES};
use countersign_feed::{Follower, Head, Kind, Need, Page, Pins, Refused, Salt, View};
use countersign_token::{Timestamp, VerifyError};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn seconds(n: i64) -> (Timestamp, Duration) {
    (at(n), SECOND * u32::try_from(n).unwrap())
}

fn revoked(view: &View, session: u64) -> bool {
    view.covers(&token(&SALT, session), 1, |salt| token(salt, session)).is_some()
}

fn take_head(follower: &mut Follower, jws: &str, now: i64) -> Result<(), Refused> {
    let (wall, elapsed) = seconds(now);
    follower.head(jws, wall, elapsed)
}

fn take_page(follower: &mut Follower, page: Page, now: i64) -> Result<(), Refused> {
    let (wall, elapsed) = seconds(now);
    follower.page(page, wall, elapsed)
}

fn followed(issuer: &Issuer) -> Follower {
    let mut follower = Follower::new(issuer.pins());
    take_page(&mut follower, issuer.tail(0, at(0)), 0).unwrap();
    follower
}

fn log(epoch: u64, after: u64) -> Need {
    Need::Log { epoch, after }
}

#[test]
fn head_before_page_and_page_before_head() {
    let mut issuer = Issuer::new();
    issuer.add(10);
    let mut follower = Follower::new(issuer.pins());
    let view = follower.view();
    assert_eq!((follower.need(), view.salt(), view.age(SECOND)), (Need::Head, None, None));
    take_head(&mut follower, &issuer.head(at(0)), 1).unwrap();
    assert_eq!(follower.need(), log(1, 0));
    assert_eq!((view.salt(), view.age(SECOND)), (Some(SALT), None));
    take_page(&mut follower, issuer.page(0, 4), 2).unwrap();
    assert!(!revoked(&view, 1), "not proven yet");
    assert_eq!(follower.need(), log(1, 4));
    take_page(&mut follower, issuer.page(2, 10), 3).unwrap();
    assert_eq!(follower.need(), Need::Nothing);
    assert!((1..=10).all(|session| revoked(&view, session)));
    assert!(!revoked(&view, 11));
    // As old as at its receipt, and what passed since, however late the rules came.
    assert_eq!(view.age(SECOND * 5), Some(SECOND * 5));
    assert_eq!(view.status().rules, 10);
    assert_eq!(follower.proven(), Some(&issuer.claims(at(0))));

    issuer.add(5);
    take_page(&mut follower, issuer.page(10, 15), 6).unwrap();
    assert!(!revoked(&view, 12));
    assert_eq!(follower.need(), Need::Nothing, "no head asks for more");
    take_head(&mut follower, &issuer.head(at(6)), 6).unwrap();
    assert!(revoked(&view, 15));
    assert_eq!(view.age(SECOND * 6), Some(Duration::ZERO));
}

#[test]
fn only_later_heads_count() {
    let mut issuer = Issuer::new();
    issuer.add(3);
    let mut follower = followed(&issuer);
    let first = issuer.head(at(0));
    assert_eq!(take_head(&mut follower, &first, 1), Err(Refused::Old));
    let older = issuer.claims_at(2, at(1)).sign(&issuer.key).unwrap();
    assert_eq!(take_head(&mut follower, &older, 1), Err(Refused::Old));
    take_head(&mut follower, &issuer.head(at(2)), 3).unwrap();
    assert_eq!(take_head(&mut follower, &issuer.head(at(1)), 3), Err(Refused::Old));
    // Delayed for 20 s: its age says so.
    take_head(&mut follower, &issuer.head(at(3)), 23).unwrap();
    assert_eq!(follower.view().age(SECOND * 25), Some(SECOND * 22));
}

#[test]
fn heads_that_are_not_believed() {
    let mut issuer = Issuer::new();
    issuer.add(1);
    let mut follower = followed(&issuer);
    let forged = issuer.claims(at(1)).sign(&key().with_kid(issuer.key.kid())).unwrap();
    assert!(matches!(take_head(&mut follower, &forged, 1), Err(Refused::Head(_))));
    let refused = |head: Head, follower: &mut Follower| {
        take_head(follower, &head.sign(&issuer.key).unwrap(), 10).unwrap_err()
    };
    let good = issuer.claims(at(9));
    let other = Head { feed: countersign_feed::head::FeedId([8; 16]), ..good.clone() };
    assert_eq!(refused(other, &mut follower), Refused::OtherFeed);
    let ahead = issuer.claims(at(16));
    assert_eq!(refused(ahead, &mut follower), Refused::Ahead(SECOND * 6));
    let over = Head { exp: at(4).seconds(), ..good.clone() };
    assert!(matches!(refused(over, &mut follower), Refused::Head(VerifyError { .. })));
    let salted = Head { salt: Salt([1; 16]), ..good.clone() };
    assert!(matches!(refused(salted, &mut follower), Refused::Unproven(_)));
    assert_eq!(follower.proven().unwrap().as_of, at(0).millis());
    take_head(&mut follower, &issuer.head(at(15)), 10).unwrap();
}

#[test]
fn a_forger_neither_denies_nor_blocks() {
    let mut issuer = Issuer::new();
    issuer.add(20);
    let mut forger = Issuer::new();
    forger.rules = issuer.rules[..5].to_vec();
    forger.rules.extend((100..120).map(|n| rule(Kind::Sid, n)));
    let mut follower = Follower::new(issuer.pins());
    let head = issuer.head(at(0));
    // Forged rules first: the head does not cover them.
    take_page(&mut follower, forger.page(0, 25), 0).unwrap();
    assert!(matches!(take_head(&mut follower, &head, 0), Ok(())));
    assert_eq!(follower.need(), log(1, 0));
    // Then a forged run between the honest ones.
    take_page(&mut follower, issuer.page(0, 5), 0).unwrap();
    take_page(&mut follower, forger.page(5, 10), 0).unwrap();
    assert!(take_page(&mut follower, issuer.page(10, 20), 0).is_err());
    assert_eq!(follower.need(), log(1, 0));
    take_page(&mut follower, forger.page(0, 10), 0).unwrap();
    take_page(&mut follower, issuer.page(0, 20), 0).unwrap();
    let view = follower.view();
    assert_eq!(follower.need(), Need::Nothing);
    assert!((1..=20).all(|session| revoked(&view, session)));
    assert!((100..120).all(|session| !revoked(&view, session)));
    assert!(take_page(&mut follower, forger.page(4, 10), 0).is_ok(), "all of it is proven otherwise");
    assert!(take_page(&mut follower, forger.page(4, 25), 0).is_err());
    assert!(!view.status().forked);
}

#[test]
fn the_head_next_to_be_proven_is_not_pushed_out() {
    let mut issuer = Issuer::new();
    let mut follower = Follower::new(issuer.pins());
    for n in 0..3 * i64::try_from(MOST_HEADS).unwrap() {
        issuer.add(1);
        take_head(&mut follower, &issuer.head(at(n)), n).unwrap();
    }
    take_page(&mut follower, issuer.page(0, 3), 30).unwrap();
    assert_eq!(follower.proven().unwrap().seq, 3);
    take_page(&mut follower, issuer.page(3, issuer.rules.len()), 30).unwrap();
    assert_eq!(follower.need(), Need::Nothing);
}

#[test]
fn another_log_under_the_same_key_is_a_fork_until_a_later_epoch() {
    let mut issuer = Issuer::new();
    issuer.add(10);
    let mut other = Issuer { key: key(), ..Issuer::new() };
    other.rules = issuer.rules[..9].to_vec();
    other.rules.push(rule(Kind::Sid, 77));
    let signed = |log: &Issuer, now| log.claims(at(now)).sign(&issuer.key).unwrap();

    // The same number, another chain.
    let mut follower = followed(&issuer);
    assert_eq!(take_head(&mut follower, &signed(&other, 1), 1), Err(Refused::Fork));
    assert_eq!(take_head(&mut follower, &issuer.head(at(2)), 2), Err(Refused::Fork));
    assert!(follower.view().status().forked);
    assert_eq!(follower.need(), Need::Head);
    assert!(revoked(&follower.view(), 10), "what was known stays");
    assert_eq!(follower.view().age(SECOND * 3), Some(SECOND * 3), "and is as old as it is");
    other.epoch = 2;
    take_head(&mut follower, &signed(&other, 3), 3).unwrap();
    take_page(&mut follower, other.page(0, 10), 3).unwrap();
    assert!(!follower.view().status().forked);
    assert!(revoked(&follower.view(), 10) && revoked(&follower.view(), 77));
    other.epoch = 1;

    // A longer one that parts before what is proven: its page and its head together show it.
    other.rules.push(rule(Kind::Sid, 78));
    let mut follower = followed(&issuer);
    take_head(&mut follower, &signed(&other, 1), 1).unwrap();
    assert_eq!(follower.need(), log(1, 10));
    assert_eq!(take_page(&mut follower, other.page(10, 11), 1), Err(Refused::Fork));
    // And without the signed head it is a forgery.
    let mut follower = followed(&issuer);
    assert!(matches!(take_page(&mut follower, other.page(10, 11), 1), Err(Refused::Unproven(_))));
    take_head(&mut follower, &issuer.head(at(2)), 2).unwrap();
}

#[test]
fn a_new_epoch_takes_nothing_back() {
    let mut issuer = Issuer::new();
    issuer.add(10);
    let mut follower = followed(&issuer);
    let view = follower.view();
    let mut restored = Issuer { epoch: 2, salt: Salt([3; 16]), ..Issuer::new() };
    let signed = |log: &Issuer, now| log.claims(at(now)).sign(&issuer.key).unwrap();
    restored.rules = (1..=4).map(|n| named(&restored.salt, n)).collect();
    // A page before the head of its epoch is not lost.
    take_page(&mut follower, restored.page(0, 4), 1).unwrap();
    take_head(&mut follower, &signed(&restored, 2), 3).unwrap();
    assert_eq!(follower.need(), Need::Nothing);
    assert_eq!(view.salt(), Some(restored.salt));
    assert!((1..=10).all(|session| revoked(&view, session)));
    assert_eq!((view.status().epochs, view.status().rules), (2, 14));
    assert_eq!(take_head(&mut follower, &issuer.head(at(4)), 4), Err(Refused::Old));
    assert!(take_page(&mut follower, issuer.page(0, 10), 4).is_err());
    // Names under the new salt find the old epoch's rules, and old names the new one's.
    let names = token(&restored.salt, 3);
    assert_eq!(view.covers(&names, 1, |salt| token(salt, 3)).unwrap().epoch, 2);
    assert_eq!(view.covers(&token(&SALT, 3), 1, |salt| token(salt, 3)).unwrap().epoch, 2);
    assert_eq!(view.covers(&token(&restored.salt, 9), 1, |salt| token(salt, 9)).unwrap().epoch, 1);
    // Both clocks must say that they are over.
    follower.expire(at(5_000));
    assert_eq!(view.status().rules, 14);
    take_head(&mut follower, &signed(&restored, 5_000), 5_000).unwrap();
    follower.expire(at(100));
    assert_eq!(view.status().rules, 14);
    follower.expire(at(5_000));
    assert_eq!((view.status().rules, view.status().epochs), (0, 1));
}

fn named(salt: &Salt, session: u64) -> countersign_feed::Rule {
    let sid = token(salt, session).sid.unwrap();
    countersign_feed::Rule { h: sid, ..rule(Kind::Sid, session) }
}

#[test]
fn a_snapshot_instead_of_a_long_log() {
    let mut issuer = Issuer::new();
    issuer.add(SNAPSHOT_SAVES + 10);
    let seq = usize::try_from(SNAPSHOT_SAVES).unwrap();
    issuer.make_snapshot(seq);
    let (named, bytes) = issuer.snap.clone().unwrap();
    let mut follower = Follower::new(issuer.pins());
    assert!(matches!(follower.snapshot(&bytes), Err(Refused::Unproven(_))), "no head names it");
    take_head(&mut follower, &issuer.head(at(0)), 0).unwrap();
    assert_eq!(follower.need(), Need::Snapshot(named));
    let mut altered = bytes.clone();
    altered[80] ^= 1;
    assert!(matches!(follower.snapshot(&altered), Err(Refused::Unproven(_))));
    assert_eq!(follower.view().status().rules, 0);
    follower.snapshot(&bytes).unwrap();
    assert_eq!(follower.need(), log(1, SNAPSHOT_SAVES));
    assert_eq!(follower.view().age(SECOND), None, "not complete yet");
    take_page(&mut follower, issuer.page(seq, seq + 10), 1).unwrap();
    assert_eq!(follower.need(), Need::Nothing);
    assert_eq!(follower.view().status().rules, seq + 10);
    assert!(revoked(&follower.view(), 1));
}

#[test]
fn a_snapshot_when_the_log_is_gone() {
    let mut issuer = Issuer::new();
    issuer.add(20);
    issuer.make_snapshot(20);
    let (named, bytes) = issuer.snap.clone().unwrap();
    let mut follower = Follower::new(issuer.pins());
    take_head(&mut follower, &issuer.head(at(0)), 0).unwrap();
    assert_eq!(follower.need(), log(1, 0));
    follower.gone();
    assert_eq!(follower.need(), Need::Snapshot(named));
    follower.snapshot(&bytes).unwrap();
    assert_eq!(follower.need(), Need::Nothing);
    assert_eq!(follower.view().age(SECOND), Some(SECOND));
}

#[test]
fn hints_count_at_once_and_once() {
    let mut issuer = Issuer::new();
    issuer.add(2);
    let mut follower = followed(&issuer);
    let view = follower.view();
    issuer.add(2);
    let hint = Page {
        epoch: 0,
        after: 0,
        chain: countersign_feed::Chain([0; 32]),
        rules: issuer.rules[1..].to_vec(),
        head: None,
    };
    let before = view.age(SECOND);
    follower.hint(&hint);
    follower.hint(&hint);
    assert!(revoked(&view, 3) && revoked(&view, 4));
    assert_eq!((view.status().rules, view.status().hints), (4, 2));
    assert_eq!((view.age(SECOND), follower.need()), (before, Need::Nothing));
    take_page(&mut follower, issuer.tail(2, at(1)), 1).unwrap();
    assert_eq!((view.status().rules, view.status().hints), (4, 0));
    assert!(revoked(&view, 3) && revoked(&view, 4));
}

#[test]
fn only_announced_keys_are_pinned() {
    let mut issuer = Issuer::new();
    let mut follower = followed(&issuer);
    let next = key();
    let both =
        || Pins::new(crate::issuer::ISSUER, &[next.public_jwk().unwrap(), issuer.key.public_jwk().unwrap()]);
    let by_next = |log: &Issuer, now| log.claims(at(now)).sign(&next).unwrap();
    let both = both();
    follower.pin(&both);
    assert!(!follower.may_pin(next.kid()));
    assert!(take_head(&mut follower, &by_next(&issuer, 1), 1).is_err());
    issuer.next_key = Some(next.kid().to_owned());
    take_head(&mut follower, &issuer.head(at(2)), 2).unwrap();
    assert!(follower.may_pin(next.kid()));
    assert!(take_head(&mut follower, &by_next(&issuer, 3), 3).is_err(), "announced is not yet pinned");
    follower.pin(&both);
    take_head(&mut follower, &by_next(&issuer, 3), 3).unwrap();
    take_head(&mut follower, &issuer.head(at(4)), 4).unwrap();
    // Nothing but strangers: nothing changes.
    follower.pin(&Pins::new(crate::issuer::ISSUER, &[key().public_jwk().unwrap()]));
    take_head(&mut follower, &issuer.head(at(5)), 5).unwrap();
}
