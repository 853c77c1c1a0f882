//! Every kind of token at every endpoint that takes one: only the right pairs pass, and a wrong pair uses
//! nothing up.

use crate::wire::{Answer, get, post};
use crate::world::{BACKEND_SECRET, CALLBACK, SHARER_SECRET, VERIFIER, World, world};
use countersign_issuer::port::StatusLists;
use serde_json::json;
use std::collections::BTreeMap;

/// Where a token may be shown.
const DOORS: [&str; 9] = [
    "userinfo",
    "api userinfo",
    "introspect",
    "revoke",
    "code",
    "refresh_token",
    "direct refresh",
    "direct logout",
    "direct logout bearer",
];

/// One of each, by name.
async fn tokens(world: &World) -> BTreeMap<&'static str, String> {
    let visitor = world.visitor().await;
    let code = world.code(&visitor).await;
    let redeemed = world.send(world.redeem(&code)).await;
    assert_eq!(redeemed.status, 200, "{}", redeemed.text());
    let redeemed = redeemed.json();
    let direct = world.login("spa").await;
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    BTreeMap::from([
        ("access", text(&redeemed["access_token"])),
        ("machine", world.machine_token("backend", BACKEND_SECRET).await),
        ("shared secret", world.machine_token("sharer", SHARER_SECRET).await),
        ("id", text(&redeemed["id_token"])),
        ("refresh", text(&direct["refresh_token"])),
        ("code", world.code(&visitor).await),
        ("spent code", code),
        ("cookie", "c".repeat(42) + "A"),
        ("status list", status_list(world).await),
        ("form token", world.issuer.sealer.form_token(&visitor.binding)),
        ("client secret", BACKEND_SECRET.to_owned()),
        ("client id", "spa".to_owned()),
        ("garbage", "eyJhbGciOiJub25lIn0.e30.".to_owned()),
    ])
}

/// Signed by the key of access tokens, for everybody.
async fn status_list(world: &World) -> String {
    let (now, until) = (world.clock.now(), world.clock.now() + std::time::Duration::from_secs(3_600));
    world.store.lease_status(None, now.seconds(), until, 0).await.unwrap();
    let list = world.send(get("/status/1")).await;
    assert_eq!(list.status, 200, "{}", list.text());
    list.text().to_string()
}

/// Shows a token at a door; did it open?
async fn opens(world: &World, door: &str, token: &str) -> bool {
    let backend = |path: &str| post(path).basic("backend", BACKEND_SECRET).form(&[("token", token)]);
    let ask = match door {
        "userinfo" => get("/oauth/userinfo").bearer(token),
        "api userinfo" => get("/api/userinfo").bearer(token),
        "introspect" => backend("/oauth/introspect"),
        "revoke" => backend("/oauth/revoke"),
        "code" => post("/oauth/token").form(&[
            ("grant_type", "authorization_code"),
            ("code", token),
            ("redirect_uri", CALLBACK),
            ("client_id", "spa"),
            ("code_verifier", VERIFIER),
        ]),
        "refresh_token" => world.refresh(token),
        "direct refresh" => post("/auth/refresh").json(&json!({ "refresh_token": token })),
        "direct logout" => post("/auth/logout").json(&json!({ "refresh_token": token })),
        "direct logout bearer" => post("/auth/logout").bearer(token),
        other => panic!("{other}"),
    };
    let answer: Answer = world.send(ask).await;
    assert!(answer.status < 500, "{door}: {}", answer.text());
    match door {
        "introspect" => answer.json()["active"] == json!(true),
        // RFC 7009 2.2 answers 200 to unknown tokens too: what counts is what it did.
        "revoke" => false,
        _ => answer.status < 300,
    }
}

/// The pairs that pass.
fn right(kind: &str, door: &str) -> bool {
    match kind {
        "access" => {
            matches!(
                door,
                "userinfo" | "api userinfo" | "introspect" | "direct logout" | "direct logout bearer"
            )
        }
        "machine" | "shared secret" => door == "introspect",
        "refresh" => {
            matches!(door, "refresh_token" | "direct refresh" | "direct logout" | "direct logout bearer")
        }
        "code" => door == "code",
        _ => false,
    }
}

#[tokio::test]
async fn wrong_pairs_never_pass() {
    let world = world().await;
    let tokens = tokens(&world).await;
    // The spent code would, rightly, take back what it gave: it is tried last.
    let (last, first): (Vec<_>, Vec<_>) = tokens.iter().partition(|(kind, _)| **kind == "spent code");
    for (kind, token) in first.into_iter().chain(last) {
        for door in DOORS.into_iter().filter(|door| !right(kind, door)) {
            // Its own client may revoke its token: not a wrong pair, and tried below.
            if !(door == "revoke" && *kind == "machine") {
                assert!(!opens(&world, door, token).await, "{kind} at {door}");
            }
        }
        if *kind == "spent code" {
            break;
        }
        let untouched = ["access", "machine", "shared secret"];
        for kind in untouched {
            assert!(opens(&world, "introspect", &tokens[kind]).await, "{kind} still lives");
        }
    }
}

#[tokio::test]
async fn right_pairs_pass() {
    for door in DOORS {
        for kind in ["access", "machine", "shared secret", "refresh", "code"] {
            if right(kind, door) {
                let world = world().await;
                let tokens = tokens(&world).await;
                assert!(opens(&world, door, &tokens[kind]).await, "{kind} at {door}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens_only() {
    let world = world().await;
    let tokens = tokens(&world).await;
    for (kind, due) in [
        ("access", "invalid_grant"),
        ("shared secret", "unsupported_token_type"),
        ("refresh", "invalid_grant"),
    ] {
        let ask = post("/oauth/revoke").basic("backend", BACKEND_SECRET).form(&[("token", &tokens[kind])]);
        let answer = world.send(ask).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, due), "{kind}");
    }
    let ask = post("/oauth/revoke").basic("backend", BACKEND_SECRET).form(&[("token", &tokens["machine"])]);
    let answer = world.send(ask).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(!world.is_active(&tokens["machine"]).await);
    assert!(world.is_active(&tokens["access"]).await);
    let unknown = post("/oauth/revoke").basic("backend", BACKEND_SECRET).form(&[("token", "unknown")]);
    assert_eq!(world.send(unknown).await.status, 200, "RFC 7009 2.2");
}

#[tokio::test]
async fn what_has_expired_opens_nothing() {
    let world = world().await;
    let tokens = tokens(&world).await;
    world.clock.advance_seconds(61);
    world.issuer.follow().await.unwrap();
    assert!(!opens(&world, "code", &tokens["code"]).await, "a code lives 60 s");
    assert!(opens(&world, "userinfo", &tokens["access"]).await);
    world.clock.advance_seconds(15 * 60);
    world.issuer.follow().await.unwrap();
    for kind in ["access", "machine", "shared secret"] {
        for door in DOORS.into_iter().filter(|door| right(kind, door)) {
            assert!(!opens(&world, door, &tokens[kind]).await, "{kind} at {door} after 15 minutes");
        }
    }
    assert!(opens(&world, "refresh_token", &tokens["refresh"]).await);
    world.clock.advance_seconds(7 * 24 * 3600 + 1);
    world.issuer.follow().await.unwrap();
    // Signing out still works: access tokens may outlive the session's own limits.
    for door in ["refresh_token", "direct refresh"] {
        assert!(!opens(&world, door, &tokens["refresh"]).await, "{door} after 7 days");
    }
}
