//! People and roles: add, list, show, change, remove.

use crate::bin::{Bin, GOOD};
use serde_json::json;

#[test]
fn a_person_from_first_to_last() {
    let bin = Bin::new();
    let args = [
        "user",
        "add",
        "ada@example.com",
        "--name",
        "Ada",
        "--username",
        "ada",
        "--password-stdin",
        "--json",
    ];
    let made = bin.pipe(&args, &format!("{GOOD}\n")).ok().json();
    assert!(made["id"].as_str().unwrap().starts_with("u_"), "{made}");
    assert_eq!(made["state"], json!("active"));
    let ran = bin.run(&["user", "add", "bob@example.com"]).ok();
    assert!(ran.err.contains("set-password"), "says how to give a password: {ran:?}");
    assert!(ran.out.starts_with("u_"), "the id is data: {ran:?}");

    for who in ["ada", "ADA@example.com", made["id"].as_str().unwrap()] {
        assert_eq!(bin.run(&["user", "show", who, "--json"]).ok().json()["name"], json!("Ada"), "{who}");
    }
    assert!(bin.run(&["user", "show", "ada"]).ok().out.contains("email     ada@example.com (not verified)"));
    let list = bin.run(&["user", "list", "--json"]).ok().json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(bin.run(&["user", "list"]).ok().out.starts_with("ID "));

    bin.run(&["user", "disable", "ada"]).ok();
    assert_eq!(bin.run(&["user", "show", "ada", "--json"]).ok().json()["state"], json!("disabled"));
    bin.run(&["user", "enable", "ada"]).ok();
    assert_eq!(bin.run(&["user", "show", "ada", "--json"]).ok().json()["state"], json!("active"));
    bin.pipe(&["user", "set-password", "bob@example.com"], "another-harbour-lantern-43\n").ok();
    bin.run(&["user", "remove", "ada"]).ok();
    bin.run(&["user", "show", "ada"]).failed(1, "not_found");
}

#[test]
fn what_is_refused_says_why() {
    let bin = Bin::new();
    let add = |email: &str, more: &[&str], password: &str| {
        let args: Vec<&str> =
            ["user", "add", email, "--password-stdin"].iter().chain(more).copied().collect();
        bin.pipe(&args, password)
    };
    add("ada@example.com", &["--username", "ada"], &format!("{GOOD}\n")).ok();
    add("Ada@example.com", &[], &format!("{GOOD}\n")).failed(1, "conflict");
    add("eve@example.com", &["--username", "ADA"], &format!("{GOOD}\n")).failed(1, "conflict");
    add("not an address", &[], &format!("{GOOD}\n")).failed(1, "invalid_request");
    let weak = add("eve@example.com", &[], "password1\n").failed(1, "weak_password");
    assert!(!weak.err.contains("password1"), "{weak:?}");
    add("eve@example.com", &[], "").failed(2, "standard input");
    bin.pipe(&["user", "set-password", "nobody"], &format!("{GOOD}\n")).failed(1, "not_found");
    bin.run(&["user", "disable", "nobody"]).failed(1, "not_found");
    assert_eq!(bin.run(&["user", "list", "--json"]).ok().json().as_array().unwrap().len(), 1);
}

/// As the pages take them (RFC 8265 4.2): 8 to 1,024 bytes, no control characters, composed, spaces kept.
#[test]
fn passwords_of_every_shape() {
    let bin = Bin::new();
    let server = bin.serve();
    bin.pipe(&["user", "add", "ada@example.com", "--password-stdin"], &format!("{GOOD}\n")).ok();
    let signs_in = |password: &str| {
        let ask = json!({ "username": "ada@example.com", "password": password });
        match server.post_json("/auth/login", &ask).status {
            200 => true,
            // Too long, or no text.
            400 | 401 => false,
            other => panic!("{other} for {password:.40?}"),
        }
    };
    let set =
        |password: &str| bin.pipe(&["user", "set-password", "ada@example.com"], &format!("{password}\n"));
    let long: String = "lorem ipsum dolor violet ".chars().cycle().take(1_024).collect();
    for bad in ["x", "\0", "correct\0horse battery staple", &format!("{long}x")] {
        set(bad).failed(1, "weak_password");
        assert!(!signs_in(bad), "{bad:.40?}");
    }
    assert!(signs_in(GOOD), "the one before stays");
    for (password, typed) in [
        (long.as_str(), long.as_str()),
        ("\u{1f418}\u{1f3b7} and two quiet hills", "\u{1f418}\u{1f3b7} and two quiet hills"),
        ("e\u{301}te\u{301} a\u{300} la plage 1937", "\u{e9}t\u{e9} \u{e0} la plage 1937"),
        (" outer spaces stay violet ", " outer spaces stay\u{a0}violet "),
    ] {
        set(password).ok();
        assert!(signs_in(typed), "{password:.40?}");
    }
    assert!(!signs_in("outer spaces stay violet"));
}

#[test]
fn factors_are_reset_by_the_operator() {
    let bin = Bin::new();
    bin.run(&["user", "reset-factors", "nobody"]).failed(1, "not_found");
    bin.pipe(&["user", "add", "ada@example.com", "--password-stdin"], &format!("{GOOD}\n")).ok();
    bin.run(&["user", "reset-factors", "ada@example.com"]).ok();
    bin.run(&["user", "reset-factors"]).failed(2, "<");
}

#[test]
fn roles_are_made_held_and_taken() {
    let bin = Bin::new();
    let api = json!({ "resource": "urn:api:orders", "scopes": ["orders:read", "orders:write"], "by_role": ["orders:write"] });
    bin.apply("resource", &api).ok();
    let args = [
        "role",
        "add",
        "editor",
        "--description",
        "May edit",
        "--grant",
        "urn:api:orders=orders:read,orders:write",
        "--json",
    ];
    let shown = json!({
        "name": "editor", "description": "May edit",
        "grants": { "urn:api:orders": ["orders:read", "orders:write"] },
    });
    assert_eq!(bin.run(&args).ok().json(), shown);
    assert_eq!(bin.run(&["role", "show", "editor", "--json"]).ok().json(), shown);
    assert_eq!(bin.run(&["role", "list", "--json"]).ok().json(), json!([shown]));
    bin.run(&["user", "add", "ada@example.com", "--role", "editor"]).ok();
    bin.run(&["user", "add", "bob@example.com", "--username", "bob"]).ok();
    let roles = |who: &str| bin.run(&["user", "show", who, "--json"]).ok().json()["roles"].clone();
    assert_eq!(roles("ada@example.com"), json!(["editor"]));
    bin.run(&["role", "assign", "bob", "editor"]).ok();
    assert_eq!(roles("bob"), json!(["editor"]));
    bin.run(&["role", "unassign", "bob", "editor"]).ok();
    assert_eq!(roles("bob"), json!([]));
    bin.run(&["role", "assign", "bob", "nobody-made-this"]).failed(1, "not_found");
    bin.run(&["role", "add", "x", "--grant", "urn:api:nothing=a"]).failed(1, "error: ");
    bin.run(&["role", "remove", "editor"]).ok();
    assert_eq!(roles("ada@example.com"), json!([]));
    bin.run(&["role", "show", "editor"]).failed(1, "not_found");
}
