//! What a check costs with 1e6 and 1e7 live rules, how many bytes a rule takes, and what reading a snapshot costs
//! beside the SHA-256 of its bytes.
//!
//! `cargo bench -p countersign-feed`; `-- nothing` prints medians only, `-- 1e6` leaves out the large table. All seven kinds have rules, so every
//! check looks into seven arrays: a token without session or client rules around costs less.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench that cannot run may stop"
)]

use countersign_feed::head::FeedId;
use countersign_feed::{Chain, Cutoff, Kind, Names, Rule, Salt, Snapshot, Table};
use countersign_token::provider::{DEFAULT, Provider};
use criterion::Criterion;
use std::hint::black_box;
use std::time::Instant;

const UNTIL: u32 = 1_800_000_900;
/// Tokens that stay in the processor's caches.
const HOT: u64 = 64;

/// The finisher of SplitMix64: a different name for every number, spread like a hash.
fn name(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Half sessions, a quarter users, a quarter tokens, and some of each other kind.
fn rules(count: u64) -> Vec<Rule> {
    let of = |n: u64| {
        let kind = match (n % 10_000, n % 4) {
            (0, _) => Kind::Bucket,
            (1, _) => Kind::Cid,
            (2, _) => Kind::Kid,
            (3, _) => Kind::Iss,
            (_, 0 | 1) => Kind::Sid,
            (_, 2) => Kind::Sub,
            _ => Kind::Jti,
        };
        let h = if kind == Kind::Bucket { name(n) >> 48 } else { name(n) };
        let cutoff = if kind == Kind::Sub { Cutoff(UNTIL - 900) } else { Cutoff::ALWAYS };
        Rule { kind, h, cutoff, until: UNTIL + u32::try_from(n % 900).unwrap() }
    };
    (1..=count).map(of).collect()
}

/// A token that no rule covers: of a bucket without a rule (those have their lowest bit set), other names.
fn stranger(n: u64) -> Names {
    let at = |kind: u64| name(n | kind << 40);
    Names {
        salt: Salt([0; 16]),
        iss: at(1),
        kid: Some(at(2)),
        cid: at(3),
        sub: at(4),
        sid: Some(at(5)),
        jti: Some(at(6)),
    }
}

/// A token of a session that a rule ends.
fn revoked(n: u64, count: u64) -> Names {
    let session = name(n) % (count / 10_000) * 10_000 + 4;
    Names { sid: Some(name(session + (n % 1_000) * 4)), ..stranger(n) }
}

/// The median of short batches, in nanoseconds: what others do on the machine meets few of them.
fn median(mut once: impl FnMut()) -> f64 {
    const BATCHES: usize = 501;
    const CHECKS: u32 = 2_000;
    let mut batch = || {
        let start = Instant::now();
        (0..CHECKS).for_each(|_| once());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS)
    };
    let mut times: Vec<f64> = (0..BATCHES).map(|_| batch()).collect();
    times.sort_by(f64::total_cmp);
    times.get(BATCHES / 2).copied().unwrap_or_default()
}

fn checks(criterion: &mut Criterion, label: &str, count: u64) {
    let table = Table::default();
    table.extend(&rules(count));
    let each = table.bytes() / table.len();
    println!("{label}: {} rules, {} bytes, {each} a rule after one load", table.len(), table.bytes());
    let one_by_one = Table::default();
    rules(count.min(1_000_000)).iter().for_each(|rule| one_by_one.add(rule));
    println!("{label}: {} a rule, added one by one", one_by_one.bytes() / one_by_one.len());
    let mut group = criterion.benchmark_group(label);
    for (which, among) in [("hot", HOT), ("random", u64::MAX)] {
        let mut n = 0_u64;
        let mut next = move || {
            n = n.wrapping_add(1);
            n % among
        };
        let names = median(|| {
            black_box(stranger(next()));
        });
        let miss = median(|| {
            black_box(table.covers(&stranger(next()), i64::from(UNTIL)));
        });
        let hit = median(|| {
            black_box(table.covers(&revoked(next(), count), i64::from(UNTIL)));
        });
        println!("{label}, {which}: miss {miss:.0} ns, hit {hit:.0} ns, {names:.0} ns of it for the names");
        group.bench_function(format!("the names alone, {which}"), |b| b.iter(|| black_box(stranger(next()))));
        group.bench_function(format!("miss, {which}"), |b| {
            b.iter(|| black_box(table.covers(&stranger(next()), i64::from(UNTIL))));
        });
        group.bench_function(format!("hit, {which}"), |b| {
            b.iter(|| black_box(table.covers(&revoked(next(), count), i64::from(UNTIL)).is_some()));
        });
    }
}

fn snapshots(criterion: &mut Criterion) {
    let table = Table::default();
    table.extend(&rules(1_000_000));
    let rules = table.rules();
    let bytes =
        Snapshot { feed: FeedId([0; 16]), epoch: 1, seq: 1_000_000, chain: Chain([0; 32]), rules }.bytes();
    println!("snapshot of 1e6 rules: {} bytes", bytes.len());
    let mut group = criterion.benchmark_group("snapshot of 1e6 rules");
    group.sample_size(10);
    group.bench_function("SHA-256", |b| b.iter(|| black_box(DEFAULT.sha256(&bytes))));
    group.bench_function("read", |b| b.iter(|| black_box(Snapshot::read(&bytes).unwrap().rules.len())));
    group.bench_function("SHA-256, read, and into a table", |b| {
        b.iter(|| {
            black_box(DEFAULT.sha256(&bytes));
            let table = Table::default();
            table.extend(&Snapshot::read(&bytes).unwrap().rules);
            table.len()
        });
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    snapshots(&mut criterion);
    checks(&mut criterion, "1e6", 1_000_000);
    if std::env::args().all(|argument| argument != "1e6") {
        checks(&mut criterion, "1e7", 10_000_000);
    }
    criterion.final_summary();
}
