//! `audit`: the log as people and collectors read it, and as a terminal may see it.

use crate::bin::{Bin, GOOD, within};
use countersign_runtime::issuer::model::EventKind;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::time::Duration;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// A server with a person, who typed a wrong password from a browser of that name.
fn house(bin: &Bin) -> crate::bin::Server {
    let server = bin.serve();
    bin.pipe(&["user", "add", "ada@example.com", "--password-stdin"], &format!("{GOOD}\n")).ok();
    let body = json!({ "username": "ada@example.com", "password": "wr0ng-guess-77" });
    let head = "content-type: application/json\r\nuser-agent: Evil\u{9b}31m \u{202e}browser\r\n";
    let refused = server.send("POST", "/auth/login", head, &body.to_string());
    assert_eq!(refused.status, 401, "{refused:?}");
    server
}

#[test]
fn searched_and_exported() {
    let bin = Bin::new();
    let _server = house(&bin);
    let found = bin.run(&["audit", "search", "--user", "ada@example.com", "--json"]).ok();
    let events = lines(&found.out);
    assert_eq!(events.len(), 2, "newest first: {events:?}");
    assert_eq!((&events[0]["kind"], &events[1]["kind"]), (&"login.failed".into(), &"user.created".into()));
    assert_eq!((&events[0]["ip"], &events[1]["by"]), (&"127.0.0.1".into(), &"operator".into()));
    assert_eq!(events[0]["user"], events[1]["user"]);
    let mut names: Vec<&String> = events[0].as_object().unwrap().keys().collect();
    names.sort();
    let due = [
        "at",
        "browser_session",
        "by",
        "by_id",
        "client",
        "data",
        "device",
        "ip",
        "kind",
        "seq",
        "session",
        "user",
    ];
    assert_eq!(names, due);

    let table = bin.run(&["audit", "search", "--kind", "login.failed", "--since", "1h"]).ok().out;
    assert!(
        table.contains("login.failed") && table.contains("ada@example.com") && table.contains("127.0.0.1")
    );
    assert_eq!(bin.run(&["audit", "search", "--until", "1h", "--json"]).ok().out, "");
    for text in [&found.out, &table] {
        let bad = text.chars().find(|c| c.is_control() && *c != '\n' || "\u{202e}\u{200b}".contains(*c));
        assert_eq!(bad, None, "{text:?}");
    }

    // A collector: from the beginning in small pages, and on from there.
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page =
            bin.run(&["audit", "search", "--json", "--limit", "3", "--after", &after.to_string()]).ok();
        let page = lines(&page.out);
        let Some(last) = page.last() else { break };
        after = last["seq"].as_i64().unwrap();
        all.extend(page);
    }
    let at_once = bin.run(&["audit", "search", "--json", "--limit", "5000", "--after", "0"]).ok();
    assert_eq!(all, lines(&at_once.out));
    assert!(all.windows(2).all(|w| w[0]["seq"].as_i64() < w[1]["seq"].as_i64()));
}

#[test]
fn names_that_are_not_known() {
    let bin = Bin::new();
    bin.run(&["audit", "search", "--kind", "login.fail"]).failed(1, "did you mean login.failed?");
    bin.run(&["audit", "search", "--user", "nobody"]).failed(1, "not_found: There is no user nobody");
    bin.run(&["audit", "tail", "--client", "nobody"]).failed(1, "not_found: There is no client nobody");
    bin.run(&["audit", "search", "--since", "yesterday"]).failed(2, "write how long ago");
    bin.run(&["audit", "verify", "--head", "7"]).failed(2, "write SEQ:LINK");
}

#[test]
fn followed_until_somebody_has_seen_enough() {
    let bin = Bin::new();
    let server = house(&bin);
    let mut child = bin
        .command(&["audit", "tail", "--follow", "--json", "--kind", "login.failed"])
        .stdin(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first: Value = serde_json::from_str(&out.next().unwrap()).unwrap();
    let body = json!({ "username": "ada@example.com", "password": "wr0ng-guess-78" });
    server.post_json("/auth/login", &body);
    let second: Value = serde_json::from_str(&out.next().unwrap()).unwrap();
    assert!(first["seq"].as_i64() < second["seq"].as_i64());
    let stopped =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(child.wait().unwrap().code(), Some(0), "Ctrl-C is how it ends");

    let mut child = bin.command(&["audit", "tail", "--follow"]).spawn().unwrap();
    drop(child.stdout.take());
    server.post_json("/auth/login", &body);
    within(Duration::from_secs(20), "a closed pipe ends it", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn whole_until_somebody_writes_without_the_key() {
    let bin = Bin::new();
    let server = house(&bin);
    let whole = bin.run(&["audit", "verify", "--json"]).ok().json();
    assert_eq!((&whole["whole"], &whole["before"]), (&true.into(), &0.into()));
    let head = whole["head"].as_str().unwrap();
    drop(server);
    bin.run(&["user", "disable", "ada@example.com"]).ok();
    assert!(bin.run(&["audit", "verify", "--head", head]).ok().out.contains("whole"));
    let (seq, link) = head.split_once(':').unwrap();
    let beyond = format!("{}:{link}", seq.parse::<i64>().unwrap() + 1_000);
    let cut = bin.run(&["audit", "verify", "--head", &beyond]).failed(1, "");
    assert!(cut.out.contains("its end is cut off"), "{cut:?}");
    // Another master key is how somebody without this one sees it.
    let other = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";
    std::fs::write(bin.data().join("master.key"), other).unwrap();
    assert_ne!(bin.run(&["audit", "verify"]).code, Some(0));
}

#[test]
fn the_guide_names_every_kind() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/audit.md"));
    let guide = guide.unwrap();
    for kind in EventKind::ALL {
        assert!(
            guide.contains(&format!("| `{}` |", kind.name())),
            "{} is not in docs/guide/audit.md",
            kind.name()
        );
    }
}
