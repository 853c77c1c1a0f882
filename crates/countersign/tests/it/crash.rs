//! kill -9 of a command while it writes: all of it or none of it, and the store stays sound.

use crate::bin::Bin;
use serde_json::{Value, json};
use std::process::Stdio;

#[test]
fn a_killed_apply_is_whole_or_nothing() {
    let bin = Bin::new();
    bin.run(&["user", "list"]).ok();
    let clients: Vec<Value> = (0..200)
        .map(|n| {
            json!({ "client_id": format!("c{n}"), "token_endpoint_auth_method": "none",
                         "redirect_uris": ["https://c.example/cb"] })
        })
        .collect();
    let file = bin.path().join("clients.json");
    std::fs::write(&file, json!(clients).to_string()).unwrap();
    let mut whole = 0;
    for round in 0..20_u32 {
        let mut command = bin.command(&["client", "apply", file.to_str().unwrap()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A different moment each time: after so many looks at whether it has ended.
        for _ in 0..round * round * 40 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
        drop(child.kill());
        child.wait().unwrap();
        let there = bin.run(&["client", "list", "--json"]).ok().json().as_array().unwrap().len();
        assert!(there == 0 || there == 200, "round {round}: {there} of 200");
        if there == 200 {
            whole += 1;
            for n in 0..3 {
                bin.run(&["client", "remove", &format!("c{n}")]).ok();
            }
            assert_eq!(bin.apply("client", &json!(clients)).ok().json().as_array().unwrap().len(), 200);
            break;
        }
    }
    let found = bin.run(&["doctor", "--json"]).json();
    let store = found["checks"].as_array().unwrap().iter().find(|c| c["check"] == "store").unwrap();
    assert_eq!(store["state"], "ok", "{found} after {whole}");
}

#[test]
fn a_first_start_killed_anywhere_is_made_good_by_the_next() {
    for round in 0..12_u32 {
        let bin = Bin::new();
        let mut child =
            bin.command(&["user", "list"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..round * round * 200 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
        drop(child.kill());
        child.wait().unwrap();
        assert_eq!(
            bin.run(&["key", "list", "--json"]).ok().json().as_array().unwrap().len(),
            4,
            "round {round}: three for tokens, one for the feed"
        );
    }
}

#[test]
fn many_commands_at_once_share_one_first_start() {
    let bin = Bin::new();
    std::thread::scope(|scope| {
        for n in 0..6 {
            let bin = &bin;
            scope.spawn(move || bin.run(&["user", "add", &format!("p{n}@example.com")]).ok());
        }
    });
    assert_eq!(bin.run(&["user", "list", "--json"]).ok().json().as_array().unwrap().len(), 6);
    assert_eq!(bin.run(&["key", "list", "--json"]).ok().json().as_array().unwrap().len(), 4);
}
