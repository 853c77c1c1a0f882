//! Clocks that lie: the age of what is known only ever errs on the side of old.

use crate::feed::{following, outcome, seen, seen_fresh};
use crate::issuer::{Issuer, START, key};
use countersign_token::AccessToken;
use std::time::Duration;

#[tokio::test]
async fn a_clock_that_jumps_never_makes_old_knowledge_young() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let token =
        key.sign("at+jwt", &AccessToken { exp: START + 100_000, iat: START - 50_000, ..issuer.claims() });
    let token = token.unwrap();
    let verifier = following(&issuer).await;
    issuer.clock.pass(61);
    // Set back by an hour: the monotonic clock knows better.
    issuer.clock.set_wall(-3600);
    assert_eq!(outcome(&verifier, &token).await, "stale");
    // Put right after a sleep that the monotonic clock did not see: the wall clock knows better.
    issuer.clock.set_wall(0);
    issuer.feed.beat();
    seen_fresh(&verifier).await;
    assert_eq!(outcome(&verifier, &token).await, "accepted");
    issuer.clock.set_wall(3600);
    assert_eq!(outcome(&verifier, &token).await, "stale");
    // Heads from the future are not believed: the issuer is an hour ahead of this machine.
    let head = issuer.feed.newest();
    issuer.clock.set_wall(0);
    issuer.clock.pass(61);
    issuer.feed.push(&countersign_feed::stream::Event::Head(head));
    seen(&verifier, |now| !now.connected).await;
    assert_eq!(outcome(&verifier, &token).await, "stale");
}

/// What a route refuses for, the status says: also within the millisecond of the bound, where a coarse clock
/// may show both the same time.
#[tokio::test]
async fn the_status_says_what_routes_do() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = issuer.builder().max_staleness(Duration::from_millis(1_500)).build().unwrap();
    let token = issuer.token(&key);
    assert_eq!(outcome(&verifier, &token).await, "accepted");
    let age = || verifier.status().feed.unwrap().age.unwrap();
    let bound = Duration::from_millis(1_500);
    for (until, hard, expected) in [
        (bound, false, "accepted"),
        (bound + Duration::from_nanos(1), true, "stale"),
        (bound + Duration::from_micros(999), true, "stale"),
        (bound + Duration::from_millis(1), true, "stale"),
    ] {
        issuer.clock.pass_for(until - age());
        assert_eq!(outcome(&verifier, &token).await, expected, "{until:?}");
        let status = verifier.status().feed.unwrap();
        assert_eq!((status.age, status.hard_exceeded), (Some(until), hard));
    }
    let soft = Duration::from_secs(5);
    for (until, exceeded) in [(soft, false), (soft + Duration::from_nanos(1), true)] {
        issuer.clock.pass_for(until - age());
        assert_eq!(verifier.status().feed.unwrap().soft_exceeded, exceeded, "{until:?}");
    }
}
