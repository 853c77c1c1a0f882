//! The files are what this implementation would write.

use super::{documents, path, read, text, tokens};
use serde_json::Value;

#[test]
fn the_feed_vectors_and_follower_scripts_are_current() {
    for (name, document) in documents().into_iter().filter(|(name, _)| *name != "tokens.json") {
        let there = std::fs::read_to_string(path(name)).unwrap();
        assert!(there == text(&document), "{name}: see the module above for how to write them");
    }
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
