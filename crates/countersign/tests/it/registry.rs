//! Clients, resources and keys: apply, list, show, remove, rotate, withdraw, export.

use crate::bin::Bin;
use serde_json::{Value, json};

fn shop() -> Value {
    json!({
        "client_id": "shop", "client_name": "Shop", "client_name#de": "Laden",
        "redirect_uris": ["https://shop.example/cb"], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid orders:read",
        "resources": ["urn:api:orders"], "contacts": ["ops@shop.example"],
    })
}

#[test]
fn clients_go_round() {
    let bin = Bin::new();
    bin.apply("resource", &json!({ "resource": "urn:api:orders", "scopes": ["orders:read"] })).ok();
    let machine = json!({
        "client_id": "machine", "client_secret": "0123456789abcdef0123456789abcdef", "redirect_uris": [],
        "grant_types": ["client_credentials"], "response_types": [], "scope": "orders:read",
        "resources": ["urn:api:orders"],
    });
    let applied = bin.apply("client", &json!([shop(), machine])).ok().json();
    assert_eq!((&applied[0]["client_id"], &applied[0]["created"]), (&json!("shop"), &json!(true)));
    let again = bin.apply("client", &shop()).ok().json();
    assert_eq!(again[0]["created"], json!(false));

    let shown = bin.run(&["client", "show", "shop"]).ok().json();
    for (name, value) in shop().as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    // What `show` prints is what `apply` takes.
    bin.apply("client", &shown).ok();
    assert_eq!(bin.run(&["client", "show", "shop"]).ok().json(), shown);
    let secretless = bin.run(&["client", "show", "machine"]).ok();
    assert!(!secretless.out.contains("0123456789abcdef"), "{secretless:?}");
    assert!(bin.run(&["client", "list"]).ok().out.contains("machine  confidential"));

    let secret = bin.run(&["client", "rotate-secret", "machine", "--json"]).ok().json();
    assert!(secret["client_secret"].as_str().unwrap().len() >= 43);
    bin.run(&["client", "rotate-secret", "shop"]).failed(1, "public");
    bin.run(&["client", "remove", "shop"]).ok();
    bin.run(&["client", "show", "shop"]).failed(1, "not_found");
    assert_eq!(bin.run(&["client", "list", "--json"]).ok().json().as_array().unwrap().len(), 1);
}

#[test]
fn a_document_is_applied_whole_or_not_at_all() {
    let bin = Bin::new();
    let mut bad = shop();
    bad["client_id"] = json!("other");
    bad["redirect_urls"] = json!([]);
    bin.apply("client", &json!([{ "client_id": "fine", "token_endpoint_auth_method": "none", "redirect_uris": ["https://a.example/cb"] }, bad]))
        .failed(1, "redirect_urls");
    assert_eq!(bin.run(&["client", "list", "--json"]).ok().json(), json!([]));
    bin.pipe(&["client", "apply", "-"], "{").failed(1, "invalid_json");
    bin.pipe(&["client", "apply", "-"], "5").failed(1, "invalid_client_metadata");
    bin.run(&["client", "apply", "missing.json"]).failed(1, "cannot_read: missing.json");
}

#[test]
fn resources_go_round() {
    let bin = Bin::new();
    let orders = json!({
        "resource": "urn:api:orders", "name": "Orders", "scopes": ["orders:read", "orders:write"],
        "by_role": ["orders:write"], "access_token_ttl": 60, "signing_alg": "Ed25519",
    });
    let applied = bin.apply("resource", &orders).ok().json();
    assert_eq!(applied, json!([{ "resource": "urn:api:orders", "created": true }]));
    let shown = bin.run(&["resource", "show", "urn:api:orders"]).ok().json();
    assert_eq!(shown, orders);
    assert_eq!(bin.apply("resource", &shown).ok().json()[0]["created"], json!(false));
    let secret =
        bin.apply("resource", &json!({ "resource": "urn:api:iot", "scopes": [], "signing_alg": "HS256" }));
    let secret = secret.ok().json()[0]["secret"].as_str().unwrap().to_owned();
    assert!(secret.len() >= 32);
    let ran = bin.run(&["resource", "show", "urn:api:iot"]).ok();
    assert!(!ran.out.contains(&secret), "{ran:?}");
    assert_eq!(bin.run(&["resource", "list", "--json"]).ok().json().as_array().unwrap().len(), 2);
    bin.run(&["resource", "remove", "urn:api:iot"]).ok();
    bin.run(&["resource", "remove", "urn:api:iot"]).failed(1, "not_found");
    bin.apply("resource", &json!({ "resource": "not a uri", "scopes": [] })).failed(1, "error: ");
}

#[test]
fn keys_live_and_are_withdrawn() {
    let bin = Bin::new();
    let keys = bin.run(&["key", "list", "--json"]).ok().json();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    let mut all: Vec<_> = keys.as_array().unwrap().iter().map(|k| (text(k, "use"), text(k, "alg"))).collect();
    all.sort_unstable();
    let due = [("feed", "Ed25519"), ("token", "ES256"), ("token", "Ed25519"), ("token", "RS256")];
    assert_eq!(all, due.map(|(purpose, alg)| (purpose.to_owned(), alg.to_owned())));
    let jwks = bin.run(&["key", "export"]).ok().json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 3);
    assert!(jwks["keys"].as_array().unwrap().iter().all(|k| k["d"].is_null() && k["kid"].is_string()));

    let made = bin.run(&["key", "rotate", "--alg", "ES256", "--json"]).ok().json();
    assert_eq!(made[0]["state"], json!("pending"));
    let made = bin.run(&["key", "rotate", "--alg", "ES256", "--now", "--json"]).ok().json();
    assert_eq!(made[0]["state"], json!("active"));
    let kid = made[0]["kid"].as_str().unwrap();
    bin.run(&["key", "withdraw", kid]).ok();
    assert!(!bin.run(&["key", "export"]).ok().out.contains(kid));
    let keys = bin.run(&["key", "list", "--json"]).ok().json();
    let active = |k: &&Value| k["alg"] == json!("ES256") && k["state"] == json!("active");
    assert_eq!(keys.as_array().unwrap().iter().filter(active).count(), 1, "another took its place: {keys}");
    bin.run(&["key", "withdraw", "nothing"]).failed(1, "not_found");
}
