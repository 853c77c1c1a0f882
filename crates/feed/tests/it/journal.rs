use crate::issuer::{Issuer, SALT, at, token};
use countersign_feed::journal::{Entry, replay};
use countersign_feed::{Follower, Need};
use std::time::Duration;

const START: Duration = Duration::from_secs(1_000);

/// Where a journal may be cut: bytes, rules known, rules proven.
type Cuts = Vec<(usize, u64, u64)>;

/// A journal over a snapshot and two polls.
fn journal(issuer: &mut Issuer) -> (Vec<u8>, Cuts) {
    let mut follower = Follower::new(issuer.pins());
    follower.keep();
    issuer.add(30);
    issuer.make_snapshot(20);
    follower.head(&issuer.head(at(0)), at(0), START).unwrap();
    follower.gone();
    follower.snapshot(&issuer.snap.as_ref().unwrap().1).unwrap();
    follower.page(issuer.page(20, 30), at(0), START).unwrap();
    issuer.add(5);
    follower.page(issuer.tail(30, at(1)), at(1), START).unwrap();
    follower.head(&issuer.head(at(2)), at(2), START).unwrap();
    let entries = follower.kept();
    assert_eq!(follower.kept(), []);
    // Head and the snapshot it names; the same head and the other rules it covers; the second one; the last.
    let expected = [Some((0, 0)), Some((20, 0)), None, Some((30, 30)), None, Some((35, 35)), Some((35, 35))];
    assert_eq!(entries.len(), expected.len());
    let (mut bytes, mut cuts) = (Vec::new(), vec![(0, 0, 0)]);
    for (entry, expected) in entries.iter().zip(expected) {
        entry.append(&mut bytes);
        cuts.extend(expected.map(|(known, proven)| (bytes.len(), known, proven)));
    }
    (bytes, cuts)
}

fn sessions(follower: &Follower) -> u64 {
    let view = follower.view();
    let covered = |n: &u64| view.covers(&token(&SALT, *n), 1, |salt| token(salt, *n)).is_some();
    (1..=40).filter(covered).count() as u64
}

#[test]
fn replayed_after_a_restart_with_the_issuer_down() {
    let mut issuer = Issuer::new();
    let (bytes, _) = journal(&mut issuer);
    let mut follower = Follower::new(issuer.pins());
    let now = Duration::from_secs(7);
    let replayed = replay(&mut follower, &bytes, at(3_600), now);
    assert_eq!((replayed.good, replayed.refused), (bytes.len(), None));
    assert_eq!(sessions(&follower), 35);
    assert_eq!(follower.view().age(now), Some(Duration::from_secs(3_598)), "expired, and as old as it is");
    assert_eq!(follower.need(), Need::Nothing);
    // A clock that is behind: the rules count, the age is not known.
    let mut follower = Follower::new(issuer.pins());
    assert_eq!(replay(&mut follower, &bytes, at(-60), now).good, bytes.len());
    assert_eq!((sessions(&follower), follower.view().age(now)), (35, None));
}

#[test]
fn believed_up_to_where_it_was_cut_or_altered() {
    let mut issuer = Issuer::new();
    let (bytes, cuts) = journal(&mut issuer);
    let upto = |end: usize| *cuts.iter().rfind(|(good, ..)| *good <= end).unwrap();
    for cut in (0..bytes.len()).step_by(5).chain(cuts.iter().map(|(end, ..)| *end)) {
        let mut follower = Follower::new(issuer.pins());
        let replayed = replay(&mut follower, &bytes[..cut], at(3), START);
        let (good, known, proven) = upto(cut);
        assert_eq!(replayed.good, good, "cut at {cut}");
        assert_eq!(replayed.refused.is_some(), cut != good);
        assert_eq!(follower.proven().map_or(0, |head| head.seq), proven);
        assert_eq!(sessions(&follower), known);
        // And it goes on from there.
        let after = usize::try_from(known).unwrap();
        follower.page(issuer.tail(after, at(4)), at(4), START).unwrap();
        assert_eq!((sessions(&follower), follower.need()), (35, Need::Nothing), "cut at {cut}");
    }
    for place in (0..bytes.len()).step_by(3) {
        let mut altered = bytes.clone();
        altered[place] ^= 1 << (place % 8);
        let mut follower = Follower::new(issuer.pins());
        let replayed = replay(&mut follower, &altered, at(3), START);
        let (good, known, proven) = upto(place);
        assert_eq!(replayed.good, good, "altered at {place}");
        assert!(replayed.refused.is_some());
        assert_eq!(follower.proven().map_or(0, |head| head.seq), proven, "altered at {place}");
        assert_eq!((sessions(&follower), follower.view().status().rules as u64), (known, known));
    }
}

#[test]
fn an_unknown_entry_ends_it() {
    let mut issuer = Issuer::new();
    let (mut bytes, _) = journal(&mut issuer);
    let good = bytes.len();
    bytes.extend([0, 0, 0, 1, 9, 0]);
    Entry::Head(issuer.head(at(3))).append(&mut bytes);
    let mut follower = Follower::new(issuer.pins());
    let replayed = replay(&mut follower, &bytes, at(3), START);
    assert_eq!(replayed.good, good);
    assert!(replayed.refused.unwrap().to_string().contains("kind 9"));
}
