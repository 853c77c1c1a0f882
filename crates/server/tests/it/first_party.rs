//! `/oauth/authorize-challenge` over HTTP, and the code it makes at the token endpoint.

use crate::bad_input::{ANY, OPTIONAL, Row, check_forms};
use crate::direct_mfa::{enrolled, partial};
use crate::wire::{Answer, Ask, form, get, post};
use crate::world::{API, CALLBACK, CHALLENGE, OTHER_ORIGIN, PASSWORD, SPA_ORIGIN, VERIFIER, World, world};
use countersign_contract::flow::totp::shown;
use serde_json::json;

const PATH: &str = "/oauth/authorize-challenge";

const REQUEST: [(&str, &str); 5] = [
    ("client_id", "spa"),
    ("response_type", "code"),
    ("scope", "openid read"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

fn begin(more: &[(&str, &str)]) -> Ask {
    post(PATH).form(&[&REQUEST[..], more].concat()).with("Origin", SPA_ORIGIN)
}

fn with_password(name: &str, password: &str) -> Ask {
    begin(&[("username", name), ("password", password)])
}

async fn session(world: &World) -> String {
    let asked = world.send(with_password("ada", PASSWORD)).await;
    asked.json()["auth_session"].as_str().unwrap().to_owned()
}

async fn redeem(world: &World, code: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "spa"),
        ("code_verifier", VERIFIER),
    ];
    world.send(post("/oauth/token").form(&form)).await
}

#[tokio::test]
async fn a_password_makes_a_code_and_the_code_makes_tokens() {
    let world = world().await;
    let made = world.send(with_password("ada", PASSWORD)).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(made.header("content-type"), Some("application/json"));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert_eq!(made.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    assert_eq!(made.header("access-control-allow-credentials"), None);
    assert_eq!(made.header("set-cookie"), None, "no browser is signed in");
    let said = made.json();
    assert_eq!(said.as_object().unwrap().len(), 1, "{said}");
    let tokens = redeem(&world, said["authorization_code"].as_str().unwrap()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.send(get("/oauth/userinfo").bearer(&token)).await.status, 200);
}

#[tokio::test]
async fn more_is_asked_for_step_by_step() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let asked = world.send(begin(&[])).await;
    assert_eq!((asked.status, asked.error().as_str()), (400, "insufficient_authorization"));
    assert_eq!(asked.header("cache-control"), Some("no-store"));
    assert_eq!(asked.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    let said = asked.json();
    let names: Vec<&String> = said.as_object().unwrap().keys().collect();
    assert_eq!(names, ["auth_session", "error", "error_description", "password_required"]);
    let held = said["auth_session"].as_str().unwrap();
    let typed = [("auth_session", held), ("username", "ada"), ("password", PASSWORD)];
    let asked = world.send(post(PATH).form(&typed)).await;
    let said = asked.json();
    assert_eq!(
        (&said["otp_required"], &said["mfa_methods"]),
        (&json!(true), &json!(["totp", "recovery_code"]))
    );
    assert!(said.get("password_required").is_none() && said.get("method").is_none());
    let held = said["auth_session"].as_str().unwrap();
    let chosen = world.send(post(PATH).form(&[("auth_session", held), ("method", "totp")])).await;
    assert_eq!((chosen.status, &chosen.json()["method"]), (400, &json!("totp")));
    let wrong = world.send(post(PATH).form(&[("auth_session", held), ("otp", "12345")])).await;
    assert_eq!((wrong.status, wrong.error().as_str()), (400, "invalid_code"));
    assert_eq!(wrong.header("www-authenticate"), None);
    let code = shown(&pending, world.clock.now());
    let right = [("auth_session", held), ("otp", code.expose()), ("client_id", "spa")];
    let done = world.send(post(PATH).form(&right)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let tokens = redeem(&world, done.json()["authorization_code"].as_str().unwrap()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let again = world.send(post(PATH).form(&right)).await;
    assert_eq!((again.status, again.error().as_str()), (400, "invalid_session"), "finished");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_alike() {
    let world = world().await;
    let mut answers = Vec::new();
    for (name, password) in [("ada", "wrong"), ("nobody", PASSWORD)] {
        let before = world.hashed();
        let answer = world.send(with_password(name, password)).await;
        assert_eq!(world.hashed() - before, 1, "{name}");
        let header = |name| answer.header(name).map(str::to_owned);
        answers.push((answer.status, answer.text(), header("content-length"), header("www-authenticate")));
    }
    assert_eq!(answers[0].0, 400);
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn partial_states_open_one_door_each() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let (held, token) = (session(&world).await, partial(&world, json!({})).await);
    let code = shown(&pending, world.clock.now());
    let code = code.expose();
    let here = world.send(post(PATH).form(&[("auth_session", &token), ("otp", code)])).await;
    assert_eq!(here.error(), "invalid_session");
    for (path, body) in [
        ("/auth/mfa/verify", json!({ "token": held, "code": code })),
        ("/auth/mfa/challenge", json!({ "token": held, "method": "totp" })),
    ] {
        let there = world.send(post(path).json(&body)).await;
        assert_eq!((there.status, there.error().as_str()), (401, "invalid_token"), "{path}");
    }
    for ask in [
        get("/oauth/userinfo").bearer(&held),
        post("/auth/refresh").json(&json!({ "refresh_token": held })),
        post("/auth/logout").bearer(&held),
        world.refresh(&held),
        post("/auth/passwordless/verify")
            .json(&json!({ "email": "ada@example.test", "code": "1", "flow": held })),
    ] {
        let answer = world.send(ask).await;
        assert!((400..=403).contains(&answer.status), "{} {}", answer.status, answer.text());
    }
    for cookie in ["countersign-session", "countersign-flow", "countersign-refresh"] {
        let ask = get("/account").with("Cookie", &format!("{cookie}={held}"));
        assert_eq!(world.send(ask).await.status, 303, "{cookie}: to the sign-in page");
    }
    let thief = [("auth_session", held.as_str()), ("otp", code), ("client_id", "other")];
    assert_eq!(world.send(post(PATH).form(&thief)).await.error(), "invalid_session", "another client's");
    let right = [("auth_session", held.as_str()), ("otp", code)];
    assert_eq!(world.send(post(PATH).form(&right)).await.status, 200, "and is as good as before");
}

#[tokio::test]
async fn only_pages_of_the_client_read_the_answer() {
    let world = world().await;
    for origin in [OTHER_ORIGIN, "https://evil.example", "null"] {
        for ask in [begin(&[]), with_password("ada", PASSWORD), with_password("ada", "wrong")] {
            let answer = world.send(ask.with("Origin", origin)).await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        }
    }
    let refused = world.send(with_password("ada", "wrong")).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    let indirect = post(PATH).form(&[&[("client_id", "indirect")], &REQUEST[1..]].concat());
    let indirect = world.send(indirect).await;
    assert_eq!((indirect.status, indirect.error().as_str()), (400, "unauthorized_client"));
}

#[tokio::test]
async fn bad_input() {
    let world = world().await;
    enrolled(&world).await;
    let rows: [Row<'_>; 12] = [
        ("client_id", "spa", "invalid_client", "invalid_client"),
        ("response_type", "code", OPTIONAL, "unsupported_response_type"),
        ("redirect_uri", CALLBACK, OPTIONAL, "invalid_request"),
        ("scope", "openid", OPTIONAL, "invalid_scope"),
        ("resource", API, OPTIONAL, "invalid_target"),
        ("code_challenge", CHALLENGE, "invalid_request", "invalid_request"),
        ("code_challenge_method", "S256", "invalid_request", "invalid_request"),
        ("nonce", "n", OPTIONAL, ANY),
        ("prompt", "login", OPTIONAL, "invalid_request"),
        ("max_age", "60", OPTIONAL, "invalid_request"),
        ("acr_values", "urn:countersign:1", OPTIONAL, ANY),
        ("state", "s", OPTIONAL, ANY),
    ];
    check_forms(&world, PATH, None, &rows).await;
    let held = session(&world).await;
    let rows: [Row<'_>; 2] = [
        ("auth_session", &held, "invalid_client", "invalid_session"),
        ("method", "totp", "insufficient_authorization", "method_unavailable"),
    ];
    check_forms(&world, PATH, None, &rows).await;
    let named = form(&[("auth_session", "x"), ("client_id", "spa")]);
    let form_type = "application/x-www-form-urlencoded";
    let answer = world.send(post(PATH).body(form_type, named)).await;
    assert_eq!(answer.error(), "invalid_session");
}
