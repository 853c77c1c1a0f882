use crate::issuer::{Issuer, at};
use countersign_feed::stream::{COMMENT, Event, MOST_EVENT, Position, Reader};
use proptest::prelude::*;

fn events() -> Vec<Event> {
    let mut issuer = Issuer::new();
    issuer.add(3);
    vec![
        Event::Rules(issuer.page(1, 3).bytes()),
        Event::Head(issuer.head(at(0))),
        Event::Hint(vec![1, 2, 3]),
        Event::Jwks("digest".into()),
    ]
}

#[test]
fn written_and_read() {
    let mut reader = Reader::default();
    for event in events() {
        assert_eq!(reader.push(event.text().as_bytes()).unwrap(), [event]);
        assert_eq!(reader.push(COMMENT.as_bytes()).unwrap(), []);
    }
    assert_eq!(reader.last_id(), Some("1.3"));
}

#[test]
fn as_the_html_standard_says() {
    let head = |data: &str| Event::Head(data.to_owned());
    let cases: [(&str, Vec<Event>); 12] = [
        ("event: head\ndata: a\n\n", vec![head("a")]),
        ("event:head\r\ndata:a\r\n\r\n", vec![head("a")]),
        ("event: head\rdata: a\r\r", vec![head("a")]),
        ("\u{feff}event: head\ndata: a\n\n", vec![head("a")]),
        ("event: head\n\u{feff}data: a\n\n", vec![]),
        ("event: head\ndata: a\ndata: b\ndata\n\n", vec![head("a\nb\n")]),
        ("event: head\ndata:  a \n\n", vec![head(" a ")]),
        (": comment\n:\nevent: head\n:data: x\ndata: a\nretry: 5\nother\n\n", vec![head("a")]),
        ("event: head\nevent: jwks\ndata: a\n\n", vec![Event::Jwks("a".into())]),
        ("event: head\n\ndata: a\n\n", vec![]),
        ("event: news\ndata: a\n\ndata: b\n\n", vec![]),
        ("event: head\ndata: a\n", vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(Reader::default().push(text.as_bytes()).unwrap(), expected, "{text:?}");
    }
    let mut reader = Reader::default();
    reader.push(b"id: 1.2\ndata: a\n\nid: 1.3\ndata: a\n").unwrap();
    assert_eq!(reader.last_id(), Some("1.2"), "the event has not ended");
    reader.push(b"\nid: 9\0\n\n").unwrap();
    assert_eq!(reader.last_id(), Some("1.3"));
    assert_eq!(Reader::default().push(b"event: rules\ndata: a=\n\n").unwrap_err().code, "malformed");
    assert_eq!(Reader::default().push(b"data: \xff\n\n").unwrap_err().code, "malformed");
}

#[test]
fn nothing_grows_without_end() {
    let mut line = Reader::default();
    let piece = vec![b'a'; MOST_EVENT / 2];
    line.push(&piece).unwrap();
    line.push(&piece).unwrap();
    assert_eq!(line.push(b"a").unwrap_err().code, "too_large");
    let mut data = Reader::default();
    let text = [b"data: ", piece.as_slice(), b"\n"].concat();
    data.push(&text).unwrap();
    assert_eq!(data.push(&text).unwrap_err().code, "too_large");
}

#[test]
fn positions_are_strict() {
    let most = u64::MAX;
    assert_eq!(Position::read("0.0"), Some(Position { epoch: 0, seq: 0 }));
    assert_eq!(Position::read(&format!("12.{most}")), Some(Position { epoch: 12, seq: most }));
    for text in [
        "",
        ".",
        "1",
        "1.",
        ".1",
        "01.1",
        "1.01",
        "+1.1",
        "1.-1",
        "1.1.1",
        " 1.1",
        "1.1 ",
        "1,1",
        "1.18446744073709551616",
    ] {
        assert_eq!(Position::read(text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn however_the_bytes_are_cut(cuts in prop::collection::vec(0..4_000_usize, 0..60), ending in 0..3_usize) {
        let ending = ["\n", "\r", "\r\n"][ending];
        let text: String = events().iter().map(Event::text).collect::<String>().replace('\n', ending);
        let bytes = text.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut % bytes.len()).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let mut reader = Reader::default();
        let mut read = Vec::new();
        for cut in cuts.windows(2) {
            read.extend(reader.push(&bytes[cut[0]..cut[1]]).unwrap());
        }
        let (mut read_heads, mut heads) = (read, events());
        // Every world signs with a key of its own.
        for event in read_heads.iter_mut().chain(&mut heads) {
            if let Event::Head(jws) = event {
                *jws = jws.split('.').nth(1).unwrap_or_default().to_owned();
            }
        }
        prop_assert_eq!(read_heads, heads);
        prop_assert_eq!(reader.last_id(), Some("1.3"));
    }
}
