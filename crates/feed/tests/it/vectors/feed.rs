//! Names, chains, pages and snapshots: bytes and what they mean, or why they are refused.

use crate::issuer::{FEED, SALT, START};
use countersign_feed::{Chain, Cutoff, Kind, Page, Rule, Snapshot, Table};
use countersign_token::base64url::encode;
use serde_json::{Value, json};

fn until(seconds: i64) -> u32 {
    u32::try_from(START + seconds).unwrap()
}

/// Of every kind, with the edges of its numbers.
pub(super) fn sample() -> Vec<Rule> {
    let rule = |kind, h, cutoff, until| Rule { kind, h, cutoff, until };
    let name = |kind, id| SALT.name(kind, "https://id.example", id);
    vec![
        rule(Kind::Sid, name(Kind::Sid, "s1"), Cutoff::ALWAYS, until(900)),
        rule(Kind::Sub, name(Kind::Sub, "u_1"), Cutoff(until(2)), until(3600)),
        rule(Kind::Jti, 1, Cutoff(0), 0),
        rule(Kind::Jti, u64::MAX, Cutoff::ALWAYS, u32::MAX),
        rule(Kind::Cid, name(Kind::Cid, "web"), Cutoff(until(-10)), until(900)),
        rule(Kind::Kid, name(Kind::Kid, "es"), Cutoff::ALWAYS, until(900)),
        rule(Kind::Iss, name(Kind::Iss, ""), Cutoff(until(-1000)), until(900)),
        rule(Kind::Bucket, 0, Cutoff(until(1)), until(900)),
        rule(Kind::Bucket, 0xffff, Cutoff::ALWAYS, until(901)),
        rule(Kind::Sid, name(Kind::Sid, "s2"), Cutoff::ALWAYS, until(901)),
    ]
}

fn shown(rule: &Rule) -> Value {
    let Rule { kind, h, cutoff, until } = *rule;
    json!([kind.name(), format!("{h:016x}"), cutoff.0, until])
}

pub(super) fn names() -> Value {
    let issuers = ["https://id.example", "https://id.example/tenant", ""];
    let ids = ["", "u_1", "Ünï-🔑", "a long id a long id a long id a long id a long id a long id a long id"];
    let mut cases = Vec::new();
    for kind in [Kind::Iss, Kind::Kid, Kind::Cid, Kind::Sub, Kind::Sid, Kind::Jti] {
        for issuer in issuers {
            for id in ids {
                let h = format!("{:016x}", SALT.name(kind, issuer, id));
                cases.push(json!({ "salt": encode(SALT.0), "kind": kind.name(), "issuer": issuer, "id": id, "h": h }));
            }
        }
    }
    Value::Array(cases)
}

pub(super) fn chains() -> Value {
    let rules = sample();
    let case = |epoch: u64| {
        let mut chain = Chain::genesis(&FEED.0, epoch);
        let mut links = vec![encode(chain.0)];
        for rule in &rules {
            chain = chain.then(rule);
            links.push(encode(chain.0));
        }
        let bytes: Vec<u8> = rules.iter().flat_map(Rule::bytes).collect();
        json!({ "feed": encode(FEED.0), "epoch": epoch, "rules": encode(bytes), "links": links })
    };
    json!([case(1), case(2), case(1 << 40)])
}

fn page_case(name: &str, bytes: &[u8]) -> Value {
    match Page::read(bytes) {
        Ok(page) => {
            assert_eq!(page.bytes(), bytes, "{name}");
            json!({
                "name": name, "bytes": encode(bytes), "epoch": page.epoch, "after": page.after,
                "chain": encode(page.chain.0), "rules": page.rules.iter().map(shown).collect::<Vec<_>>(), "head": page.head,
            })
        }
        Err(error) => json!({ "name": name, "bytes": encode(bytes), "code": error.code }),
    }
}

pub(super) fn pages() -> Value {
    let chain = Chain::genesis(&FEED.0, 3);
    let page = Page { epoch: 3, after: 0, chain, rules: sample(), head: Some("a.b.c".to_owned()) };
    let empty = Page { rules: Vec::new(), head: None, ..page.clone() };
    let (good, plain) = (page.bytes(), empty.bytes());
    let with = |at: usize, bytes: &[u8]| {
        let mut out = good.clone();
        out.splice(at..at + bytes.len(), bytes.iter().copied());
        out
    };
    let (count_at, rules_at) = (52, 56);
    let head_at = rules_at + 17 * page.rules.len();
    let cases = [
        ("ten rules and a head", good.clone(), None),
        ("no rules, no head", plain.clone(), None),
        ("late in the log", Page { after: 1 << 50, ..empty.clone() }.bytes(), None),
        ("nothing", Vec::new(), Some("truncated")),
        ("cut in the magic", good[..3].to_vec(), Some("truncated")),
        ("cut in a rule", good[..rules_at + 20].to_vec(), Some("truncated")),
        ("cut in the head", good[..good.len() - 1].to_vec(), Some("truncated")),
        ("a byte over", [&good[..], &[0]].concat(), Some("malformed")),
        ("other magic", with(0, b"CSS1"), Some("unsupported")),
        ("next version", with(3, b"2"), Some("unsupported")),
        ("too many rules", with(count_at, &65_537_u32.to_be_bytes()), Some("too_large")),
        ("more rules than there are", with(count_at, &65_536_u32.to_be_bytes()), Some("truncated")),
        ("kind zero", with(rules_at, &[0]), Some("unsupported")),
        ("kind nine", with(rules_at, &[9]), Some("unsupported")),
        ("a bucket over 16 bits", with(rules_at, &[7]), Some("malformed")),
        ("a coarse rule with a name", with(rules_at, &[8]), Some("malformed")),
        ("too long a head", with(head_at, &8193_u32.to_be_bytes()), Some("too_large")),
        ("a head that is not UTF-8", with(head_at + 4, &[0xff]), Some("malformed")),
    ];
    cases.iter().map(|(name, bytes, code)| expect(page_case(name, bytes), *code)).collect()
}

/// What is due is written by hand; what came must be that.
fn expect(case: Value, code: Option<&str>) -> Value {
    assert_eq!(case["code"].as_str(), code, "{}", case["name"]);
    case
}

fn snapshot_case(name: &str, bytes: &[u8]) -> Value {
    match Snapshot::read(bytes) {
        Ok(snapshot) => {
            assert_eq!(snapshot.bytes(), bytes, "{name}");
            json!({
                "name": name, "bytes": encode(bytes), "feed": encode(snapshot.feed.0), "epoch": snapshot.epoch,
                "seq": snapshot.seq, "chain": encode(snapshot.chain.0),
                "rules": snapshot.rules.iter().map(shown).collect::<Vec<_>>(),
            })
        }
        Err(error) => json!({ "name": name, "bytes": encode(bytes), "code": error.code }),
    }
}

pub(super) fn snapshots() -> Value {
    let table = Table::default();
    table.extend(&sample());
    let chain = Chain::genesis(&FEED.0, 3).over(&sample());
    let snapshot = Snapshot { feed: FEED, epoch: 3, seq: 10, chain, rules: table.rules() };
    let empty = Snapshot { rules: Vec::new(), ..snapshot.clone() };
    let one = Rule { kind: Kind::Iss, h: 5, cutoff: Cutoff(6), until: 7 };
    let one = Snapshot { rules: vec![one], ..snapshot.clone() }.bytes();
    let (good, fixed) = (snapshot.bytes(), 72);
    let after = |count: u32, rules: &[u8]| {
        // The least until is 7; one kind with rules, six without.
        [&one[..fixed], &count.to_be_bytes(), rules, &[0; 6 * 4]].concat()
    };
    let long = [0xff; 9];
    let cases = [
        ("every kind", good.clone(), None),
        ("no rules", empty.bytes(), None),
        ("one rule", one.clone(), None),
        ("the same, made by hand", after(1, &[5, 7, 0]), None),
        ("nothing", Vec::new(), Some("truncated")),
        ("other magic", [b"CSL1", &good[4..]].concat(), Some("unsupported")),
        ("cut", good[..good.len() - 1].to_vec(), Some("truncated")),
        ("a byte over", [&good[..], &[0]].concat(), Some("malformed")),
        ("too many rules", after(16 * 1024 * 1024 + 1, &[5, 7, 0]), Some("too_large")),
        ("no room for the rules", after(1000, &[5, 7, 0]), Some("truncated")),
        ("a name twice", after(2, &[5, 7, 0, 0, 7, 0]), Some("malformed")),
        ("a needless byte", after(1, &[0x85, 0, 7, 0]), Some("malformed")),
        ("a name over 64 bits", after(1, &[&long[..], &[0x02, 7, 0]].concat()), Some("malformed")),
        ("names over 64 bits", after(2, &[&long[..], &[0x01, 7, 0, 1, 7, 0]].concat()), Some("malformed")),
        ("a cutoff over 32 bits", after(1, &[5, 0x80, 0x80, 0x80, 0x80, 0x10, 0]), Some("malformed")),
        ("an until over 32 bits", after(1, &[5, 7, 0xff, 0xff, 0xff, 0xff, 0x0f]), Some("malformed")),
        ("a least until of no rule", after(1, &[5, 7, 1]), Some("malformed")),
    ];
    cases.iter().map(|(name, bytes, code)| expect(snapshot_case(name, bytes), *code)).collect()
}
