//! Sixty-four at once: one code, one refresh token.

use crate::wire::{Answer, Ask};
use crate::world::{World, world};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

async fn at_once(world: &World, ask: &Ask, times: usize) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(times));
    let mut tasks = JoinSet::new();
    for _ in 0..times {
        let (barrier, ask, addr) = (barrier.clone(), ask.clone(), world.addr);
        tasks.spawn(async move {
            barrier.wait().await;
            ask.send(addr).await
        });
    }
    tasks.join_all().await
}

fn good(answers: &[Answer]) -> Vec<&Answer> {
    answers.iter().filter(|a| a.status == 200).collect()
}

fn all_others_are(answers: &[Answer], error: &str) {
    for answer in answers.iter().filter(|a| a.status != 200) {
        assert_eq!((answer.status, answer.error().as_str()), (400, error), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_is_redeemed_once_and_what_it_gave_is_revoked_by_the_second_use() {
    let world = world().await;
    let visitor = world.visitor().await;
    let code = world.code(&visitor).await;
    let answers = at_once(&world, &world.redeem(&code), 64).await;
    all_others_are(&answers, "invalid_grant");
    let winners = good(&answers);
    assert_eq!(winners.len(), 1);
    let tokens = winners[0].json();
    assert!(!world.is_active(tokens["access_token"].as_str().unwrap()).await, "RFC 6749 4.1.2");
    let refresh = world.send(world.refresh(tokens["refresh_token"].as_str().unwrap())).await;
    assert_eq!((refresh.status, refresh.error().as_str()), (400, "invalid_grant"));

    let next = world.code(&visitor).await;
    let next = world.send(world.redeem(&next)).await;
    assert_eq!(next.status, 200, "the sign-in lives on: {}", next.text());
    assert!(world.is_active(next.json()["access_token"].as_str().unwrap()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_used_again_later_revokes_too() {
    let world = world().await;
    let code = world.code(&world.visitor().await).await;
    let first = world.send(world.redeem(&code)).await.json();
    let access = first["access_token"].as_str().unwrap();
    assert!(world.is_active(access).await);
    let again = world.send(world.redeem(&code)).await;
    assert_eq!((again.status, again.error().as_str()), (400, "invalid_grant"));
    assert!(!world.is_active(access).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refresh_token_has_one_successor() {
    let world = world().await;
    let login = world.login("spa").await;
    let token = login["refresh_token"].as_str().unwrap();
    let answers = at_once(&world, &world.refresh(token), 64).await;
    all_others_are(&answers, "invalid_grant");
    let winners = good(&answers);
    assert!((1..=6).contains(&winners.len()), "the first and at most five retries: {}", winners.len());
    let successors: BTreeSet<String> =
        winners.iter().map(|a| a.json()["refresh_token"].as_str().unwrap().to_owned()).collect();
    assert_eq!(successors.len(), 1, "no fork");
    assert!(!successors.contains(token));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_few_tabs_at_once_lose_nothing() {
    let world = world().await;
    let login = world.login("spa").await;
    let answers = at_once(&world, &world.refresh(login["refresh_token"].as_str().unwrap()), 6).await;
    let successors: BTreeSet<String> =
        good(&answers).iter().map(|a| a.json()["refresh_token"].as_str().unwrap().to_owned()).collect();
    assert_eq!((good(&answers).len(), successors.len()), (6, 1));
    let next = world.send(world.refresh(successors.first().unwrap())).await;
    assert_eq!(next.status, 200, "{}", next.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn theft_ends_one_session_and_no_other() {
    let world = world().await;
    let (stolen, other) = (world.login("spa").await, world.login("spa").await);
    let first = stolen["refresh_token"].as_str().unwrap();
    let second = world.send(world.refresh(first)).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let third = world.send(world.refresh(&second)).await.json();
    let reused = world.send(world.refresh(first)).await;
    assert_eq!((reused.status, reused.error().as_str()), (400, "invalid_grant"));
    assert!(!world.is_active(third["access_token"].as_str().unwrap()).await);
    let third = world.send(world.refresh(third["refresh_token"].as_str().unwrap())).await;
    assert_eq!(third.status, 400, "the whole session is over");
    assert!(world.is_active(other["access_token"].as_str().unwrap()).await);
    assert_eq!(world.send(world.refresh(other["refresh_token"].as_str().unwrap())).await.status, 200);
}
