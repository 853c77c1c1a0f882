//! `POST /rev/ack`, and the receipt that comes of it.

use crate::wire::{Ask, get, post};
use crate::world::{BACKEND_SECRET, POSTER_SECRET, World, world};
use countersign_issuer::revocation::receipt::receipt;
use serde_json::{Value, json};

pub(crate) fn good() -> Value {
    ack("v1", 0)
}

fn ack(verifier: &str, seq: u64) -> Value {
    json!({ "verifier": verifier, "epoch": 1, "seq": seq, "hard": 60, "modes": ["closed"] })
}

async fn acknowledged(world: &World, ask: Ask) {
    let answer = world.send(ask).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", answer.text());
}

#[tokio::test]
async fn only_who_proves_who_it_is() {
    let world = world().await;
    let path = "/rev/ack";
    for (ask, status, error, challenge) in [
        (post(path), 401, "invalid_client", "Bearer realm="),
        (post(path).basic("backend", "wrong"), 401, "invalid_client", "Basic realm="),
        (post(path).basic("nobody", "x"), 401, "invalid_client", "Basic realm="),
        (post(path).basic("spa", ""), 401, "invalid_client", "Basic realm="),
        // Registered to send its secret in a form, which this is not.
        (post(path).basic("poster", POSTER_SECRET), 401, "invalid_client", "Basic realm="),
        (post(path).bearer("garbage"), 401, "invalid_token", "Bearer realm="),
        (post(path).bearer("a").bearer("b"), 400, "invalid_request", ""),
    ] {
        let answer = world.send(ask.json(&good())).await;
        assert_eq!((answer.status, answer.error().as_str()), (status, error));
        assert!(answer.header("www-authenticate").unwrap_or_default().starts_with(challenge));
        assert_eq!(answer.header("access-control-allow-origin"), None, "not for scripts");
    }
    let token = world.machine_token("backend", BACKEND_SECRET).await;
    let other = world.send(post(path).bearer(&token).json(&good())).await;
    assert_eq!((other.status, other.error().as_str()), (403, "insufficient_scope"));
    assert!(other.header("www-authenticate").unwrap().contains("scope=\"feed:ack\""));
    let as_get = world.send(get(path)).await;
    assert_eq!(as_get.status, 405);
    assert_eq!(receipt(&world.issuer, 1, 0, world.clock.now()).await.unwrap().connected, 0);
}

#[tokio::test]
async fn a_token_of_the_scope_is_enough() {
    let world = world().await;
    let token = world.feed_token("backend", BACKEND_SECRET).await;
    acknowledged(&world, post("/rev/ack").bearer(&token).json(&good())).await;
    world.beat().await;
    assert_eq!(receipt(&world.issuer, 1, 0, world.clock.now()).await.unwrap().connected, 1);
    world.remove_client("backend").await;
    let gone = world.send(post("/rev/ack").bearer(&token).json(&good())).await;
    assert_eq!((gone.status, gone.error().as_str()), (401, "invalid_token"));
}

#[tokio::test]
async fn a_receipt_counts_who_said_so() {
    let world = world().await;
    let done = world.revoke("t1").await;
    let of =
        |verifier: &str, seq| post("/rev/ack").basic("backend", BACKEND_SECRET).json(&ack(verifier, seq));
    acknowledged(&world, of("v1", done.seq)).await;
    acknowledged(&world, of("v2", done.seq - 1)).await;
    let open =
        json!({ "verifier": "v3", "epoch": 1, "seq": done.seq, "hard": 60, "modes": ["closed", "open"] });
    acknowledged(&world, post("/rev/ack").basic("backend", BACKEND_SECRET).json(&open)).await;
    world.clock.advance_seconds(1);
    world.beat().await;
    let known = receipt(&world.issuer, done.epoch, done.seq, done.at).await.unwrap();
    assert_eq!((known.connected, known.in_force, known.open), (3, 2, 1));
    acknowledged(&world, of("v2", done.seq)).await;
    world.clock.advance_seconds(1);
    world.beat().await;
    let known = receipt(&world.issuer, done.epoch, done.seq, done.at).await.unwrap();
    assert_eq!((known.connected, known.in_force), (3, 3));
    assert!(known.after_ms.is_some());
}

#[tokio::test]
async fn the_same_name_of_two_clients_is_two_verifiers() {
    let world = world().await;
    let done = world.revoke("t1").await;
    let token = world.feed_token("poster", POSTER_SECRET).await;
    acknowledged(&world, post("/rev/ack").basic("backend", BACKEND_SECRET).json(&ack("v1", done.seq))).await;
    acknowledged(&world, post("/rev/ack").bearer(&token).json(&ack("v1", 0))).await;
    world.clock.advance_seconds(1);
    world.beat().await;
    let known = receipt(&world.issuer, done.epoch, done.seq, done.at).await.unwrap();
    assert_eq!((known.connected, known.in_force), (2, 1), "one cannot speak for the other");
}
