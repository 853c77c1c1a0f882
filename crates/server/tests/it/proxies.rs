//! What a visitor writes into a header is not where they come from, nor what this issuer is called.

use crate::wire::{get, post};
use crate::world::{World, world, world_with};
use countersign_issuer::port::Events;
use serde_json::json;

const SPOOFS: [(&str, &str); 8] = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Real-IP", "203.0.113.9"),
    ("Forwarded", "for=203.0.113.9;host=evil.example;proto=https"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "443"),
    ("X-Original-URL", "/account"),
    ("X-Rewrite-URL", "/account"),
];

/// The address that the log remembers of a failed sign-in with these headers.
async fn seen(world: &World, headers: &[(&str, &str)]) -> String {
    let before = world.log_end().await;
    let wrong = json!({ "username": "nobody", "password": "wrong", "client_id": "spa" });
    let ask = headers.iter().fold(post("/auth/login").json(&wrong), |ask, (n, v)| ask.with(n, v));
    assert_eq!(world.send(ask).await.status, 401);
    let events = world.store.events_after(before, 10).await.unwrap().it;
    events[0].what.data["ip"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nobody_is_believed_by_default() {
    let world = world().await;
    assert_eq!(seen(&world, &SPOOFS).await, "127.0.0.1");
}

#[tokio::test]
async fn a_declared_proxy_is_believed_about_the_address_only() {
    let world = world_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    assert_eq!(seen(&world, &SPOOFS).await, "203.0.113.9");
    assert_eq!(seen(&world, &[("X-Forwarded-For", "6.6.6.6, 203.0.113.9")]).await, "203.0.113.9");
    assert_eq!(seen(&world, &[("X-Real-IP", "6.6.6.6")]).await, "127.0.0.1");
    assert_eq!(seen(&world, &[("X-Forwarded-For", "not an address")]).await, "127.0.0.1");
}

#[tokio::test]
async fn a_proxy_elsewhere_does_not_make_this_visitor_one() {
    let world = world_with(|config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
    assert_eq!(seen(&world, &SPOOFS).await, "127.0.0.1");
}

#[tokio::test]
async fn the_issuers_name_is_never_taken_from_a_request() {
    for trusted in [vec![], vec!["127.0.0.0/8".parse().unwrap()]] {
        let world = world_with(|config| config.trusted_proxies = trusted).await;
        for host in ["evil.example", "evil.example:80", "", "localhost.evil.example", "a b"] {
            for path in [
                "/.well-known/openid-configuration",
                "/login",
                "/account",
                "/oauth/authorize",
                "/oauth/userinfo",
            ] {
                let ask = SPOOFS.iter().fold(get(path).with("Host", host), |ask, (n, v)| ask.with(n, v));
                let answer = world.send(ask).await;
                assert!(!answer.text().contains("evil"), "{host} {path}");
                assert!(
                    answer.headers.iter().all(|(_, v)| !v.contains("evil")),
                    "{host} {path}: {:?}",
                    answer.headers
                );
            }
        }
    }
}
