//! Headers of every answer, good or bad.

use crate::wire::{Ask, get, post};
use crate::world::{BACKEND_SECRET, world, world_with};

fn asks() -> Vec<Ask> {
    vec![
        get("/.well-known/jwks.json"),
        get("/.well-known/revocation-feed"),
        get("/rev/head"),
        get("/rev/log?epoch=1&from=0"),
        get("/rev/log/1/0"),
        get("/rev/stream?from=x"),
        post("/rev/ack").body("application/json", "{}"),
        get("/healthz"),
        get("/nowhere"),
        get("/nowhere").with("Accept", "text/html"),
        get("/oauth/token"),
        get("/oauth/userinfo"),
        get("/account"),
        get("/login"),
        get("/oauth/authorize"),
        post("/oauth/token").form(&[("grant_type", "client_credentials")]).basic("backend", BACKEND_SECRET),
        post("/oauth/token").form(&[]),
        post("/auth/login").body("application/json", "{"),
        Ask::new("OPTIONS", "/auth/login"),
    ]
}

#[tokio::test]
async fn every_answer_is_inert() {
    let world = world().await;
    for ask in asks() {
        let answer = world.send(ask.clone()).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{ask:?}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{ask:?}");
        let csp = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(csp.contains(part), "{ask:?}: {csp}");
        }
        assert!(!csp.contains("unsafe"), "{ask:?}: {csp}");
        let referrer = answer.header("referrer-policy").unwrap();
        assert!(matches!(referrer, "no-referrer" | "same-origin"), "{ask:?}: {referrer}");
        assert!(answer.header("cache-control").is_some(), "{ask:?}");
        assert!(answer.header("x-request-id").is_some(), "{ask:?}");
        assert_eq!(answer.header("strict-transport-security"), None, "plain loopback: {ask:?}");
        assert_eq!(answer.header("server"), None);
    }
}

#[tokio::test]
async fn a_public_issuer_says_that_it_is_https() {
    let world = world_with(|config| {
        config.public_url = "https://id.example.test".to_owned();
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for ask in asks() {
        let answer = world.send(ask.clone()).await;
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"), "{ask:?}");
    }
}

#[tokio::test]
async fn request_ids_are_of_our_making_and_never_the_same() {
    let world = world().await;
    let one = world.send(get("/healthz").with("X-Request-Id", "mine")).await;
    let two = world.send(get("/healthz").with("X-Request-Id", "mine")).await;
    let (one, two) = (one.header("x-request-id").unwrap(), two.header("x-request-id").unwrap());
    assert!(one != two && one != "mine" && two != "mine", "{one} {two}");
}

#[tokio::test]
async fn what_holds_secrets_is_never_kept_by_a_cache() {
    let world = world().await;
    let form = [("grant_type", "client_credentials"), ("scope", "read")];
    let good = world.send(post("/oauth/token").basic("backend", BACKEND_SECRET).form(&form)).await;
    assert_eq!(good.status, 200, "{}", good.text());
    let bad = world.send(post("/oauth/token").basic("backend", "wrong").form(&form)).await;
    for answer in [good, bad] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("pragma"), Some("no-cache"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}
