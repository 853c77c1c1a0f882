//! Every parameter of the feed's endpoints, spoiled in every way.

use super::ack;
use crate::bad_input::{judge, spoiled_texts};
use crate::wire::{Ask, form, get, post};
use crate::world::{BACKEND_SECRET, World, world};
use serde_json::{Value, json};

/// A parameter: its good value, whether it must be there.
type Row<'a> = (&'a str, &'a str, bool);

const NUMBERS: [&str; 9] = [
    "-1",
    "+1",
    "01",
    "1.5",
    "1e3",
    "0x1",
    "18446744073709551616",
    "\u{661}",
    "\"><script>alert(1)</script>",
];

async fn check_query(world: &World, path: &str, rows: &[Row<'_>], wrong: &[&str]) {
    let before = world.log_end().await;
    for (name, value, needed) in rows {
        let kept = rows.iter().filter(|(n, ..)| n != name).map(|(n, v, _)| (*n, *v)).collect::<Vec<_>>();
        let rest = form(&kept);
        let encoded = form(&[(name, value)]);
        let mut spoiled = vec![("twice".to_owned(), format!("{encoded}&{encoded}"))];
        spoiled.extend(
            spoiled_texts().into_iter().map(|(why, text)| (why.to_owned(), format!("{name}={text}"))),
        );
        spoiled.extend(wrong.iter().map(|text| (format!("{text:?}"), form(&[(name, text)]))));
        if *needed {
            spoiled.push(("missing".to_owned(), String::new()));
            spoiled.push(("empty".to_owned(), format!("{name}=")));
        }
        for (why, piece) in spoiled {
            let answer = world.send(get(&format!("{path}?{rest}&{piece}"))).await;
            judge(path, &format!("{name} {why}"), &answer, "invalid_request");
        }
    }
    assert_eq!(world.log_end().await, before, "{path}: nothing is written");
}

#[tokio::test]
async fn the_tail_of_the_log() {
    let world = world().await;
    let rows = [("epoch", "1", true), ("from", "0", true), ("wait", "0", false)];
    check_query(&world, "/rev/log", &rows, &NUMBERS).await;
    check_query(
        &world,
        "/rev/log",
        &[("epoch", "1", true), ("from", "0", true), ("wait", "0", false)],
        &["~"],
    )
    .await;
    let long = world.send(get("/rev/log?epoch=1&from=0&wait=26")).await;
    judge("/rev/log", "a wait beyond the limit", &long, "invalid_request");
}

#[tokio::test]
async fn a_position_in_the_stream() {
    let world = world().await;
    let wrong =
        ["1", ".", "1.", ".1", "1.2.3", "01.1", "1.01", "-1.0", "1.-0", "a.b", "1.18446744073709551616"];
    check_query(&world, "/rev/stream", &[("from", "1.0", false)], &wrong).await;
    for value in wrong.iter().chain(&["1.0, 1.0", "\u{e9}"]) {
        let answer = world.send(get("/rev/stream").with("Last-Event-ID", value)).await;
        judge("/rev/stream", &format!("Last-Event-ID: {value}"), &answer, "invalid_request");
    }
    let twice = get("/rev/stream").with("Last-Event-ID", "1.0").with("Last-Event-ID", "1.0");
    judge("/rev/stream", "Last-Event-ID twice", &world.send(twice).await, "invalid_request");
}

#[tokio::test]
async fn numbers_in_paths() {
    let world = world().await;
    for folder in ["/rev/log", "/rev/snap"] {
        for rest in [
            "/",
            "/1",
            "/1/",
            "//1",
            "/1/01",
            "/01/1",
            "/-1/0",
            "/1/+0",
            "/1/0/",
            "/1/0/0",
            "/a/b",
            "/1/%30",
            "/1/18446744073709551616",
            "/../head",
            "/1/0x0",
        ] {
            let answer = world.send(get(&format!("{folder}{rest}"))).await;
            assert_eq!((answer.status, answer.error().as_str()), (404, "not_found"), "{folder}{rest}");
        }
    }
}

#[tokio::test]
async fn acknowledgements() {
    let world = world().await;
    let before = world.log_end().await;
    let ask =
        |body: Vec<u8>| post("/rev/ack").basic("backend", BACKEND_SECRET).body("application/json", body);
    let send = async |why: &str, body: Vec<u8>| {
        judge("/rev/ack", why, &world.send(ask(body)).await, "invalid_request");
    };
    let with = |name: &str, value: Value| {
        let mut all = ack::good();
        all[name] = value;
        all.to_string().into_bytes()
    };
    for name in ["verifier", "epoch", "seq", "hard", "modes"] {
        let mut rest = ack::good();
        rest.as_object_mut().unwrap().remove(name);
        send(&format!("{name} missing"), rest.to_string().into_bytes()).await;
        let text = ack::good().to_string();
        let twice = format!("{},\"{name}\":{}}}", &text[..text.len() - 1], ack::good()[name]);
        send(&format!("{name} twice"), twice.into_bytes()).await;
        for value in
            [Value::Null, json!(true), json!({}), json!([1]), json!(-1), json!(1.5), json!("~\u{e9}~")]
        {
            send(&format!("{name} = {value}"), with(name, value)).await;
        }
        let bytes = format!("{{\"{name}\":\"").into_bytes();
        send(&format!("{name} not UTF-8"), [bytes, b"\xff\"}".to_vec()].concat()).await;
    }
    send("a name too long", with("verifier", json!("x".repeat(65)))).await;
    send("an empty name", with("verifier", json!(""))).await;
    send("a name with a NUL", with("verifier", json!("a\0b"))).await;
    send("a bound too long", with("hard", json!(604_801))).await;
    send("an unknown mode", with("modes", json!(["ajar"]))).await;
    send("an unknown member", with("more", json!(1))).await;
    for whole in ["null", "[]", "1", "\"a\"", "{", "}", "{}{}", "", "\u{feff}{}", &"[".repeat(900)] {
        send(whole, whole.as_bytes().to_vec()).await;
    }
    let padded = format!("{}{}", ack::good(), " ".repeat(1_024));
    assert_eq!(world.send(ask(padded.into_bytes())).await.status, 413);
    let good = ack::good().to_string();
    for content_type in
        ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
    {
        let ask: Ask = post("/rev/ack").basic("backend", BACKEND_SECRET).body(content_type, good.clone());
        let answer = world.send(ask).await;
        assert_eq!((answer.status, answer.error().as_str()), (415, "invalid_request"), "{content_type}");
    }
    assert_eq!(world.log_end().await, before, "nothing is written");
}
