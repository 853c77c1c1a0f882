//! The vectors that the JavaScript verifier (`sdk/js`) is held to, in `sdk/vectors`.
//!
//! `cargo test -p countersign-feed --test it vectors -- --ignored` writes them. The other tests here read the
//! files and hold this implementation to them, so both sides agree or a test fails on one of them.

mod claims;
mod events;
mod feed;
mod forge;
mod heads;
mod scripts;
mod tokens;

use serde_json::Value;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/vectors")).join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap()
}

/// One case a line: readable, and differences stay small.
fn text(document: &Value) -> String {
    let mut out = String::from("{\n");
    let members = document.as_object().unwrap();
    for (place, (name, value)) in members.iter().enumerate() {
        let end = if place + 1 < members.len() { ",\n" } else { "\n" };
        match value.as_array() {
            Some(cases) if !cases.is_empty() => {
                let cases: Vec<_> = cases.iter().map(Value::to_string).collect();
                out.push_str(&format!("\"{name}\": [\n{}\n]{end}", cases.join(",\n")));
            }
            _ => out.push_str(&format!("\"{name}\": {value}{end}")),
        }
    }
    out.push_str("}\n");
    out
}

fn feed_document() -> Value {
    serde_json::json!({
        "names": feed::names(),
        "chains": feed::chains(),
        "pages": feed::pages(),
        "snapshots": feed::snapshots(),
        "heads": heads::heads(),
        "events": events::events(),
    })
}

fn script_document() -> Value {
    serde_json::json!({ "probes": scripts::probes_document(), "scripts": scripts::scripts() })
}

#[test]
#[ignore = "writes the files"]
fn write() {
    std::fs::write(path("tokens.json"), text(&tokens::document())).unwrap();
    std::fs::write(path("feed.json"), text(&feed_document())).unwrap();
    std::fs::write(path("follower.json"), text(&script_document())).unwrap();
}

#[test]
fn the_feed_vectors_are_current() {
    assert!(read("feed.json") == feed_document(), "see the module for how to write them");
}

#[test]
fn the_follower_scripts_are_current() {
    assert!(read("follower.json") == script_document(), "see the module for how to write them");
}

/// Signatures of some algorithms are random, so the tokens are judged instead of compared.
#[test]
fn the_token_vectors_are_current_and_judged_as_they_say() {
    let document = read("tokens.json");
    let plain = |document: &Value| {
        let cases = document["cases"].as_array().unwrap().iter();
        cases
            .map(|case| (case["name"].clone(), case["code"].clone(), case["claim"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(plain(&document), plain(&tokens::document()));
    tokens::judge_all(&document);
}
