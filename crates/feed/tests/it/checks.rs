//! What must hold for any bytes at all. The fuzz targets run these on what they find, a test on seeded mutations.

use countersign_feed::head::FeedId;
use countersign_feed::journal::{Entry, replay};
use countersign_feed::stream::{Position, Reader};
use countersign_feed::{Follower, Head, Page, Pins, Snapshot, Table};
use countersign_token::{Jwk, Timestamp};
use std::time::Duration;

/// When the seeds were made, with a minute of life left.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The issuer of the seeds.
pub(crate) const ISSUER: &str = "https://id.countersign.example";
/// Their feed.
pub(crate) const FEED: FeedId = FeedId([7; 16]);
const ELAPSED: Duration = Duration::from_secs(1);
/// The public key of RFC 8037 A.2, which signed the seeds.
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#;

/// Pins the key of the seeds.
pub(crate) fn pins() -> Pins {
    let key: Jwk = serde_json::from_str(KEY).unwrap();
    Pins::new(ISSUER, &[key])
}

/// A head is believed only as it was signed.
pub(crate) fn head(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pins = pins();
    if let Ok(head) = pins.read(text, NOW) {
        assert_eq!((head.iss.as_str(), head.feed), (ISSUER, FEED));
        assert_eq!(pins.read_kept(text, NOW).as_ref(), Ok(&head));
        let again: Head = serde_json::from_slice(&serde_json::to_vec(&head).unwrap()).unwrap();
        assert_eq!(again, head);
    }
    let mut follower = Follower::new(pins);
    let taken = follower.head(text, NOW, ELAPSED);
    assert_eq!(taken.is_ok(), follower.view().salt().is_some());
}

/// No two texts are the same page, and a page alone proves nothing.
pub(crate) fn page(data: &[u8]) {
    let Ok(page) = Page::read(data) else { return };
    assert_eq!(page.bytes(), data);
    let signed = page.head.is_some();
    let mut follower = Follower::new(pins());
    let _ = follower.page(page, NOW, ELAPSED);
    assert!(signed || follower.view().status().rules == 0);
}

/// No two texts are the same snapshot; its rules are in the order of the table.
pub(crate) fn snapshot(data: &[u8]) {
    let Ok(snapshot) = Snapshot::read(data) else { return };
    assert_eq!(snapshot.bytes(), data);
    assert!(snapshot.rules.is_sorted());
    let table = Table::default();
    table.extend(&snapshot.rules);
    // No token has the name zero: a rule for it is read, and not held.
    let named =
        snapshot.rules.iter().filter(|rule| rule.h != 0 || rule.kind == countersign_feed::Kind::Bucket);
    assert_eq!(table.rules(), named.copied().collect::<Vec<_>>());
}

/// However the bytes are cut, the same events come out.
pub(crate) fn stream(data: &[u8]) {
    let Some((step, data)) = data.split_first() else { return };
    let mut whole = Reader::default();
    let at_once = whole.push(data);
    let mut pieces = Reader::default();
    let by_piece: Result<Vec<_>, _> =
        data.chunks(usize::from(*step).max(1)).map(|piece| pieces.push(piece)).collect();
    assert_eq!(at_once, by_piece.map(|events| events.concat()));
    assert_eq!(whole.last_id(), pieces.last_id());
    if let Some(position) = whole.last_id().and_then(Position::read) {
        assert_eq!(Some(position.to_string().as_str()), whole.last_id());
    }
    for event in at_once.unwrap_or_default() {
        assert!(event.text().ends_with("\n\n"));
    }
}

/// What is called good is good: without the rest it comes to the same.
pub(crate) fn journal(data: &[u8]) {
    let read = |bytes: &[u8]| {
        let mut follower = Follower::new(pins());
        let replayed = replay(&mut follower, bytes, NOW, ELAPSED);
        let status = follower.view().status();
        (replayed, (follower.proven().cloned(), status.rules, status.forked, follower.need()))
    };
    let (replayed, known) = read(data);
    assert!(replayed.good <= data.len());
    assert_eq!(replayed.refused.is_some(), replayed.good < data.len());
    let (again, same) = read(&data[..replayed.good]);
    assert_eq!((again.good, again.refused, same), (replayed.good, None, known));
    let mut left = data;
    while let Ok(entry) = Entry::read(&mut left) {
        let mut bytes = Vec::new();
        entry.append(&mut bytes);
        let start = data.len() - left.len() - bytes.len();
        assert_eq!(data[start..start + bytes.len()], bytes);
    }
}
