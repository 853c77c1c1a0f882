use crate::issuer::{FEED, Issuer};
use countersign_feed::{Chain, Cutoff, Kind, Rule, Snapshot, Table};
use proptest::prelude::*;

fn of(rules: Vec<Rule>) -> Snapshot {
    Snapshot { feed: FEED, epoch: 3, seq: 9, chain: Chain([5; 32]), rules }
}

fn any_rules() -> impl Strategy<Value = Vec<Rule>> {
    let h = prop_oneof![any::<u64>(), 1..300_u64, Just(u64::MAX)];
    let cutoff = prop_oneof![any::<u32>(), Just(u32::MAX), Just(u32::MAX - 1), Just(0)];
    let rule = (0..7_usize, h, cutoff, any::<u32>()).prop_map(|(kind, h, cutoff, until)| {
        let kind = Kind::ALL[kind];
        let h = if kind == Kind::Bucket { h & 0xffff } else { h.max(1) };
        Rule { kind, h, cutoff: Cutoff(cutoff), until }
    });
    prop::collection::vec(rule, 0..60).prop_map(|rules| {
        let table = Table::default();
        table.extend(&rules);
        table.rules()
    })
}

/// Written by hand from the description of the format.
#[test]
fn the_bytes_of_one() {
    let rule = |kind, h, cutoff, until| Rule { kind, h, cutoff: Cutoff(cutoff), until };
    let rules = vec![
        rule(Kind::Sub, 300, u32::MAX, 1_000),
        rule(Kind::Sub, 428, 0, 1_128),
        rule(Kind::Bucket, 0, 126, 1_001),
    ];
    let mut bytes = b"CSS1".to_vec();
    bytes.extend([7; 16]);
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9]);
    bytes.extend([5; 32]);
    bytes.extend([0, 0, 3, 0xe8]);
    bytes.extend([0; 12]);
    bytes.extend([0, 0, 0, 2, 0xac, 0x02, 0x00, 0x00, 0x80, 0x01, 0x01, 0x80, 0x01]);
    bytes.extend([0; 8]);
    bytes.extend([0, 0, 0, 1, 0x00, 0x7f, 0x01]);
    assert_eq!(of(rules.clone()).bytes(), bytes);
    assert_eq!(Snapshot::read(&bytes).unwrap(), of(rules));
}

#[test]
fn what_is_not_canonical_is_refused() {
    let fixed = of(vec![]).bytes()[..68].to_vec();
    let read = |least: u32, subs: &[u8], count: u8| {
        let mut bytes = fixed.clone();
        bytes.extend(least.to_be_bytes());
        bytes.extend([0; 12]);
        bytes.extend([0, 0, 0, count]);
        bytes.extend(subs);
        bytes.extend([0; 12]);
        Snapshot::read(&bytes).map_err(|error| error.code)
    };
    assert!(read(5, &[1, 1, 0], 1).is_ok());
    assert!(read(0, &[], 0).is_ok());
    let high = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let long = |last: &[u8]| [&high[..], last, &[1, 0]].concat();
    assert!(read(5, &long(&[0x01]), 1).is_ok());
    for (why, least, subs, count) in [
        ("a needless byte", 5, vec![0x81, 0x00, 1, 0], 1),
        ("65 bits", 5, long(&[0x02]), 1),
        ("eleven bytes", 5, long(&[0x81, 0x01]), 1),
        ("the same name twice", 5, vec![1, 1, 0, 0, 1, 0], 2),
        ("names beyond 64 bits", 5, [long(&[0x01]), vec![1, 1, 0]].concat(), 2),
        ("a cutoff beyond 32 bits", 5, vec![1, 0x80, 0x80, 0x80, 0x80, 0x10, 0], 1),
        ("an end beyond 32 bits", u32::MAX, vec![1, 1, 0, 1, 1, 1], 2),
        ("a least that no rule has", 5, vec![1, 1, 1], 1),
        ("a least of no rules", 5, vec![], 0),
    ] {
        assert_eq!(read(least, &subs, count), Err("malformed"), "{why}");
    }
    assert_eq!(read(5, &[1, 1, 0], 200), Err("truncated"), "refused before any room is made");
    let mut bytes = of(vec![]).bytes();
    bytes.push(0);
    assert_eq!(Snapshot::read(&bytes).unwrap_err().code, "malformed");
}

#[test]
fn of_an_issuer() {
    let mut issuer = Issuer::new();
    issuer.add(500);
    issuer.make_snapshot(400);
    let snapshot = Snapshot::read(&issuer.snap.as_ref().unwrap().1).unwrap();
    assert_eq!((snapshot.seq, snapshot.chain, snapshot.rules.len()), (400, issuer.chain(400), 400));
}

proptest! {
    #[test]
    fn round_trips(rules in any_rules()) {
        let snapshot = of(rules);
        prop_assert_eq!(Snapshot::read(&snapshot.bytes()).unwrap(), snapshot);
    }

    /// Whatever is read is what would be written: no two files say the same.
    #[test]
    fn one_file_for_one_content(
        rules in any_rules(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        cut in any::<usize>(),
    ) {
        let mut bytes = of(rules).bytes();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - cut % 4 / 3);
        if let Ok(snapshot) = Snapshot::read(&bytes) {
            prop_assert_eq!(snapshot.bytes(), bytes);
        }
    }
}
