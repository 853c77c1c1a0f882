//! Guessing a client's secret: bounded at every endpoint that asks for one, and the client itself comes in.

use crate::wire::{Answer, post};
use crate::world::{BACKEND_SECRET, POSTER_SECRET, World, world_with};
use std::collections::BTreeMap;

const ENDPOINTS: [&str; 3] = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"];
const GUESSER: &str = "203.0.113.9";
const OWNER: &str = "198.51.100.7";

async fn behind_a_proxy() -> World {
    world_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await
}

async fn ask(world: &World, path: &str, from: &str, secret: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("token", "x")];
    let form = if path == ENDPOINTS[0] { &form[..1] } else { &form[1..] };
    world.send(post(path).basic("backend", secret).with("X-Forwarded-For", from).form(form)).await
}

#[tokio::test]
async fn a_thousand_guesses_are_refused_after_the_limit() {
    let world = behind_a_proxy().await;
    let mut statuses = BTreeMap::<u16, usize>::new();
    for n in 0..1_000 {
        let path = ENDPOINTS[n % ENDPOINTS.len()];
        let answer = ask(&world, path, GUESSER, &format!("guess-{n}")).await;
        *statuses.entry(answer.status).or_default() += 1;
        if answer.status == 429 {
            assert_eq!(answer.error(), "too_many_attempts", "{path}");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=36).contains(&wait), "{wait}");
            assert_eq!(answer.header("www-authenticate"), None);
        }
    }
    assert_eq!(statuses, BTreeMap::from([(401, 21), (429, 979)]), "one limit for all three");
    for path in ENDPOINTS {
        assert_eq!(
            ask(&world, path, GUESSER, BACKEND_SECRET).await.status,
            429,
            "{path}: not even the right one"
        );
        assert_eq!(
            ask(&world, path, OWNER, BACKEND_SECRET).await.status,
            200,
            "{path}: from where it really is"
        );
    }
    world.clock.advance_seconds(36);
    assert_eq!(ask(&world, ENDPOINTS[0], GUESSER, BACKEND_SECRET).await.status, 200, "after the wait");
}

#[tokio::test]
async fn a_secret_in_the_body_is_guessed_at_no_better() {
    let world = behind_a_proxy().await;
    let ask = async |secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", "poster"), ("client_secret", secret)];
        world.send(post("/oauth/token").form(&form)).await.status
    };
    assert_eq!(ask(POSTER_SECRET).await, 200);
    let mut seen = Vec::new();
    for n in 0..40 {
        seen.push(ask(&format!("guess-{n}")).await);
    }
    assert_eq!(seen.iter().filter(|status| **status == 401).count(), 21);
    assert_eq!(ask(POSTER_SECRET).await, 429);
}

#[tokio::test]
async fn who_makes_no_guess_is_never_told_to_wait() {
    let world = behind_a_proxy().await;
    for _ in 0..100 {
        let right = ask(&world, ENDPOINTS[0], OWNER, BACKEND_SECRET).await;
        assert_eq!(right.status, 200);
        // Left behind by a rotation: the same wrong secret, again and again, from the same address.
        assert_eq!(ask(&world, ENDPOINTS[0], OWNER, "the secret before").await.status, 401);
    }
}
