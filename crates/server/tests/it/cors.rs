//! Which page may call what, and read the answer (Fetch 3.2): path x origin, preflight and real call.

use crate::wire::{Ask, get, post};
use crate::world::{BACKEND_ORIGIN, BACKEND_SECRET, OTHER_ORIGIN, PASSWORD, SPA_ORIGIN, World, world};
use serde_json::json;

const STRANGERS: [&str; 6] = [
    "https://evil.example",
    "null",
    "http://app.example.test",
    "https://app.example.test:8443",
    "https://app.example.test.evil.example",
    "https://sub.app.example.test",
];
const LISTED: [&str; 3] = [SPA_ORIGIN, OTHER_ORIGIN, BACKEND_ORIGIN];

fn preflight(path: &str, origin: &str) -> Ask {
    Ask::new("OPTIONS", path)
        .with("Origin", origin)
        .with("Access-Control-Request-Method", "POST")
        .with("Access-Control-Request-Headers", "content-type")
}

#[tokio::test]
async fn preflights_are_answered_for_every_clients_origin() {
    let world = world().await;
    for (path, cookie) in [
        ("/oauth/token", false),
        ("/oauth/authorize-challenge", false),
        ("/oauth/revoke", false),
        ("/oauth/userinfo", false),
        ("/api/userinfo", false),
        ("/api/auth/login", false),
        ("/auth/login", true),
        ("/auth/refresh", true),
        ("/auth/logout", true),
        ("/auth/mfa/challenge", false),
        ("/auth/mfa/verify", true),
        ("/auth/passwordless/request", true),
        ("/auth/passwordless/code", true),
        ("/auth/passwordless/verify", true),
        ("/auth/verify", true),
    ] {
        for origin in LISTED {
            let answer = world.send(preflight(path, origin)).await;
            assert_eq!(answer.status, 204, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{path}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{path}");
            let headers = answer.header("access-control-allow-headers").unwrap();
            assert!(headers.contains("authorization") && headers.contains("content-type"));
            assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
            assert_eq!(answer.header("access-control-allow-credentials"), cookie.then_some("true"), "{path}");
        }
        for origin in STRANGERS {
            let answer = world.send(preflight(path, origin)).await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{path} {origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{path} {origin}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_that_is_gone_leaves_no_origin_behind() {
    let world = world().await;
    assert!(
        world
            .send(preflight("/oauth/token", OTHER_ORIGIN))
            .await
            .header("access-control-allow-origin")
            .is_some()
    );
    world.remove_client("other").await;
    assert_eq!(
        world.send(preflight("/oauth/token", OTHER_ORIGIN)).await.header("access-control-allow-origin"),
        None
    );
}

#[tokio::test]
async fn pages_and_introspection_answer_no_script_elsewhere() {
    let world = world().await;
    for path in [
        "/oauth/authorize",
        "/login",
        "/consent",
        "/account",
        "/oauth/logout",
        "/oauth/introspect",
        "/nowhere",
    ] {
        for origin in LISTED {
            for answer in [
                world.send(preflight(path, origin)).await,
                world.send(get(path).with("Origin", origin)).await,
            ] {
                assert_eq!(answer.header("access-control-allow-origin"), None, "{path} {origin}");
                assert_eq!(answer.header("access-control-allow-credentials"), None, "{path} {origin}");
            }
        }
    }
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        let answer = world.send(preflight(path, "https://anybody.example")).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    for path in ["/.well-known/revocation-feed", "/rev/head", "/rev/log", "/rev/log/1/0", "/rev/stream"] {
        let answer = world.send(preflight(path, "https://anybody.example")).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("if-none-match") && headers.contains("last-event-id"), "{path}: {headers}");
    }
    let ack = world.send(preflight("/rev/ack", SPA_ORIGIN)).await;
    assert_eq!(ack.header("access-control-allow-origin"), None, "a page holds no client's secret");
}

/// Calls of `spa`, good and bad, that answer once the client is known.
async fn calls_of_spa(world: &World) -> Vec<(&'static str, Ask)> {
    let login = world.login("spa").await;
    let (access, refresh) =
        (login["access_token"].as_str().unwrap(), login["refresh_token"].as_str().unwrap());
    let right = json!({ "username": "ada", "password": PASSWORD, "client_id": "spa" });
    let wrong = json!({ "username": "ada", "password": "wrong", "client_id": "spa" });
    vec![
        ("userinfo", get("/oauth/userinfo").bearer(access)),
        ("api userinfo", get("/api/userinfo").bearer(access)),
        ("login", post("/auth/login").json(&right)),
        ("failed login", post("/auth/login").json(&wrong)),
        ("refresh", world.refresh(refresh)),
        ("failed refresh", world.refresh("x")),
        ("direct refresh", post("/auth/refresh").json(&json!({ "refresh_token": refresh }))),
        ("revoke", post("/oauth/revoke").form(&[("token", access), ("client_id", "spa")])),
    ]
}

#[tokio::test]
async fn an_answer_is_readable_for_its_clients_origins_only() {
    let world = world().await;
    for (what, ask) in calls_of_spa(&world).await {
        for origin in LISTED.iter().chain(&STRANGERS) {
            let answer = world.send(ask.clone().with("Origin", origin)).await;
            let due = (*origin == SPA_ORIGIN).then_some(SPA_ORIGIN);
            // The access token is revoked by the first call of the last kind: no client is known then.
            if what != "revoke" || due.is_none() {
                assert_eq!(
                    answer.header("access-control-allow-origin"),
                    due,
                    "{what} {origin}: {}",
                    answer.status
                );
            }
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{what} {origin}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{what} {origin}");
        }
        let answer = world.send(ask).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{what}: not asked by a browser");
    }
    let form = [("grant_type", "client_credentials")];
    for (origin, due) in [(BACKEND_ORIGIN, Some(BACKEND_ORIGIN)), (SPA_ORIGIN, None)] {
        let ask = post("/oauth/token").basic("backend", BACKEND_SECRET).form(&form).with("Origin", origin);
        assert_eq!(world.send(ask).await.header("access-control-allow-origin"), due);
    }
}
