//! The vectors that the JavaScript verifier (`sdk/js`) is held to, in `sdk/vectors`.
//!
//! `cargo run -p countersign-feed --example write-vectors` writes them. The tests here read the files and hold
//! this implementation to them, so both sides agree or a test fails on one of them.

mod claims;
#[cfg(test)]
mod current;
mod events;
mod feed;
mod forge;
mod heads;
mod scripts;
mod tokens;

use serde_json::Value;
use std::path::PathBuf;

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/vectors")).join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap()
}

/// Name and content of each file.
pub(crate) fn documents() -> [(&'static str, Value); 3] {
    [
        ("tokens.json", tokens::document()),
        ("feed.json", feed_document()),
        ("follower.json", script_document()),
    ]
}

/// One case a line: readable, and differences stay small.
pub(crate) fn text(document: &Value) -> String {
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
