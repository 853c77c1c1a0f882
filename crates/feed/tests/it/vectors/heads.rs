//! Heads, good and bad.

use super::forge::{key, public, signed};
use crate::issuer::{FEED, ISSUER, SALT, START, at};
use countersign_feed::head::TYP;
use countersign_feed::{Chain, Head, Pins, SnapRef, Staleness};
use serde_json::{Value, json};

fn good() -> Head {
    let chain = Chain::genesis(&FEED.0, 1);
    Head {
        iss: ISSUER.into(),
        aud: Head::audience(ISSUER),
        feed: FEED,
        epoch: 1,
        seq: 0,
        as_of: at(0).millis(),
        chain,
        snap: None,
        salt: SALT,
        hb_ms: 500,
        policy: Staleness::default(),
        jwks: None,
        next_key: None,
        exp: START + 60,
    }
}

/// Name, head, moment (ms), whether it comes from a journal, code.
type Row = (&'static str, String, i64, bool, Option<&'static str>);

fn changed(name: &str, value: Option<Value>) -> Value {
    let mut claims = serde_json::to_value(good()).unwrap();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
    claims
}

pub(super) fn heads() -> Value {
    let pins = Pins::new(ISSUER, &[public("feed"), public("rs")]);
    let case = |(name, jws, now, kept, code): Row| {
        let now = countersign_token::Timestamp::from_millis(now);
        let came = if kept { pins.read_kept(&jws, now) } else { pins.read(&jws, now) };
        assert_eq!(came.as_ref().err().map(|error| error.code), code, "{name}: {came:?}");
        let seen = came.ok().map(|head| {
            json!({
                "epoch": head.epoch, "seq": head.seq, "as_of": head.as_of, "hb_ms": head.hb_ms,
                "soft": head.policy.soft, "hard": head.policy.hard, "snap": head.snap.map(|snap| snap.seq),
                "next_key": head.next_key, "chain": head.chain, "salt": head.salt,
            })
        });
        json!({ "name": name, "head": jws, "now": now.millis(), "kept": kept, "code": code, "says": seen })
    };
    let pinned = [public("feed"), public("rs")];
    let cases: Vec<_> = accepted().into_iter().chain(refused()).map(case).collect();
    json!([{ "issuer": ISSUER, "pins": pinned, "cases": cases }])
}

fn accepted() -> Vec<Row> {
    let now = at(0).millis();
    let sign = |claims: &Value| key("feed").sign(TYP, claims).unwrap();
    let snap = SnapRef { seq: 7, url: format!("{ISSUER}/rev/snap/1/7"), sha256: Chain([5; 32]) };
    let full = Head {
        seq: 9,
        snap: Some(snap),
        jwks: Some(Chain([6; 32])),
        next_key: Some("next".into()),
        policy: Staleness { soft: 1, hard: 9 },
        ..good()
    };
    vec![
        ("the first", sign(&serde_json::to_value(good()).unwrap()), now, false, None),
        ("with all members", sign(&serde_json::to_value(full).unwrap()), now, false, None),
        (
            "with members of a later version",
            sign(&changed("later", Some(json!({ "x": 1 })))),
            now,
            false,
            None,
        ),
        ("expired, within the skew", sign(&changed("exp", Some(json!(START)))), now + 4_999, false, None),
        ("expired, from a journal", sign(&changed("exp", Some(json!(START)))), now + 1_000_000, true, None),
    ]
}

fn refused() -> Vec<Row> {
    let now = at(0).millis();
    let sign = |claims: &Value| key("feed").sign(TYP, claims).unwrap();
    let text = serde_json::to_string(&good()).unwrap();
    let whole = serde_json::to_value(good()).unwrap();
    let header = |kid: &str| format!(r#"{{"alg":"EdDSA","typ":"{TYP}","kid":"{kid}"}}"#);
    let kid = key("feed").kid().to_owned();
    let row = |name, jws, code| (name, jws, now, false, Some(code));
    let mut rows = vec![
        row("another key", key("feed-other").sign(TYP, &whole).unwrap(), "unknown_key"),
        row("another key under the pinned id", signed("feed-other", header(&kid), &text), "bad_signature"),
        row("a pinned key of another algorithm", key("rs").sign(TYP, &whole).unwrap(), "wrong_algorithm"),
        row("an access token's type", key("feed").sign("at+jwt", &whole).unwrap(), "wrong_type"),
        row("another issuer", sign(&changed("iss", Some(json!("https://evil.example")))), "wrong_issuer"),
        row("another audience", sign(&changed("aud", Some(json!(ISSUER)))), "wrong_audience"),
        row("audiences in a list", sign(&changed("aud", Some(json!([Head::audience(ISSUER)])))), "malformed"),
        row(
            "a member twice",
            signed("feed", header(&kid), text.replace("\"seq\":0", "\"seq\":0,\"seq\":9")),
            "malformed",
        ),
        row("no expiry", sign(&changed("exp", None)), "missing_claim"),
        row("not a token", "head".to_owned(), "malformed"),
        ("expired", sign(&changed("exp", Some(json!(START)))), now + 5_000, false, Some("expired")),
    ];
    for (name, member, value) in [
        ("seq a text", "seq", json!("0")),
        ("seq below zero", "seq", json!(-1)),
        ("seq with a fraction", "seq", json!(0.5)),
        ("as_of a text", "as_of", json!("0")),
        ("a short chain", "chain", json!("AAAA")),
        ("a padded salt", "salt", json!("CQkJCQkJCQkJCQkJCQkJCQ==")),
        ("a short feed", "feed", json!("")),
        ("policy a list", "policy", json!([5])),
        ("snap without a digest", "snap", json!({ "seq": 1, "url": "x" })),
    ] {
        rows.push(row(
            name,
            sign(&changed(member, Some(value))),
            if name == "snap without a digest" { "missing_claim" } else { "malformed" },
        ));
    }
    for member in ["feed", "epoch", "seq", "as_of", "chain", "salt", "hb_ms", "policy"] {
        rows.push(row("a member is missing", sign(&changed(member, None)), "missing_claim"));
    }
    rows
}
