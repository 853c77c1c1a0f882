//! What a verification costs through the whole crate: a token seen before, a token seen for the first time,
//! both with a million live rules of revocation in memory.
//!
//! `cargo bench -p countersign-verifier`. Samples of all candidates of a group are taken in turn, there and
//! back, so that a change of the machine's speed meets all alike; figures are medians of processor time. fast-jwt (Node) runs
//! with its cache on the same tokens, as a child, in the same run.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot run may stop")]
#![expect(clippy::print_stdout, reason = "the table is what the bench is for")]

mod world;

use countersign_token::{Algorithm, SigningKey};
use countersign_verifier::Verifier;
use futures_util::FutureExt;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use world::World;

const RULES: usize = 1_000_000;
const MANY: usize = 1_000;
/// Tokens that are verified in turn by a verifier with room for 16: each is new every time.
const NEW: usize = 256;

#[expect(clippy::disallowed_methods, reason = "a bench is about time")]
fn now() -> Instant {
    Instant::now()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Time that this thread had a processor: a busy machine takes time away, and that is not the work's.
#[cfg(target_os = "linux")]
fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

#[cfg(not(target_os = "linux"))]
fn processor() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(now);
    START.elapsed()
}

/// Nanoseconds a call, for at least so long; the time is read after each chunk.
fn sample(least: Duration, chunk: usize, mut work: impl FnMut(usize)) -> f64 {
    let (start, mut done) = (processor(), 0);
    while processor() - start < least {
        for _ in 0..chunk {
            work(done);
            done += 1;
        }
    }
    (processor() - start).as_secs_f64() * 1e9 / f64::from(u32::try_from(done).unwrap())
}

type Work<'a> = (&'a str, Box<dyn FnMut(usize) + 'a>);

/// Medians of nanoseconds, and of the ratios to the first candidate.
fn compare(rounds: usize, chunk: usize, work: &mut [Work<'_>]) -> Vec<(f64, f64)> {
    let mut costs = vec![Vec::new(); work.len()];
    for _ in 0..rounds {
        let mut sums = vec![0.0; work.len()];
        for i in (0..work.len()).chain((0..work.len()).rev()) {
            sums[i] += sample(Duration::from_millis(2), chunk, &mut work[i].1) / 2.0;
        }
        (0..work.len()).for_each(|i| costs[i].push(sums[i]));
    }
    let first = costs[0].clone();
    let both = |column: &mut Vec<f64>| {
        let mut ratios: Vec<f64> = column.iter().zip(&first).map(|(cost, first)| cost / first).collect();
        (median(column), median(&mut ratios))
    };
    costs.iter_mut().map(both).collect()
}

fn peek(verifier: &Verifier, token: &str) {
    let subject = verifier.peek(black_box(token), |who| who.subject().len());
    black_box(subject.unwrap().unwrap());
}

fn verify(verifier: &Verifier, token: &str) {
    // A hit never waits.
    black_box(verifier.verify(black_box(token)).now_or_never().unwrap().unwrap());
}

fn repeated(world: &World, verifier: &Verifier, bare: &Verifier, rounds: usize) {
    let tokens = world.tokens(MANY);
    for verifier in [verifier, bare] {
        world.runtime.block_on(async {
            for token in &tokens {
                verifier.verify(token).await.unwrap();
            }
        });
    }
    // Those that lost their place to another token are left out: they are first-time verifications.
    let kept: Vec<&String> = tokens.iter().filter(|token| verifier.peek(token, |_| ()).is_some()).collect();
    let (hot, kept) = (kept[0], kept.as_slice());
    let rows = compare(
        rounds,
        64,
        &mut [
            ("peek, one token, no feed", Box::new(|_| peek(bare, hot))),
            ("peek, one token", Box::new(|_| peek(verifier, hot))),
            ("verify, one token", Box::new(|_| verify(verifier, hot))),
            ("peek, 1,000 tokens", Box::new(|i| peek(verifier, kept[i % kept.len()]))),
            ("verify, 1,000 tokens", Box::new(|i| verify(verifier, kept[i % kept.len()]))),
        ],
    );
    println!("repeated token, {} bytes, {RULES} rules ({} of {MANY} kept)", hot.len(), kept.len());
    for ((name, due), (cost, _)) in [
        ("peek, one token, no feed", ""),
        ("peek, one token", "  (due <= 150)"),
        ("verify, one token", "  (due <= 150)"),
        ("peek, 1,000 tokens", "  (due <= 300)"),
        ("verify, 1,000 tokens", "  (due <= 300)"),
    ]
    .into_iter()
    .zip(&rows)
    {
        println!("  {name:<28} {cost:>8.0} ns{due}");
    }
    match beside(world, &tokens) {
        Ok((one, many)) => {
            println!("  {:<28} {one:>8.0} ns  {:.1} x peek", "fast-jwt, one token", one / rows[1].0);
            println!("  {:<28} {many:>8.0} ns  {:.1} x peek", "fast-jwt, 1,000 tokens", many / rows[3].0);
        }
        Err(missing) => println!("  fast-jwt: NOT MEASURED: {missing}"),
    }
    for (name, work) in [("peek", peek as fn(&Verifier, &str)), ("verify", verify)] {
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            alone.push(threads(1, || work(verifier, hot)));
            together.push(threads(2, || work(verifier, hot)));
        }
        let (alone, together) = (median(&mut alone), median(&mut together));
        let lost = (1.0 - alone / together) * 100.0;
        println!(
            "  {name}, two threads, one token: {together:.0} ns each, {alone:.0} alone: {lost:.0} % lost  (due < 50)"
        );
    }
}

/// Nanoseconds a call of one thread while so many do the same.
fn threads(count: usize, work: impl Fn() + Sync) -> f64 {
    let together = Barrier::new(count);
    std::thread::scope(|scope| {
        let one = || {
            together.wait();
            sample(Duration::from_millis(5), 64, |_| work())
        };
        let running: Vec<_> = (0..count).map(|_| scope.spawn(one)).collect();
        let costs: Vec<f64> = running.into_iter().map(|thread| thread.join().unwrap()).collect();
        costs.iter().sum::<f64>() / f64::from(u32::try_from(count).unwrap())
    })
}

/// fast-jwt with its cache, in Node.
fn beside(world: &World, tokens: &[String]) -> Result<(f64, f64), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/fast-jwt");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fast-jwt");
    std::fs::create_dir_all(&place).unwrap();
    for file in ["package.json", "run.mjs"] {
        std::fs::copy(source.join(file), place.join(file)).unwrap();
    }
    if !place.join("node_modules/fast-jwt").exists() {
        let install =
            Command::new("npm").args(["install", "--no-audit", "--no-fund"]).current_dir(&place).output();
        let output = install.map_err(|e| format!("npm: {e}"))?;
        if !output.status.success() {
            return Err(format!("npm install: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    let mut node = Command::new("node")
        .arg("run.mjs")
        .current_dir(&place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("node: {e}"))?;
    serde_json::to_writer(node.stdin.take().unwrap(), &world.for_others(tokens)).unwrap();
    let output = node.wait_with_output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("node: {e}"))?;
    Ok((told["hot"].as_f64().unwrap(), told["many"].as_f64().unwrap()))
}

fn first_time(algorithm: Algorithm, due: f64, rules: &Path, rounds: usize) {
    let world = World::new(SigningKey::generate(algorithm).unwrap(), Some(rules));
    let (verifier, empty) = (world.verifier(16), world.without_feed(0));
    let tokens = world.tokens(NEW);
    let mut bare = world::bare(&world.key, &tokens);
    // Sixteen calls at once, so that entering the runtime does not count. The turn goes on from sample to
    // sample: a token comes again only after all others, and has lost its place in the cache by then.
    let in_turn = |verifier: Verifier| {
        let (runtime, tokens, mut turn) = (&world.runtime, &tokens, 0);
        move |_: usize| {
            runtime.block_on(async {
                for _ in 0..16 {
                    let token = &tokens[turn % tokens.len()];
                    turn += 1;
                    black_box(verifier.verify(black_box(token)).await.unwrap());
                }
            });
        }
    };
    let mut turn = 0;
    let mut bare_in_turn = move |_: usize| {
        for _ in 0..16 {
            bare(turn);
            turn += 1;
        }
    };
    let rows = compare(
        rounds,
        1,
        &mut [
            ("bare", Box::new(&mut bare_in_turn)),
            ("countersign, no feed, no cache", Box::new(in_turn(empty))),
            ("countersign", Box::new(in_turn(verifier))),
        ],
    );
    println!("first time, {algorithm}, {RULES} rules");
    for ((name, due), (cost, ratio)) in [
        ("bare", String::new()),
        ("without feed and cache", String::new()),
        ("whole", format!("  (due <= {due:.2})")),
    ]
    .into_iter()
    .zip(rows)
    {
        println!("  {name:<28} {:>8.2} us  {ratio:.3} x{due}", cost / 16e3);
    }
}

/// A process of its own that follows a feed of a million rules and says what it takes.
fn memory(rules: &Path) {
    let own = std::env::current_exe().unwrap();
    let output = Command::new(own).arg("--memory").arg(rules).output().unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

fn remember(rules: &Path) {
    let world = World::new(SigningKey::generate(Algorithm::Es256).unwrap(), None);
    let kib = |name: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap_or(0)
    };
    let before = kib("VmRSS:");
    let world = World::new(world.key, Some(rules));
    let start = now();
    let verifier = world.verifier(8_192);
    let loaded = start.elapsed();
    let rules = verifier.status().feed.unwrap().rules;
    println!("memory of a process with {rules} rules, followed over a snapshot in {loaded:.0?}");
    println!(
        "  resident {} MB, at most {} MB, before {} MB  (due < 100)",
        kib("VmRSS:") / 1024,
        kib("VmHWM:") / 1024,
        before / 1024
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--memory") {
        return remember(Path::new(&arguments[at + 1]));
    }
    let rounds = if arguments.iter().any(|argument| argument == "--bench") { 101 } else { 1 };
    let rules = world::write_rules(RULES);
    memory(rules.path());
    let world = World::new(SigningKey::generate(Algorithm::Rs256).unwrap(), Some(rules.path()));
    repeated(&world, &world.verifier(8_192), &world.without_feed(8_192), rounds);
    for (algorithm, due) in [(Algorithm::Es256, 1.10), (Algorithm::Ed25519, 1.10), (Algorithm::Rs256, 1.20)] {
        first_time(algorithm, due, rules.path(), rounds);
    }
}
