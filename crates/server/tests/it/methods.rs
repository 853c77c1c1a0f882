//! Every path with every method: 405 names what is allowed, `HEAD` is `GET` without a body, unknown paths
//! are answered in the caller's form.

use crate::wire::{Ask, get, post};
use crate::world::world;

/// Path, and what it allows beside `OPTIONS`.
const PATHS: [(&str, &[&str]); 48] = [
    ("/.well-known/openid-configuration", &["GET", "HEAD"]),
    ("/.well-known/oauth-authorization-server", &["GET", "HEAD"]),
    ("/.well-known/jwks.json", &["GET", "HEAD"]),
    ("/status", &["GET", "HEAD"]),
    ("/.well-known/revocation-feed", &["GET", "HEAD"]),
    ("/rev/head", &["GET", "HEAD"]),
    ("/rev/log", &["GET", "HEAD"]),
    ("/rev/log/1/0", &["GET", "HEAD"]),
    ("/rev/snap/1/1", &["GET", "HEAD"]),
    ("/rev/stream?from=x", &["GET", "HEAD"]),
    ("/rev/ack", &["POST"]),
    ("/healthz", &["GET", "HEAD"]),
    ("/readyz", &["GET", "HEAD"]),
    ("/oauth/token", &["POST"]),
    ("/oauth/authorize-challenge", &["POST"]),
    ("/oauth/introspect", &["POST"]),
    ("/oauth/revoke", &["POST"]),
    ("/oauth/userinfo", &["GET", "HEAD", "POST"]),
    ("/api/userinfo", &["GET", "HEAD", "POST"]),
    ("/auth/login", &["POST"]),
    ("/auth/refresh", &["POST"]),
    ("/auth/logout", &["POST"]),
    ("/auth/mfa/challenge", &["POST"]),
    ("/auth/mfa/verify", &["POST"]),
    ("/auth/passwordless/request", &["POST"]),
    ("/auth/passwordless/code", &["POST"]),
    ("/auth/passwordless/verify", &["POST"]),
    ("/auth/verify", &["GET", "HEAD", "POST"]),
    ("/api/auth/login", &["POST"]),
    ("/oauth/authorize", &["GET", "HEAD", "POST"]),
    ("/login", &["GET", "HEAD", "POST"]),
    ("/login/totp", &["POST"]),
    ("/login/recovery_code", &["POST"]),
    ("/login/email", &["POST"]),
    ("/login/email_code", &["POST"]),
    ("/login/sms_code", &["POST"]),
    ("/consent", &["POST"]),
    ("/oauth/logout", &["GET", "HEAD", "POST"]),
    ("/oauth/logout/confirm", &["POST"]),
    ("/account", &["GET", "HEAD"]),
    ("/account/phone", &["GET", "HEAD", "POST"]),
    ("/account/phone/confirm", &["POST"]),
    ("/account/phone/remove", &["POST"]),
    ("/account/end", &["POST"]),
    ("/account/end-others", &["POST"]),
    ("/account/sign-out", &["POST"]),
    ("/", &["GET", "HEAD"]),
    ("/signed-out", &["GET", "HEAD"]),
];

#[tokio::test]
async fn every_path_knows_its_methods() {
    let world = world().await;
    for (path, allowed) in PATHS {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            let answer = world.send(Ask::new(method, path)).await;
            if allowed.contains(&method) {
                assert_ne!(answer.status, 405, "{method} {path}");
                assert_ne!(answer.status / 100, 5, "{method} {path}: {}", answer.status);
                continue;
            }
            assert_eq!(answer.status, 405, "{method} {path}");
            let allow: Vec<_> = answer.header("allow").unwrap().split(", ").collect();
            assert!(allowed.iter().chain(&["OPTIONS"]).all(|m| allow.contains(m)), "{path}: {allow:?}");
            assert_eq!(allow.len(), allowed.len() + 1, "{path}: {allow:?}");
        }
        let options = world.send(Ask::new("OPTIONS", path)).await;
        assert_eq!((options.status, options.body.len()), (204, 0), "{path}");
        assert!(options.header("allow").is_some());
        assert_eq!(options.header("access-control-allow-origin"), None, "not asked by a browser");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = world().await;
    for path in ["/.well-known/jwks.json", "/healthz", "/nowhere", "/oauth/userinfo"] {
        let (full, head) = (world.send(get(path)).await, world.send(Ask::new("HEAD", path)).await);
        assert_eq!(full.status, head.status, "{path}");
        assert!(head.body.is_empty() && !full.body.is_empty(), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control", "www-authenticate"] {
            assert_eq!(full.header(name), head.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_are_answered_in_the_callers_form() {
    let world = world().await;
    for path in ["/nowhere", "/oauth", "/oauth/token/", "/oauth//token", "/OAUTH/TOKEN"] {
        let json = world.send(get(path)).await;
        assert_eq!((json.status, json.error().as_str()), (404, "not_found"), "{path}");
        let page = world.send(get(path).with("Accept", "text/html,*/*")).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{path}");
    }
    assert_eq!(world.send(get("/assets/../healthz")).await.status, 404, "paths are not rewritten");
    assert_eq!(world.send(post("/nowhere").form(&[("a", "b")])).await.status, 404);
}

#[tokio::test]
async fn health() {
    let world = world().await;
    for path in ["/healthz", "/readyz"] {
        let answer = world.send(get(path)).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "{\"status\":\"ok\"}"), "{path}");
    }
}
