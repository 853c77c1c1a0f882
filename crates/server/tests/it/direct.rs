//! The direct API: what it answers, and the cookie mode with its rules.

use crate::wire::{Answer, Ask, post};
use crate::world::{BACKEND_SECRET, Mood, OTHER_ORIGIN, PASSWORD, SPA_ORIGIN, World, world, world_with};
use serde_json::{Value, json};

const COOKIE: &str = "countersign-refresh";

fn login_with_cookie(origin: Option<&str>) -> Ask {
    let body = json!({ "username": "ada", "password": PASSWORD, "client_id": "spa", "session": "cookie" });
    post("/auth/login").json(&body).maybe("Origin", origin)
}

/// The value of the refresh cookie an answer sets.
fn value(answer: &Answer, name: &str) -> String {
    let cookie = answer.cookie(name).expect("a refresh cookie");
    cookie.split(';').next().unwrap().split_once('=').unwrap().1.to_owned()
}

async fn signed_in(world: &World) -> String {
    let answer = world.send(login_with_cookie(Some(SPA_ORIGIN))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    value(&answer, COOKIE)
}

fn with_cookie(path: &str, cookie: &str) -> Ask {
    post(path).with("Cookie", &format!("x=y; {COOKIE}={cookie}"))
}

#[tokio::test]
async fn login_refresh_logout_in_the_body() {
    let world = world().await;
    let login = world.login("spa").await;
    assert_eq!(login["token_type"], "Bearer");
    assert_eq!(login["token"], login["access_token"]);
    assert_eq!(login["expires_in"], 900);
    for member in ["access_token", "refresh_token", "session_id"] {
        assert!(login[member].as_str().is_some_and(|t| !t.is_empty()), "{member}");
    }
    let body = json!({ "refresh_token": login["refresh_token"] });
    let next = world.send(post("/auth/refresh").json(&body)).await;
    assert_eq!(next.status, 200, "{}", next.text());
    assert!(next.all("set-cookie").is_empty());
    let next = next.json();
    assert_ne!(next["refresh_token"], login["refresh_token"]);
    assert_eq!(next["session_id"], login["session_id"]);
    let access = next["access_token"].as_str().unwrap();
    assert!(world.is_active(access).await);

    let out = world.send(post("/auth/logout").bearer(access)).await;
    assert_eq!((out.status, out.body.len()), (204, 0), "{}", out.text());
    assert!(!world.is_active(access).await);
    let again = json!({ "refresh_token": next["refresh_token"] });
    let again = world.send(post("/auth/refresh").json(&again)).await;
    assert_eq!((again.status, again.error().as_str()), (401, "invalid_grant"));
    assert!(again.header("www-authenticate").is_some(), "RFC 9110 15.5.2");
    let nobody = world.send(post("/auth/logout")).await;
    assert_eq!((nobody.status, nobody.error().as_str()), (401, "invalid_token"));
}

#[tokio::test]
async fn logout_by_refresh_token() {
    let world = world().await;
    let login = world.login("spa").await;
    let body = json!({ "refresh_token": login["refresh_token"] });
    assert_eq!(world.send(post("/auth/logout").json(&body)).await.status, 204);
    assert!(!world.is_active(login["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn unknown_user_and_wrong_password_look_the_same_and_cost_the_same() {
    let world = world().await;
    let attempt = |username: &str, password: &str| {
        post("/auth/login").json(&json!({ "username": username, "password": password, "client_id": "spa" }))
    };
    let mut seen = Vec::new();
    for (username, password) in
        [("ada", "wrong password"), ("nobody", "wrong password"), ("nobody", PASSWORD)]
    {
        let before = world.hashed();
        let mut answer = world.send(attempt(username, password)).await;
        answer.headers.retain(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"));
        seen.push((answer.status, answer.headers.clone(), answer.text(), world.hashed() - before));
    }
    assert_eq!((seen[0].0, seen[0].3), (401, 1), "{}", seen[0].2);
    assert!(seen.windows(2).all(|w| w[0] == w[1]), "{seen:#?}");
}

#[tokio::test]
async fn too_many_attempts_say_when_to_come_back() {
    let world = world().await;
    let wrong = json!({ "username": "ada", "password": "wrong", "client_id": "spa" });
    let mut last = world.send(post("/auth/login").json(&wrong)).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = world.send(post("/auth/login").json(&wrong)).await;
    }
    assert_eq!((last.status, last.error().as_str()), (429, "too_many_attempts"));
    assert!(last.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
}

#[tokio::test]
async fn clients_and_their_right_to_the_direct_api() {
    let world = world().await;
    let attempt = |client: Option<&str>| {
        post("/auth/login").json(&json!({ "username": "ada", "password": PASSWORD, "client_id": client }))
    };
    let default = world.send(attempt(None)).await;
    assert_eq!(default.status, 200, "the built-in client: {}", default.text());
    let indirect = world.send(attempt(Some("indirect"))).await;
    assert_eq!((indirect.status, indirect.error().as_str()), (403, "unauthorized_client"));
    let unknown = world.send(attempt(Some("nobody"))).await;
    assert_eq!((unknown.status, unknown.error().as_str()), (401, "invalid_client"));
}

#[tokio::test]
async fn api_users() {
    let world = world().await;
    let attempt = |username: &str, key: &str| {
        post("/api/auth/login").json(&json!({ "username": username, "password": key }))
    };
    let good = world.send(attempt("backend", BACKEND_SECRET)).await;
    assert_eq!(good.status, 200, "{}", good.text());
    let token = good.json()["token"].as_str().unwrap().to_owned();
    assert!(world.is_active(&token).await);
    assert_eq!(good.json().get("refresh_token"), None);
    for (username, key) in [("backend", "wrong"), ("nobody", "wrong"), ("spa", "wrong"), ("u_x", "wrong")] {
        let bad = world.send(attempt(username, key)).await;
        assert_eq!((bad.status, bad.error().as_str()), (401, "invalid_credentials"), "{username}");
    }
}

#[tokio::test]
async fn the_cookie_cannot_be_read_by_script_and_stays_out_of_the_body() {
    let world = world().await;
    let answer = world.send(login_with_cookie(Some(SPA_ORIGIN))).await;
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "or no script sees it");
    assert_eq!(answer.json().get("refresh_token"), None);
    assert_eq!(answer.all("set-cookie").len(), 1);
    let cookie = answer.cookie(COOKIE).unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert!(!answer.text().contains(&value(&answer, COOKIE)));
}

/// A script that calls with cookies reads why it failed, too; one that does not is not said more.
#[tokio::test]
async fn a_failed_login_in_cookie_mode_is_readable() {
    let world = world().await;
    let right = json!({ "username": "ada", "password": PASSWORD, "client_id": "spa" });
    for (member, value, status) in
        [("password", json!("wrong"), 401), ("scope", json!(5), 400), ("username", json!(""), 400)]
    {
        for (session, allowed) in [(json!("cookie"), Some("true")), (json!(null), None)] {
            let mut body = right.clone();
            body[member] = value.clone();
            body["session"] = session;
            let answer = world.send(post("/auth/login").json(&body).with("Origin", SPA_ORIGIN)).await;
            assert_eq!(answer.status, status, "{member}: {}", answer.text());
            assert_eq!(answer.header("access-control-allow-origin"), Some(SPA_ORIGIN), "{member}");
            assert_eq!(answer.header("access-control-allow-credentials"), allowed, "{member}");
        }
    }
    let foreign = world.send(login_with_cookie(Some(OTHER_ORIGIN))).await;
    assert_eq!((foreign.status, foreign.header("access-control-allow-credentials")), (403, None));
}

#[tokio::test]
async fn on_https_it_is_a_host_cookie() {
    let world = world_with(|config| {
        config.public_url = "https://id.example.test".to_owned();
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let answer = world.send(login_with_cookie(Some(SPA_ORIGIN))).await;
    let cookie = answer.cookie("__Host-refresh").unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Secure"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let token = value(&answer, "__Host-refresh");
    let call = |name: &str| {
        let cookie = format!("{name}={token}");
        post("/auth/refresh").with("Cookie", &cookie).with("Origin", SPA_ORIGIN).json(&json!({}))
    };
    assert_eq!(world.send(call(COOKIE)).await.status, 400, "another name is another cookie");
    assert_eq!(world.send(call("__Host-refresh")).await.status, 200);
}

#[tokio::test]
async fn refresh_and_logout_with_the_cookie() {
    let world = world().await;
    let first = signed_in(&world).await;
    let ask =
        |path: &str, cookie: &str| with_cookie(path, cookie).with("Origin", SPA_ORIGIN).json(&json!({}));
    let next = world.send(ask("/auth/refresh", &first)).await;
    assert_eq!(next.status, 200, "{}", next.text());
    assert_eq!(next.json().get("refresh_token"), None);
    assert_eq!(next.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    assert_eq!(next.header("access-control-allow-credentials"), Some("true"));
    let second = value(&next, COOKIE);
    assert_ne!(first, second);

    let out = world.send(ask("/auth/logout", &second)).await;
    assert_eq!(out.status, 204, "{}", out.text());
    let gone = out.cookie(COOKIE).unwrap();
    assert!(gone.starts_with(&format!("{COOKIE}=;")) && gone.contains("Max-Age=0"), "{gone}");
    assert_eq!(out.header("access-control-allow-credentials"), Some("true"));
    let again = world.send(ask("/auth/refresh", &second)).await;
    assert_eq!((again.status, again.error().as_str()), (401, "invalid_grant"));
    assert!(again.cookie(COOKIE).unwrap().contains("Max-Age=0"), "a dead cookie is taken away");
    assert!(!world.is_active(next.json()["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn a_cookie_call_is_json_from_a_page_of_the_client() {
    let world = world().await;
    let token = signed_in(&world).await;
    let before = world.log_end().await;
    let empty = json!({});
    for path in ["/auth/refresh", "/auth/logout"] {
        for origin in [None, Some("null"), Some(OTHER_ORIGIN), Some("https://evil.example"), Some("")] {
            let answer = world.send(with_cookie(path, &token).json(&empty).maybe("Origin", origin)).await;
            assert_eq!(
                (answer.status, answer.error().as_str()),
                (403, "forbidden_origin"),
                "{path} {origin:?}"
            );
            assert!(answer.all("set-cookie").is_empty(), "{path} {origin:?}");
        }
        for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            for body in ["", "{}"] {
                let ask = with_cookie(path, &token).with("Origin", SPA_ORIGIN).body(content_type, body);
                let answer = world.send(ask).await;
                assert!(matches!(answer.status, 400 | 415), "{path} {content_type}: {}", answer.status);
                assert!(answer.all("set-cookie").is_empty(), "{path} {content_type}");
            }
        }
    }
    for origin in [None, Some(OTHER_ORIGIN), Some("https://evil.example")] {
        let hashed = world.hashed();
        let answer = world.send(login_with_cookie(origin)).await;
        assert_eq!((answer.status, answer.error().as_str()), (403, "forbidden_origin"), "{origin:?}");
        assert!(answer.all("set-cookie").is_empty());
        assert_eq!(world.hashed(), hashed, "before the password is looked at");
    }
    assert_eq!(world.log_end().await, before, "nothing was written");
    let good = with_cookie("/auth/refresh", &token).with("Origin", SPA_ORIGIN).json(&empty);
    let good = world.send(good).await;
    assert_eq!(good.status, 200, "nothing was used up: {}", good.text());
    assert_ne!(value(&good, COOKIE), token);
}

#[tokio::test]
async fn a_token_in_the_body_wins_over_the_cookie() {
    let world = world().await;
    let cookie = signed_in(&world).await;
    let login: Value = world.login("other").await;
    let body = json!({ "refresh_token": login["refresh_token"] });
    let answer = world.send(with_cookie("/auth/refresh", &cookie).json(&body)).await;
    assert_eq!(answer.status, 200, "no origin needed: {}", answer.text());
    assert_eq!(answer.json()["session_id"], login["session_id"]);
    assert!(answer.all("set-cookie").is_empty(), "the cookie is left alone");
}

fn login() -> Ask {
    post("/auth/login").json(&json!({ "username": "ada", "password": PASSWORD, "client_id": "spa" }))
}

#[tokio::test]
async fn a_full_hash_queue_is_said_so_and_nothing_else_suffers() {
    let world = world().await;
    world.hasher.be(Mood::Full);
    let answer = world.send(login()).await;
    assert_eq!((answer.status, answer.error().as_str()), (503, "temporarily_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("2"), "rounded up");
    assert!(!answer.text().contains("queue"), "no inner detail");
    world.machine_token("backend", BACKEND_SECRET).await;
    world.hasher.be(Mood::Works);
    assert_eq!(world.send(login()).await.status, 200);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let short = std::time::Duration::from_millis(200);
    let world = world_with(|config| config.limits.request = short).await;
    world.hasher.be(Mood::Stuck);
    let answer = world.send(login()).await;
    assert_eq!((answer.status, answer.error().as_str()), (503, "temporarily_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_bug_in_one_request_is_a_500_without_detail_and_ends_nothing_else() {
    let world = world().await;
    world.hasher.be(Mood::Panics);
    let answer = world.send(login().with("Origin", SPA_ORIGIN)).await;
    assert_eq!((answer.status, answer.error().as_str()), (500, "server_error"));
    assert!(!answer.text().contains("secret-of-a-panic"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    world.hasher.be(Mood::Works);
    assert_eq!(world.send(login()).await.status, 200);
}
