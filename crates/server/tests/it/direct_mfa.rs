//! The second step of the direct API over HTTP.

use crate::wire::{Answer, get, post};
use crate::world::{BACKEND_SECRET, OTHER_ORIGIN, PASSWORD, SPA_ORIGIN, World, world};
use countersign_contract::flow::totp::{enrolled_with, shown};
use countersign_issuer::account::enrol::totp::Pending;
use countersign_issuer::port::Users;
use serde_json::{Value, json};

/// Ada with an authenticator app.
pub(crate) async fn enrolled(world: &World) -> Pending {
    let ada = world.store.subject(&world.ada).await.unwrap().it.unwrap().user;
    enrolled_with(&world.issuer, &world.clock, &ada).await
}

async fn login(world: &World, more: Value) -> Answer {
    let mut body = json!({ "username": "ada", "password": PASSWORD, "client_id": "spa" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.send(post("/auth/login").json(&body).with("Origin", SPA_ORIGIN)).await
}

/// A partial token of hers at `spa`.
pub(crate) async fn partial(world: &World, more: Value) -> String {
    let answer = login(world, more).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn code(world: &World, pending: &Pending) -> String {
    shown(pending, world.clock.now()).expose().to_owned()
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_taken() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let asked = login(&world, json!({})).await;
    assert_eq!(asked.status, 200);
    assert_eq!(asked.header("cache-control"), Some("no-store"));
    assert_eq!(asked.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    let said = asked.json();
    let names: Vec<&String> = said.as_object().unwrap().keys().collect();
    assert_eq!(names, ["mfa_methods", "mfa_required", "token"], "nothing else");
    assert_eq!(said["mfa_required"], true);
    assert_eq!(said["mfa_methods"], json!(["totp", "recovery_code"]));

    let token = said["token"].as_str().unwrap();
    let sent = post("/auth/mfa/challenge").json(&json!({ "token": token, "method": "totp" }));
    let sent = world.send(sent.with("Origin", SPA_ORIGIN)).await;
    assert_eq!((sent.status, &sent.json()["method"]), (200, &json!("totp")), "an app needs no message");
    assert_eq!(sent.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    let wrong = world.send(post("/auth/mfa/verify").json(&json!({ "token": token, "code": "12345" }))).await;
    assert_eq!((wrong.status, wrong.error().as_str()), (401, "invalid_code"));
    assert!(wrong.header("www-authenticate").is_some());

    let now = world.clock.now().seconds();
    let right = json!({ "token": token, "code": code(&world, &pending) });
    let done = world.send(post("/auth/mfa/verify").json(&right).with("Origin", SPA_ORIGIN)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    let said = done.json();
    assert_eq!((&said["mfa_verified"], &said["mfa_method"]), (&json!(true), &json!("totp")));
    assert_eq!(said["mfa_verified_at"], now);
    assert_eq!(said["token"], said["access_token"]);
    assert!(said["refresh_token"].is_string() && said["session_id"].is_string());
    assert_eq!(world.send(get("/oauth/userinfo").bearer(said["token"].as_str().unwrap())).await.status, 200);
    let again = world.send(post("/auth/mfa/verify").json(&right)).await;
    assert_eq!((again.status, again.error().as_str()), (401, "invalid_token"), "finished");
}

#[tokio::test]
async fn a_partial_token_opens_no_door() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let token = partial(&world, json!({})).await;
    for ask in [
        get("/oauth/userinfo").bearer(&token),
        get("/api/userinfo").bearer(&token),
        post("/auth/refresh").json(&json!({ "refresh_token": token })),
        post("/auth/logout").bearer(&token),
        post("/auth/logout").json(&json!({ "refresh_token": token })),
        world.refresh(&token),
        post("/oauth/introspect").basic("spa", &token).form(&[("token", &token)]),
        post("/oauth/introspect").basic("backend", &token).form(&[("token", &token)]),
        post("/oauth/token").basic("backend", &token).form(&[("grant_type", "client_credentials")]),
        post("/rev/ack").bearer(&token).json(&json!({})),
        post("/auth/passwordless/verify")
            .json(&json!({ "email": "ada@example.test", "code": "1", "flow": token })),
    ] {
        let answer = world.send(ask).await;
        assert!((400..=403).contains(&answer.status), "{} {}", answer.status, answer.text());
    }
    for cookie in ["countersign-session", "countersign-flow", "countersign-refresh"] {
        let ask = get("/account").with("Cookie", &format!("{cookie}={token}"));
        assert_eq!(world.send(ask).await.status, 303, "{cookie}: to the sign-in page");
    }
    let with_refresh = format!("countersign-refresh={token}");
    let refresh = post("/auth/refresh").with("Cookie", &with_refresh).with("Origin", SPA_ORIGIN);
    assert_eq!(world.send(refresh.json(&json!({}))).await.status, 401);
    let introspect = post("/oauth/introspect").basic("backend", BACKEND_SECRET).form(&[("token", &token)]);
    assert_eq!(world.send(introspect).await.json(), json!({ "active": false }));
    let right = json!({ "token": token, "code": code(&world, &pending) });
    assert_eq!(
        world.send(post("/auth/mfa/verify").json(&right)).await.status,
        200,
        "and is as good as before"
    );
}

#[tokio::test]
async fn cookie_mode_goes_through_the_second_step() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let token = partial(&world, json!({ "session": "cookie" })).await;
    let right = json!({ "token": token, "code": code(&world, &pending) });
    for origin in [None, Some(OTHER_ORIGIN)] {
        let elsewhere = world.send(post("/auth/mfa/verify").json(&right).maybe("Origin", origin)).await;
        assert_eq!((elsewhere.status, elsewhere.error().as_str()), (403, "forbidden_origin"));
        assert!(elsewhere.header("set-cookie").is_none());
        assert_eq!(elsewhere.header("access-control-allow-credentials"), None);
    }
    let wrong = json!({ "token": token, "code": "12345" });
    let wrong = world.send(post("/auth/mfa/verify").json(&wrong).with("Origin", SPA_ORIGIN)).await;
    assert_eq!((wrong.status, wrong.error().as_str()), (401, "invalid_code"));
    assert_eq!(wrong.header("access-control-allow-credentials"), Some("true"), "the script sees why");
    let done = world.send(post("/auth/mfa/verify").json(&right).with("Origin", SPA_ORIGIN)).await;
    assert_eq!(done.status, 200, "the code was not spent: {}", done.text());
    assert_eq!(done.header("access-control-allow-credentials"), Some("true"));
    assert!(done.json().get("refresh_token").is_none());
    let cookie = done.header("set-cookie").unwrap();
    assert!(cookie.starts_with("countersign-refresh=") && cookie.contains("HttpOnly"), "{cookie:.30}");
}
