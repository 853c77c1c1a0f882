//! What the command line changes, a running server honours within a second.

use crate::bin::{Bin, GOOD, Server, within};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(1);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) fn set_up() -> (Bin, Server) {
    let bin = Bin::new();
    let server = bin.serve();
    bin.apply("resource", &json!({ "resource": "urn:api:orders", "scopes": ["orders:read"] })).ok();
    bin.apply(
        "client",
        &json!([
            { "client_id": "app", "token_endpoint_auth_method": "none", "redirect_uris": ["http://127.0.0.1/cb"],
              "grant_types": ["authorization_code", "refresh_token"], "scope": "openid orders:read",
              "resources": ["urn:api:orders"], "first_party": true, "direct": true,
              "refresh_without_offline_access": true },
            { "client_id": "machine", "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post",
              "grant_types": ["client_credentials"], "response_types": [], "redirect_uris": [],
              "scope": "orders:read", "resources": ["urn:api:orders"], "introspects": ["urn:api:orders"] }
        ]),
    )
    .ok();
    bin.pipe(&["user", "add", "ada@example.com", "--password-stdin"], &format!("{GOOD}\n")).ok();
    (bin, server)
}

fn login(server: &Server) -> crate::bin::Answer {
    let body = json!({ "username": "ada@example.com", "password": GOOD, "client_id": "app" });
    server.post_json("/auth/login", &body)
}

pub(crate) fn logged_in(server: &Server) -> Value {
    let mut tokens = Value::Null;
    within(SOON * 5, "sign-in", || {
        let answer = login(server);
        tokens = serde_json::from_str(&answer.body).unwrap_or_default();
        answer.status == 200
    });
    tokens
}

fn machine(server: &Server) -> crate::bin::Answer {
    let body = format!("grant_type=client_credentials&client_id=machine&client_secret={SECRET}");
    server.post_form("/oauth/token", &body)
}

fn active(server: &Server, token: &str) -> bool {
    let body = format!("token={token}&client_id=machine&client_secret={SECRET}");
    let answer = server.post_form("/oauth/introspect", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["active"] == json!(true)
}

#[test]
fn clients_and_people_come_and_go() {
    let (bin, server) = set_up();
    within(SOON, "the new client", || machine(&server).status == 200);
    within(SOON, "the new person", || login(&server).status == 200);
    bin.run(&["user", "disable", "ada@example.com"]).ok();
    within(SOON, "the disabled person", || login(&server).status == 401);
    bin.run(&["user", "enable", "ada@example.com"]).ok();
    // Disabling covers tokens up to 2 s ahead; a sign-in after it waits that out.
    within(SOON * 4, "the enabled person", || login(&server).status == 200);
    bin.run(&["client", "remove", "machine"]).ok();
    within(SOON, "the removed client", || machine(&server).status == 401);
}

#[test]
fn revocations_hold() {
    let (bin, server) = set_up();
    let token = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
    let first = token(&logged_in(&server));
    assert!(active(&server, &first));
    bin.pipe(&["revoke", "--token", "-"], &format!("{first}\n")).ok();
    within(SOON, "the revoked token", || !active(&server, &first));

    let tokens = logged_in(&server);
    let second = token(&tokens);
    assert!(active(&server, &second), "another token of the same person lives");
    bin.run(&["revoke", "--session", tokens["session_id"].as_str().unwrap()]).ok();
    within(SOON, "the ended session", || !active(&server, &second));

    let third = token(&logged_in(&server));
    assert!(active(&server, &third));
    bin.run(&["revoke", "--user", "ada@example.com"]).ok();
    within(SOON, "the signed-out person", || !active(&server, &third));
    bin.run(&["revoke", "--user", "nobody"]).failed(1, "not_found");
}

#[test]
fn keys_rotate_and_are_withdrawn() {
    let (bin, server) = set_up();
    let token = logged_in(&server)["access_token"].as_str().unwrap().to_owned();
    let shown = bin.pipe(&["token", "inspect", "--json"], &token).ok().json();
    let kid = shown["header"]["kid"].as_str().unwrap();
    bin.run(&["key", "rotate"]).ok();
    within(SOON, "the new keys in JWKS", || {
        server.get("/.well-known/jwks.json").json()["keys"].as_array().unwrap().len() == 6
    });
    assert!(active(&server, &token));
    bin.run(&["key", "withdraw", kid]).ok();
    within(SOON, "the withdrawn key", || !server.get("/.well-known/jwks.json").body.contains(kid));
    within(SOON, "its token", || !active(&server, &token));
}

#[test]
fn a_token_is_verified_against_the_running_issuer() {
    let (bin, server) = set_up();
    let token = logged_in(&server)["access_token"].as_str().unwrap().to_owned();
    let verify = |audience: &str| {
        bin.pipe(&["token", "verify", "--issuer", &server.issuer, "--audience", audience, "--json"], &token)
    };
    assert_eq!(verify("urn:api:orders").ok().json()["client_id"], json!("app"));
    verify("urn:api:other").failed(1, "wrong_audience");
}
