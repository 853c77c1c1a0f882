//! Streams cut into pieces, and the events they hold. Text that is no event of the feed is skipped.

use countersign_feed::stream::{Event, Reader};
use serde_json::{Value, json};

/// Name, the pieces, the events in them.
type Case = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

fn shown(event: &Event) -> Value {
    match event {
        Event::Rules(bytes) => json!(["rules", countersign_token::base64url::encode(bytes)]),
        Event::Head(jws) => json!(["head", jws]),
        Event::Hint(bytes) => json!(["hint", countersign_token::base64url::encode(bytes)]),
        Event::Jwks(digest) => json!(["jwks", digest]),
    }
}

pub(super) fn events() -> Value {
    let cases: [Case; 10] = [
        (
            "one of each",
            &[
                "event: head\ndata: a.b.c\n\nevent: rules\nid: 1.2\ndata: AAAA\n\nevent: hint\ndata: AAAA\n\nevent: jwks\ndata: x\n\n",
            ],
            &[("head", "a.b.c"), ("rules", "AAAA"), ("hint", "AAAA"), ("jwks", "x")],
        ),
        ("in pieces", &["ev", "ent: he", "ad\nda", "ta: a.b", ".c\n", "\n"], &[("head", "a.b.c")]),
        (
            "carriage returns",
            &["event: head\r\ndata: a\r\n\r\n", "event: head\rdata: b\r\r"],
            &[("head", "a"), ("head", "b")],
        ),
        ("a line end in two pieces", &["event: head\r", "\ndata: a\r", "\n\r", "\n"], &[("head", "a")]),
        ("comments", &[":\n\n", ": hello\nevent: head\n:\ndata: a\n\n"], &[("head", "a")]),
        (
            "unknown fields and events",
            &["retry: 5\nfoo\nevent: news\ndata: a\n\nevent: head\nx: y\ndata: b\n\n"],
            &[("head", "b")],
        ),
        ("no space after the colon", &["event:head\ndata:a\n\n"], &[("head", "a")]),
        ("two lines of data", &["event: head\ndata: a\ndata: b\n\n"], &[("head", "a\nb")]),
        ("no data", &["event: head\n\ndata: a\n\n"], &[]),
        ("not ended", &["event: head\ndata: a\n"], &[]),
    ];
    let case = |(name, pieces, due): &Case| {
        let mut reader = Reader::default();
        let came: Vec<_> = pieces.iter().flat_map(|piece| reader.push(piece.as_bytes()).unwrap()).collect();
        let came: Vec<_> = came.iter().map(shown).collect();
        let due: Vec<_> = due.iter().map(|(kind, data)| json!([kind, data])).collect();
        assert_eq!(came, due, "{name}");
        json!({ "name": name, "pieces": pieces, "events": due })
    };
    cases.iter().map(case).collect()
}
