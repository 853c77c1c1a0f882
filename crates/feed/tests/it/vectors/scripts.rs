//! What a follower is given, step by step, and what it makes of it. The refusal of each step is written by hand;
//! need, age, number of rules and what is covered are what this follower says, and what any other must say.

use super::forge::{key, public};
use crate::issuer::{Issuer, SALT, at, rule, token};
use countersign_feed::follower::Need;
use countersign_feed::journal::{Entry, replay};
use countersign_feed::{Cutoff, Follower, Head, Kind, Names, Page, Pins, Refused, Rule, Salt};
use countersign_token::base64url::encode;
use countersign_token::{Jwk, SigningKey, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

/// Sessions that are asked about after every step.
const PROBES: [u64; 6] = [1, 2, 3, 5, 40, 4000];
const IAT: i64 = crate::issuer::START - 100;

pub(super) fn probes_document() -> Value {
    let probe = |session: &u64| json!({ "iss": crate::issuer::ISSUER, "kid": "k", "client_id": "c", "sub": "u", "sid": session.to_string(), "jti": "j", "iat": IAT });
    PROBES.iter().map(probe).collect()
}

/// An issuer with the key of the vectors.
fn issuer() -> Issuer {
    Issuer { key: key("feed"), ..Issuer::new() }
}

/// One script in the making.
struct Script {
    name: &'static str,
    pins: Vec<Jwk>,
    follower: Follower,
    /// Seconds since the start.
    wall: i64,
    elapsed: i64,
    steps: Vec<Value>,
}

impl Script {
    fn new(name: &'static str) -> Self {
        let pins = vec![public("feed")];
        let follower = Follower::new(Pins::new(crate::issuer::ISSUER, &pins));
        Self { name, pins, follower, wall: 0, elapsed: 100, steps: Vec::new() }
    }

    fn pass(&mut self, seconds: i64) -> &mut Self {
        self.wall += seconds;
        self.elapsed += seconds;
        self
    }

    fn moment(&self) -> (Timestamp, Duration) {
        (at(self.wall), Duration::from_secs(u64::try_from(self.elapsed).unwrap()))
    }

    fn head(&mut self, jws: &str, due: &str) -> &mut Self {
        let (wall, elapsed) = self.moment();
        let came = self.follower.head(jws, wall, elapsed);
        self.step(json!({ "head": jws }), came, due)
    }

    fn page(&mut self, page: &Page, due: &str) -> &mut Self {
        let (wall, elapsed) = self.moment();
        let came = self.follower.page(page.clone(), wall, elapsed);
        self.step(json!({ "page": encode(page.bytes()) }), came, due)
    }

    fn snapshot(&mut self, bytes: &[u8], due: &str) -> &mut Self {
        let came = self.follower.snapshot(bytes);
        self.step(json!({ "snapshot": encode(bytes) }), came, due)
    }

    fn hint(&mut self, rules: &[Rule]) -> &mut Self {
        let chain = countersign_feed::Chain([0; 32]);
        let page = Page { epoch: 0, after: 0, chain, rules: rules.to_vec(), head: None };
        self.follower.hint(&page);
        self.step(json!({ "hint": encode(page.bytes()) }), Ok(()), "")
    }

    fn gone(&mut self) -> &mut Self {
        self.follower.gone();
        self.step(json!({ "gone": true }), Ok(()), "")
    }

    fn expire(&mut self) -> &mut Self {
        self.follower.expire(self.moment().0);
        self.step(json!({ "expire": true }), Ok(()), "")
    }

    fn pin(&mut self, keys: &[Jwk]) -> &mut Self {
        self.follower.pin(&Pins::new(crate::issuer::ISSUER, keys));
        self.step(json!({ "pin": keys }), Ok(()), "")
    }

    fn journal(&mut self, entries: &[Entry], good: usize) -> &mut Self {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for entry in entries {
            entry.append(&mut bytes);
            ends.push(bytes.len());
        }
        let (wall, elapsed) = self.moment();
        let replayed = replay(&mut self.follower, &bytes, wall, elapsed);
        assert_eq!(replayed.good, ends[good], "{}: {:?}", self.name, replayed.refused);
        self.step(json!({ "journal": encode(bytes), "good": good }), Ok(()), "")
    }

    fn step(&mut self, input: Value, came: Result<(), Refused>, due: &str) -> &mut Self {
        let came = came.map_or_else(|refused| code(&refused), |()| String::new());
        assert_eq!(came, due, "{}, step {}", self.name, self.steps.len());
        let (wall, elapsed) = self.moment();
        let view = self.follower.view();
        let covered = PROBES.map(|session| {
            let names = |salt: &Salt| token(salt, session);
            let names: Names = names(&view.salt().unwrap_or(SALT));
            view.covers(&names, IAT, |salt| token(salt, session)).map(|hit| hit.kind.name())
        });
        self.steps.push(json!({
            "wall": wall.millis(), "elapsed": elapsed.as_millis(), "input": input, "refused": came,
            "need": need(&self.follower.need()), "age": view.age(elapsed).map(|age| age.as_millis()),
            "rules": view.status().rules, "forked": view.status().forked, "covered": covered,
        }));
        self
    }

    fn done(&self) -> Value {
        json!({ "name": self.name, "issuer": crate::issuer::ISSUER, "pins": self.pins, "steps": self.steps })
    }
}

fn code(refused: &Refused) -> String {
    match refused {
        Refused::Head(error) => format!("head {}", error.code),
        Refused::Ahead(_) => "ahead".to_owned(),
        Refused::OtherFeed => "other_feed".to_owned(),
        Refused::Old => "old".to_owned(),
        Refused::Fork => "fork".to_owned(),
        Refused::Unproven(_) => "unproven".to_owned(),
        Refused::Format(error) => format!("format {}", error.code),
        other => other.to_string(),
    }
}

fn need(need: &Need) -> String {
    match need {
        Need::Nothing => "nothing".to_owned(),
        Need::Head => "head".to_owned(),
        Need::Log { epoch, after } => format!("log {epoch}.{after}"),
        Need::Snapshot(snap) => format!("snapshot {}", snap.seq),
    }
}

pub(super) fn scripts() -> Value {
    Value::Array(vec![
        in_order(),
        out_of_order(),
        age(),
        forged(),
        fork(),
        late_fork(),
        epochs(),
        snapshots(),
        not_there(),
        hints(),
        rotation(),
        journal(),
        coarse(),
        many_heads(),
        early_page(),
        expiry(),
    ])
}

fn in_order() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("heads and pages as they come"));
    script.head(&issuer.head(at(0)), "");
    issuer.add(2);
    script.pass(1).page(&issuer.page(0, 2), "").head(&issuer.head(at(1)), "");
    issuer.add(1);
    script.pass(1).head(&issuer.head(at(2)), "").page(&issuer.page(2, 3), "");
    issuer.add(2);
    script.pass(1).page(&issuer.tail(3, at(3)), "").page(&issuer.tail(3, at(3)), "");
    script.pass(1).page(&issuer.tail(5, at(4)), "").page(&issuer.page(0, 5), "");
    script.done()
}

fn out_of_order() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("gaps, repetitions, old heads"));
    issuer.add(5);
    let old = issuer.head(at(0));
    script.head(&old, "").page(&issuer.page(3, 5), "unproven").page(&issuer.page(0, 2), "");
    script.page(&issuer.page(1, 4), "").page(&issuer.page(4, 5), "").head(&old, "old");
    issuer.add(35);
    script.pass(1).head(&issuer.head(at(1)), "").head(&issuer.head(at(1)), "old");
    script.head(&issuer.claims_at(5, at(0)).sign(&issuer.key).unwrap(), "old");
    script.page(&issuer.page(5, 20), "").page(&issuer.page(10, 40), "");
    script.head("not a head", "head malformed").head(&"x".repeat(8193), "format too_large");
    script.done()
}

fn age() -> Value {
    let (issuer, mut script) = (issuer(), Script::new("how old knowledge is"));
    script.head(&issuer.head(at(-3)), "").pass(10).expire();
    script.head(&issuer.head(at(2)), "").head(&issuer.head(at(16)), "ahead").head(&issuer.head(at(15)), "");
    // The wall clock is set back an hour; time passes all the same.
    script.wall -= 3600;
    script.pass(7).expire();
    script.wall += 3600;
    script.pass(100).head(&issuer.head(at(20)), "head expired");
    script.done()
}

fn forged() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("rules that no head covers"));
    issuer.add(3);
    script.head(&issuer.head(at(0)), "");
    let mut forged = issuer.page(0, 3);
    forged.rules[1] = rule(Kind::Sid, 40);
    script.page(&forged, "unproven").page(&issuer.page(0, 3), "");
    // Beyond the head nothing is known yet; what waits is thrown away when the head comes.
    issuer.add(2);
    let mut forged = issuer.page(3, 5);
    forged.rules[0] = rule(Kind::Sid, 4000);
    script.pass(1).page(&forged, "").head(&issuer.head(at(1)), "unproven").page(&issuer.page(3, 5), "");
    let mut torn = issuer.page(2, 5);
    torn.chain = issuer.chain(1);
    torn.rules.push(rule(Kind::Sid, 40));
    script.page(&torn, "unproven");
    script.head(&issuer.claims(at(1)).sign(&key("feed-other")).unwrap(), "head unknown_key");
    let other = Issuer { feed: countersign_feed::head::FeedId([8; 16]), ..issuer };
    script.pass(1).head(&other.head(at(2)), "other_feed");
    script.done()
}

fn fork() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("the log was changed"));
    issuer.add(3);
    script.page(&issuer.tail(0, at(0)), "");
    let mut other = Issuer { key: key("feed"), rules: issuer.rules.clone(), ..Issuer::new() };
    other.rules[2] = rule(Kind::Sid, 40);
    script.pass(1).head(&other.head(at(1)), "fork").head(&issuer.head(at(1)), "fork");
    script.page(&issuer.page(0, 3), "fork").pass(10).expire();
    issuer.epoch = 2;
    issuer.rules.truncate(2);
    script.head(&issuer.head(at(11)), "").page(&issuer.page(0, 2), "");
    script.done()
}

fn late_fork() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("two heads that contradict each other"));
    issuer.add(3);
    script.page(&issuer.tail(0, at(0)), "");
    let mut other = Issuer { key: key("feed"), rules: issuer.rules.clone(), ..Issuer::new() };
    other.rules[1] = rule(Kind::Sid, 40);
    other.add(1);
    // Nothing can be held against it before its rules come.
    script.pass(1).head(&other.head(at(1)), "").page(&other.page(0, 4), "fork");
    script.done()
}

fn epochs() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("a store put back: rules of both epochs count"));
    issuer.add(3);
    script.page(&issuer.tail(0, at(0)), "");
    let stale = issuer.head(at(5));
    let mut second = Issuer { key: key("feed"), epoch: 2, salt: Salt([3; 16]), ..Issuer::new() };
    script.pass(1).head(&second.head(at(1)), "").pass(4).head(&stale, "old");
    // Named under the salt of its epoch.
    let h = second.salt.name(Kind::Sid, crate::issuer::ISSUER, "4000");
    second.rules.push(Rule { h, ..rule(Kind::Sid, 0) });
    script.page(&second.tail(0, at(5)), "").page(&issuer.page(0, 3), "unproven");
    let salted = Head { salt: SALT, ..second.claims(at(6)) };
    script.pass(1).head(&salted.sign(&second.key).unwrap(), "unproven");
    script.pass(2000).head(&second.head(at(2006)), "").expire();
    script.done()
}

fn snapshots() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("a snapshot instead of the log"));
    issuer.add(60);
    issuer.make_snapshot(50);
    let bytes = issuer.snap.clone().unwrap().1;
    script.snapshot(&bytes, "unproven").head(&issuer.head(at(0)), "").gone();
    let mut altered = bytes.clone();
    altered[80] ^= 1;
    script.snapshot(&altered, "unproven").snapshot(&bytes, "").snapshot(&bytes, "");
    script.page(&issuer.page(50, 60), "").snapshot(&bytes, "unproven");
    // Heads that name what is not a snapshot, or one of something else.
    let wrong = |sequel: &mut Script, bytes: &[u8], issuer: &mut Issuer, second: i64, due: &str| {
        issuer.add(1);
        let mut claims = issuer.claims(at(second));
        let named = claims.snap.as_mut().unwrap();
        named.sha256 = countersign_feed::Chain(sha256(bytes));
        let jws = claims.sign(&issuer.key).unwrap();
        sequel.pass(1).head(&jws, "").snapshot(bytes, due);
    };
    wrong(&mut script, b"CSS1", &mut issuer, 1, "format truncated");
    issuer.make_snapshot(51);
    let other = issuer.snap.clone().unwrap().1;
    issuer.make_snapshot(50);
    wrong(&mut script, &other, &mut issuer, 2, "unproven");
    script.done()
}

fn not_there() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("what is needed is not there"));
    issuer.add(10);
    script.head(&issuer.head(at(0)), "").gone();
    // Another head may help, or name a snapshot.
    script.pass(1).head(&issuer.head(at(1)), "").gone();
    issuer.make_snapshot(5);
    script.pass(1).head(&issuer.head(at(2)), "").gone();
    let first = issuer.snap.clone().unwrap().1;
    issuer.make_snapshot(8);
    script.pass(1).head(&issuer.head(at(3)), "").gone();
    script.snapshot(&issuer.snap.clone().unwrap().1, "unproven").snapshot(&first, "");
    script.page(&issuer.page(5, 10), "");
    script.done()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use countersign_token::provider::{DEFAULT, Provider};
    DEFAULT.sha256(bytes)
}

fn hints() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("rules ahead of their number"));
    script.hint(&[rule(Kind::Sid, 40)]).head(&issuer.head(at(0)), "");
    script.hint(&[rule(Kind::Sid, 1), rule(Kind::Sid, 40)]);
    issuer.add(1);
    script.pass(1).page(&issuer.tail(0, at(1)), "").hint(&[rule(Kind::Sid, 1)]);
    script.done()
}

fn rotation() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("the next feed key"));
    let next: SigningKey = key("feed-next");
    script.head(&issuer.head(at(0)), "").pass(1).pin(&[public("feed-next")]);
    // Another key under the id of the one that is believed.
    let other = key("feed-other").with_kid(issuer.key.kid());
    script.pin(&[other.public_jwk().unwrap()]);
    script.head(&issuer.claims(at(1)).sign(&other).unwrap(), "head bad_signature");
    script.head(&issuer.claims(at(1)).sign(&next).unwrap(), "head unknown_key");
    issuer.next_key = Some(next.kid().to_owned());
    script.head(&issuer.head(at(1)), "").pin(&[public("feed-next"), public("feed-other")]);
    script.pass(1).head(&issuer.head(at(2)), "head unknown_key");
    script.head(&issuer.claims(at(2)).sign(&key("feed-other")).unwrap(), "head unknown_key");
    script.head(&issuer.claims(at(2)).sign(&next).unwrap(), "");
    script.done()
}

fn journal() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("what was kept, read back"));
    issuer.add(5);
    issuer.make_snapshot(2);
    let named = issuer.head(at(0));
    let snapshot = issuer.snap.clone().unwrap().1;
    issuer.snap = None;
    let entries = [
        Entry::Head(named),
        Entry::Snapshot(snapshot),
        Entry::Page(issuer.page(2, 5)),
        Entry::Head(issuer.head(at(1))),
        Entry::Page(Page { rules: vec![rule(Kind::Sid, 40)], ..issuer.page(5, 5) }),
    ];
    // An hour later, at another machine: heads have long expired.
    script.wall = 3600;
    script.journal(&entries, 4).page(&issuer.tail(5, at(3600)), "");
    script.done()
}

fn coarse() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("fine rules give way to buckets"));
    issuer.add(3);
    let sub = rule(Kind::Sub, 0);
    let h = SALT.name(Kind::Sub, crate::issuer::ISSUER, "u");
    let until = sub.until;
    issuer.rules.push(Rule { h, cutoff: Cutoff(until - 1000), ..sub });
    script.page(&issuer.tail(0, at(0)), "");
    issuer.rules.push(Rule { kind: Kind::Bucket, h: h >> 48, cutoff: Cutoff(until - 900), until });
    issuer.rules.push(Rule { kind: Kind::Coarse, h: 0, cutoff: Cutoff(until - 900), until });
    issuer.rules.push(Rule { until: until + 10, ..rule(Kind::Sid, 40) });
    script.pass(1).page(&issuer.tail(4, at(1)), "");
    script.done()
}

fn many_heads() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("more heads than may wait"));
    script.head(&issuer.head(at(0)), "");
    for second in 1..=12 {
        issuer.add(1);
        script.pass(1).head(&issuer.head(at(second)), "");
    }
    script.page(&issuer.page(0, 3), "").page(&issuer.page(3, 12), "");
    script.done()
}

fn early_page() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("a page before the head of its epoch"));
    issuer.add(2);
    script.page(&issuer.page(0, 2), "").head(&issuer.head(at(0)), "");
    script.done()
}

fn expiry() -> Value {
    let (mut issuer, mut script) = (issuer(), Script::new("rules drop out"));
    issuer.add(3);
    script.page(&issuer.tail(0, at(0)), "");
    // By the head it is not yet so late.
    script.pass(2000).expire();
    script.head(&issuer.head(at(900 + 64)), "head expired");
    script.wall = 900 + 64;
    script.head(&issuer.head(at(900 + 64)), "").expire();
    script.pass(1).head(&issuer.head(at(900 + 65)), "").expire();
    script.done()
}
