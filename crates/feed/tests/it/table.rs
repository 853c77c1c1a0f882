use crate::issuer::{ISSUER, SALT, START, at, rule};
use countersign_feed::rule::{LINGER, Subject};
use countersign_feed::{Cutoff, Kind, Names, Rule, Table};
use countersign_token::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

fn names(h: u64) -> Names {
    Names { salt: SALT, iss: h, kid: Some(h), cid: h, sub: h, sid: Some(h), jti: Some(h) }
}

fn wide(kind: Kind, h: u64, cutoff: u32, until: u32) -> Rule {
    Rule { kind, h, cutoff: Cutoff(cutoff), until }
}

#[test]
fn every_kind_covers_what_it_names() {
    let user = "u_1";
    let of = |kind, id: &str| Rule { h: SALT.name(kind, ISSUER, id), ..rule(kind, 0) };
    let token = Subject {
        iss: ISSUER,
        kid: Some("key"),
        client_id: "client",
        sub: user,
        sid: Some("session"),
        jti: Some("token"),
    };
    let names = SALT.names(&token);
    let bucket = Rule { h: SALT.name(Kind::Sub, ISSUER, user) >> 48, ..rule(Kind::Bucket, 0) };
    let rules = [
        of(Kind::Iss, ""),
        of(Kind::Kid, "key"),
        of(Kind::Cid, "client"),
        of(Kind::Sub, user),
        of(Kind::Sid, "session"),
        of(Kind::Jti, "token"),
        bucket,
    ];
    for rule in rules {
        let table = Table::default();
        assert_eq!(table.covers(&names, 5), None);
        table.add(&rule);
        assert_eq!(table.covers(&names, 5), Some((rule.kind, rule)));
        assert_eq!(table.rules(), [rule]);
        // The same id as another kind is another name.
        let other = SALT.names(&Subject { iss: "https://other", sub: "u_2", ..token });
        assert_eq!(table.covers(&other, 5), None, "{rule:?}");
    }
}

#[test]
fn cutoffs_and_ends() {
    let table = Table::default();
    table.add(&wide(Kind::Sub, 1, 100, 500));
    assert!(table.covers(&names(1), 100).is_some());
    assert_eq!(table.covers(&names(1), 101), None);
    // The wider of each.
    table.add(&wide(Kind::Sub, 1, 90, 600));
    table.add(&wide(Kind::Sub, 1, 110, 400));
    assert_eq!(table.rules(), [wide(Kind::Sub, 1, 110, 600)]);
    assert!(table.holds(&wide(Kind::Sub, 1, 110, 600)));
    assert!(!table.holds(&wide(Kind::Sub, 1, 110, 601)));
    assert!(!table.holds(&wide(Kind::Sid, 1, 0, 0)));
    table.expire(Timestamp::from_seconds(600 + LINGER - 1));
    assert_eq!(table.len(), 1);
    table.expire(Timestamp::from_seconds(600 + LINGER));
    assert!(table.is_empty());
}

#[test]
fn coarse_drops_only_what_a_bucket_covers() {
    let sub = 0xabcd_0000_0000_0001;
    let other = 0x1234_0000_0000_0001;
    let held = |rules: &[Rule]| {
        let table = Table::default();
        table.extend(rules);
        let mut left: Vec<_> = table.rules();
        left.retain(|rule| rule.kind != Kind::Bucket);
        left
    };
    let fine = [
        wide(Kind::Sub, sub, 100, 500),
        wide(Kind::Sub, other, 100, 500),
        wide(Kind::Sid, 1, u32::MAX, 500),
        wide(Kind::Jti, 2, u32::MAX, 501),
        wide(Kind::Cid, 3, 100, 500),
    ];
    let coarse = |cutoff, until| wide(Kind::Coarse, 0, cutoff, until);
    let with = |more: &[Rule]| [&fine[..], more].concat();
    let kept = |gone: &[usize]| {
        let stays = fine.iter().enumerate().filter(|(place, _)| !gone.contains(place));
        let mut rules: Vec<_> = stays.map(|(_, rule)| *rule).collect();
        rules.sort_unstable();
        rules
    };
    let bucket = wide(Kind::Bucket, 0xabcd, 200, 500);
    assert_eq!(held(&with(&[bucket, coarse(200, 500)])), kept(&[0, 2]));
    // No bucket, a bucket that comes too late, ends too soon or is too narrow.
    assert_eq!(held(&with(&[coarse(200, 500)])), kept(&[]));
    assert_eq!(held(&with(&[coarse(200, 500), bucket])), kept(&[]));
    assert_eq!(held(&with(&[wide(Kind::Bucket, 0xabcd, 200, 499), coarse(200, 500)])), kept(&[]));
    assert_eq!(held(&with(&[wide(Kind::Bucket, 0xabcd, 99, 500), coarse(200, 500)])), kept(&[]));
    // Too narrow for this subject, however low the issuer's word.
    assert_eq!(held(&with(&[wide(Kind::Bucket, 0xabcd, 99, 500), coarse(50, 500)])), kept(&[2]));
    // It speaks of rules up to its own end only.
    assert_eq!(held(&with(&[bucket, coarse(200, 499)])), kept(&[]));
    // Rules that come later stay.
    let late = wide(Kind::Sub, sub + 1, 100, 500);
    assert!(held(&with(&[bucket, coarse(200, 500), late])).contains(&late));
}

#[test]
fn a_rule_takes_at_most_32_bytes() {
    let fixed = Table::default().bytes();
    let each = |table: &Table| (table.bytes() - fixed) / table.len();
    let rules: Vec<_> =
        (1..=200_000_u64).map(|n| wide(Kind::Jti, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0, 1)).collect();
    let at_once = Table::default();
    at_once.extend(&rules);
    assert!(each(&at_once) <= 24, "{}", each(&at_once));
    // The same again takes no more.
    let before = at_once.bytes();
    at_once.extend(&rules);
    assert_eq!(at_once.bytes(), before);
    let table = Table::default();
    for rules in rules.chunks(97) {
        table.extend(rules);
        assert!(table.len() < 1_000 || each(&table) <= 32, "{} at {}", each(&table), table.len());
    }
    table.expire(Timestamp::from_seconds(1 + LINGER));
    assert_eq!(table.bytes(), fixed);
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<Rule>),
    Expire(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(&Kind::ALL[..7]);
    // Few names, crowded at both ends of the array.
    let h = prop_oneof![1..20_u64, Just(u64::MAX), (1..20_u64).prop_map(|n| n << 48), any::<u64>()];
    let rule = (kind, h, 0..50_u32, 0..400_u32).prop_map(|(kind, h, cutoff, until)| {
        let h = if kind == Kind::Bucket { h >> 48 | h & 0xff } else { h.max(1) };
        wide(kind, h, cutoff, until)
    });
    prop_oneof![
        6 => prop::collection::vec(rule, 1..40).prop_map(Step::Add),
        1 => (0..400_u32).prop_map(Step::Expire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn as_a_sorted_map(steps in prop::collection::vec(step(), 1..30)) {
        let table = Table::default();
        let mut model: BTreeMap<(Kind, u64), (u32, u32)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Add(rules) => {
                    table.extend(&rules);
                    for rule in rules {
                        let held = model.entry((rule.kind, rule.h)).or_default();
                        *held = (held.0.max(rule.cutoff.0), held.1.max(rule.until));
                    }
                }
                Step::Expire(now) => {
                    table.expire(Timestamp::from_seconds(i64::from(now) + LINGER));
                    model.retain(|_, (_, until)| *until > now);
                }
            }
            let expected: Vec<_> =
                model.iter().map(|((kind, h), (cutoff, until))| wide(*kind, *h, *cutoff, *until)).collect();
            prop_assert_eq!(table.rules(), expected);
            prop_assert_eq!(table.len(), model.len());
            for h in (0..25).chain([u64::MAX, 1 << 48, 5 << 48]) {
                for iat in [0, 25, 49] {
                    let covered = model.iter().any(|((kind, name), (cutoff, _))| {
                        let named = if *kind == Kind::Bucket { h >> 48 } else { h };
                        *name == named && iat <= i64::from(*cutoff)
                    });
                    prop_assert_eq!(table.covers(&names(h), iat).is_some(), covered, "{} {}", h, iat);
                }
            }
        }
    }
}

/// Readers race growth, widening, expiry and coarsening: what was added and lives is always found.
#[test]
fn a_rule_once_seen_is_never_missed() {
    const RULES: u64 = 6_000;
    let table = Table::default();
    let added = AtomicU64::new(0);
    let until = u32::try_from(START).unwrap() + 1_000;
    let name = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::thread::scope(|scope| {
        for seed in 0..3_u64 {
            let (table, added) = (&table, &added);
            scope.spawn(move || {
                let mut pick = seed;
                loop {
                    let newest = added.load(Ordering::Acquire);
                    pick =
                        pick.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    for n in [newest, (pick >> 33) % newest.max(1) + 1] {
                        if n > 0 && n <= newest {
                            let h = name(n);
                            let names =
                                Names { iss: 1, kid: None, cid: 1, sub: h, sid: None, jti: None, salt: SALT };
                            assert!(table.covers(&names, 40).is_some(), "rule {n} of {newest} is not found");
                        }
                    }
                    if newest == RULES {
                        break;
                    }
                }
            });
        }
        for n in 1..=RULES {
            // One that is over soon, so that expiry has something to do.
            table.add(&wide(Kind::Jti, n, 0, 10));
            table.add(&wide(Kind::Sub, name(n), 50, until));
            added.store(n, Ordering::Release);
            table.add(&wide(Kind::Sub, name(n / 2 + 1), 60, until));
            if n % 50 == 0 {
                table.expire(at(0));
            }
            if n % 211 == 0 {
                let buckets: Vec<_> =
                    (n - 210..=n).map(|n| wide(Kind::Bucket, name(n) >> 48, 60, until)).collect();
                table.extend(&buckets);
                table.add(&wide(Kind::Coarse, 0, 60, until));
            }
        }
    });
    let subjects = table.rules().iter().filter(|rule| rule.kind == Kind::Sub).count();
    assert!(subjects < 6_000 / 2, "coarsening did something: {subjects}");
}
