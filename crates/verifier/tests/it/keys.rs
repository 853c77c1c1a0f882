//! When keys are fetched, and when not.

use crate::issuer::{Answer, Issuer, JWKS, METADATA, jwks, key};
use countersign_verifier::{Refusal, SourceError};
use futures_util::future::{join, join_all};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::InvalidToken(error) => error.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn concurrent_first_uses_share_one_fetch() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let gate = Arc::new(Semaphore::new(0));
    issuer.answer(JWKS, Answer::Gated(Arc::clone(&gate), jwks(&[&key])));
    let (verifier, token) = (issuer.verifier(), issuer.token(&key));

    // All 64 wait before the gate opens; permits for many fetches would let a second one through.
    let (outcomes, ()) =
        join(join_all((0..64).map(|_| verifier.verify(&token))), async { gate.add_permits(64) }).await;

    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!((issuer.hits(METADATA), issuer.hits(JWKS)), (1, 1));
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cancel_the_fetch() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let gate = Arc::new(Semaphore::new(0));
    issuer.answer(JWKS, Answer::Gated(Arc::clone(&gate), jwks(&[&key])));
    let (verifier, token) = (issuer.verifier(), issuer.token(&key));

    let gone = tokio::time::timeout(Duration::ZERO, verifier.verify(&token)).await;
    assert!(gone.is_err());
    gate.add_permits(1);
    verifier.verify(&token).await.unwrap();
    assert_eq!(issuer.hits(JWKS), 1);
}

#[tokio::test]
async fn a_storm_of_unknown_keys_costs_one_fetch_per_cooldown() {
    let (known, stranger) = (key(), key());
    let issuer = Issuer::start(&[&known]).await;
    let verifier = issuer.verifier();
    let (good, bad) = (issuer.token(&known), issuer.token(&stranger));
    verifier.verify(&good).await.unwrap();

    issuer.clock.pass(29);
    for outcome in join_all((0..64).map(|_| verifier.verify(&bad))).await {
        assert_eq!(reason(outcome.unwrap_err()), "unknown_key");
    }
    assert_eq!(issuer.hits(JWKS), 1, "within the cooldown nothing is fetched");

    issuer.clock.pass(1);
    for outcome in join_all((0..64).map(|_| verifier.verify(&bad))).await {
        assert_eq!(reason(outcome.unwrap_err()), "unknown_key");
    }
    assert_eq!(issuer.hits(JWKS), 2, "after it one fetch serves all");
    verifier.verify(&bad).await.unwrap_err();
    assert_eq!(issuer.hits(JWKS), 2);
    assert_eq!(issuer.hits(METADATA), 1);
}

#[tokio::test]
async fn ten_thousand_made_up_key_ids_cost_one_fetch_per_cooldown() {
    let known = key();
    let issuer = Issuer::start(&[&known]).await;
    let verifier = issuer.verifier();
    let good = issuer.token(&known);
    verifier.verify(&good).await.unwrap();
    let (_, rest) = good.split_once('.').unwrap();
    let made_up = |n: usize| {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"made-up-{n}"}}"#);
        format!("{}.{rest}", countersign_token::base64url::encode(header))
    };
    for (round, fetches) in [(0, 1), (1, 2), (2, 3)] {
        for n in 0..10_000 {
            let refusal = verifier.verify(&made_up(round * 10_000 + n)).await.unwrap_err();
            assert_eq!(reason(refusal), "unknown_key");
        }
        assert_eq!(issuer.hits(JWKS), fetches, "round {round}");
        issuer.clock.pass(30);
    }
}

#[tokio::test]
async fn a_new_key_is_found_when_a_token_names_it() {
    let (old, new) = (key(), key());
    let issuer = Issuer::start(&[&old]).await;
    let verifier = issuer.verifier();
    verifier.verify(&issuer.token(&old)).await.unwrap();

    issuer.publish(&[&old, &new]);
    issuer.clock.pass(30);
    let token = issuer.token(&new);
    assert!(join_all((0..64).map(|_| verifier.verify(&token))).await.iter().all(Result::is_ok));
    verifier.verify(&issuer.token(&old)).await.unwrap();
    assert_eq!(issuer.hits(JWKS), 2);
}

#[tokio::test]
async fn ageing_keys_are_renewed_in_the_background() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key);
    verifier.verify(&token).await.unwrap();

    issuer.clock.pass(479);
    verifier.verify(&token).await.unwrap();
    assert_eq!(issuer.hits(JWKS), 1, "under 80 % of their age nothing is fetched");

    let gate = Arc::new(Semaphore::new(0));
    issuer.answer(JWKS, Answer::Gated(Arc::clone(&gate), jwks(&[&key])));
    issuer.clock.pass(1);
    verifier.verify(&token).await.unwrap(); // the gate is shut: this did not wait for the fetch
    gate.add_permits(2); // one for the background fetch, one for the fetch forced after it
    verifier.refresh_keys().await.unwrap();
    assert_eq!(issuer.hits(JWKS), 3);
}

#[tokio::test]
async fn keys_past_their_age_are_not_used_while_the_issuer_answers() {
    let (old, new) = (key(), key());
    let issuer = Issuer::start(&[&old]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&old);
    verifier.verify(&token).await.unwrap();

    issuer.publish(&[&new]);
    issuer.clock.pass(600);
    assert_eq!(reason(verifier.verify(&token).await.unwrap_err()), "unknown_key");
}

#[tokio::test]
async fn the_last_good_keys_serve_on_while_the_issuer_is_down() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key);
    verifier.verify(&token).await.unwrap();

    for broken in [
        Answer::Status(500),
        Answer::Body("not json".to_owned()),
        Answer::Redirect("/elsewhere".to_owned()),
        Answer::Body(" ".repeat(600_000)),
    ] {
        issuer.answer(JWKS, broken);
        verifier.refresh_keys().await.unwrap_err();
        verifier.verify(&token).await.unwrap();
    }
    issuer.clock.pass(601);
    verifier.verify(&token).await.unwrap();

    issuer.publish(&[&key]);
    verifier.refresh_keys().await.unwrap();
    verifier.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_dead_issuer_is_asked_once_per_cooldown_and_slows_nobody() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.builder().timeout(Duration::from_secs(3600)).build().unwrap();
    let token = issuer.token(&key);
    verifier.verify(&token).await.unwrap();
    issuer.answer(JWKS, Answer::Status(500));
    assert!(matches!(verifier.refresh_keys().await, Err(SourceError::Keys { .. })));

    // From now on the issuer accepts connections and never answers: waiting for it would take an hour.
    issuer.answer(METADATA, Answer::Never);
    let asked = || issuer.hits(METADATA) + issuer.hits(JWKS);
    let before = asked();
    issuer.clock.pass(29);
    verifier.verify(&token).await.unwrap();
    assert_eq!(asked(), before);
    issuer.clock.pass(572);
    let many = join_all((0..64).map(|_| verifier.verify(&token)));
    let outcomes = tokio::time::timeout(Duration::from_secs(60), many).await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(asked() <= before + 1);
}

#[tokio::test]
async fn a_withdrawn_key_ends_with_the_next_fetch() {
    let (old, new) = (key(), key());
    let issuer = Issuer::start(&[&old]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&old);
    verifier.verify(&token).await.unwrap();

    issuer.publish(&[&new]);
    verifier.verify(&token).await.unwrap(); // not known yet
    verifier.refresh_keys().await.unwrap();
    assert_eq!(reason(verifier.verify(&token).await.unwrap_err()), "unknown_key");
    verifier.verify(&issuer.token(&new)).await.unwrap();
}

#[tokio::test]
async fn forced_fetches_are_shared_but_never_older_than_the_call() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    verifier.ready().await.unwrap();

    for outcome in join_all((0..64).map(|_| verifier.refresh_keys())).await {
        outcome.unwrap();
    }
    // One for the first call, one that the other 63 share: theirs came while it was under way.
    assert_eq!(issuer.hits(JWKS), 1 + 2);

    let gate = Arc::new(Semaphore::new(0));
    issuer.answer(JWKS, Answer::Gated(Arc::clone(&gate), jwks(&[&key])));
    let first = verifier.refresh_keys();
    let second = async {
        // The first call's fetch is under way by now; what it read may be older than this call.
        gate.add_permits(2);
        verifier.refresh_keys().await
    };
    let (first, second) = join(first, second).await;
    first.unwrap();
    second.unwrap();
    assert_eq!(issuer.hits(JWKS), 3 + 2);
}

#[tokio::test]
async fn without_any_keys_it_is_unavailable_not_unauthorized() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    issuer.answer(JWKS, Answer::Status(503));
    let verifier = issuer.verifier();
    let token = issuer.token(&key);

    let refusal = verifier.verify(&token).await.unwrap_err();
    assert_eq!(refusal.status(), 503);
    assert_eq!(verifier.verify(&token).await.unwrap_err().status(), 503);
    assert_eq!(issuer.hits(JWKS), 1, "a second request at the same moment asks nobody");

    issuer.publish(&[&key]);
    issuer.clock.pass(1);
    verifier.verify(&token).await.unwrap();
}
