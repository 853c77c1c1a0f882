//! Clocks that lie: the age of what is known only ever errs on the side of old.

use crate::feed::{following, outcome, seen, seen_fresh};
use crate::issuer::{Issuer, START, key};
use countersign_token::AccessToken;

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
