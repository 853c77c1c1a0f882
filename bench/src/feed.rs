//! The revocation feed: from an acknowledged revocation to its refusal at every connected verifier.

use crate::http::{Answer, Connection, get, post};
use crate::node::Node;
use crate::verifier::{self, Board, Sample};
use crate::{ask, basic, member, set_up};
use anyhow::{Context, Result, bail, ensure};
use countersign_feed::{Head, Metadata, Names, Pins, Salt, Subject};
use serde_json::Value;
use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Revocations measured one at a time.
const ROUNDS: usize = 100;
/// Revocations a second, and for how long.
const RATE: usize = 1_000;
const SUSTAINED: Duration = Duration::from_secs(20);
/// With the server killed in the middle.
const AROUND_A_KILL: Duration = Duration::from_secs(6);
/// Connections that revoke.
const REVOKERS: usize = 16;
/// One of so many is looked at.
const EVERY: usize = 100;
/// How long anything may take before the bench gives up.
const LONGEST: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(2);
/// Between two revocations that are to be alone.
const APART: Duration = Duration::from_millis(150);

/// Runs it with so many verifiers.
pub(crate) async fn run(dir: &Path, verifiers: usize) -> Result<()> {
    let (mut node, _) = Node::start(dir, "0").await?;
    set_up(&node)?;
    let (pins, salt) = published(node.address).await?;
    let board = Rc::new(Board::default());
    let load = Load { to: node.address, salt, issuer: node.issuer(), board: Rc::clone(&board), verifiers };
    let first = load.tokens(ROUNDS).await?;

    let before = node.resident_mib()?;
    let began = verifier::now();
    verifier::start(verifiers, node.address, &pins, &board);
    load.all_fresh(began).await?;
    let each = (node.resident_mib()? - before) * 1024.0 / count(verifiers);
    println!("{verifiers} verifiers connected, idle: {each:.1} KiB resident each (aim: under 20)");

    for token in &first {
        tokio::time::sleep(APART).await;
        load.revoke(&mut Connection::open(node.address).await?, token, true).await?;
        load.all_refused().await?;
    }
    report("one revocation at a time, at each verifier", &latencies(&board, 0, false), "150 ms", "1 s");
    report("one revocation at a time, at the last verifier", &latencies(&board, 0, true), "-", "1 s");

    let from = board.samples.borrow().len();
    let tokens = load.many_tokens(SUSTAINED).await?;
    let unloaded = node.resident_mib()?;
    let answers = load.sustained(tokens).await?;
    rate("revocations", &answers, SUSTAINED);
    load.all_refused().await?;
    report("lag under that load, at each verifier", &latencies(&board, from, false), "-", "1 s");
    report("lag under that load, at the last verifier", &latencies(&board, from, true), "-", "1 s");
    println!(
        "after {} rules: {:.1} MiB resident, {:.1} of them since",
        answers.len(),
        node.resident_mib()?,
        node.resident_mib()? - unloaded
    );

    killed(&mut node, &load).await
}

/// kill -9 while revocations go on; nothing acknowledged may be lost.
async fn killed(node: &mut Node, load: &Load) -> Result<()> {
    let tokens = load.many_tokens(AROUND_A_KILL).await?;
    let going = {
        let load = load.clone();
        tokio::task::spawn_local(async move { load.sustained(tokens).await })
    };
    tokio::time::sleep(AROUND_A_KILL / 2).await;
    let dead = Instant::now();
    node.kill()?;
    let since = verifier::now();
    let answering = node.start_again().await?;
    load.all_fresh(since).await?;
    println!(
        "kill -9 and restart: answering after {answering:.0?}, every verifier fresh again {:.0?} after the kill",
        dead.elapsed()
    );
    let answers = going.await??;
    load.all_refused().await?;
    println!(
        "of {} revocations acknowledged around the kill every sampled one is refused everywhere",
        answers.len()
    );
    Ok(())
}

/// What it takes to revoke and to look.
#[derive(Clone)]
struct Load {
    to: SocketAddr,
    salt: Salt,
    issuer: String,
    board: Rc<Board>,
    verifiers: usize,
}

impl Load {
    /// Access tokens, each to be revoked once.
    async fn tokens(&self, many: usize) -> Result<Vec<String>> {
        let request = post(self.to, "/oauth/token", &basic(), "grant_type=client_credentials&scope=read");
        let mut connection = Connection::open(self.to).await?;
        let mut out = Vec::with_capacity(many);
        for _ in 0..many {
            out.push(member(&connection.send(&request).await?, "access_token")?);
        }
        Ok(out)
    }

    /// RFC 7009; answers how long the issuer took.
    async fn revoke(&self, connection: &mut Connection, token: &str, watched: bool) -> Result<Duration> {
        let place =
            if watched { Some(self.board.expect(names(&self.salt, &self.issuer, token)?)) } else { None };
        let request = post(self.to, "/oauth/revoke", &basic(), &format!("token={token}"));
        let began = Instant::now();
        let mut answer = connection.send(&request).await;
        // The server may be gone: what was not acknowledged is asked for again.
        while answer.is_err() && began.elapsed() < LONGEST {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if let Ok(fresh) = Connection::open(self.to).await {
                *connection = fresh;
                answer = connection.send(&request).await;
            }
        }
        let Answer { status, body } = answer?;
        ensure!(status == 200, "revoke: {status} {}", String::from_utf8_lossy(&body));
        if let Some(place) = place {
            self.board.acknowledged(place);
        }
        Ok(began.elapsed())
    }

    /// As many as are revoked in that time, by revoker.
    async fn many_tokens(&self, time: Duration) -> Result<Vec<Vec<String>>> {
        let each = usize::try_from(time.as_secs())? * RATE / REVOKERS;
        let mut all = Vec::new();
        for _ in 0..REVOKERS {
            all.push(self.tokens(each).await?);
        }
        Ok(all)
    }

    /// [`RATE`] revocations a second; how long each took to be acknowledged.
    async fn sustained(&self, tokens: Vec<Vec<String>>) -> Result<Vec<Duration>> {
        let asked = Rc::new(Cell::new(0_usize));
        let mut going = Vec::new();
        for tokens in tokens {
            let (load, asked) = (self.clone(), Rc::clone(&asked));
            going.push(async move {
                let mut connection = Connection::open(load.to).await?;
                let mut pace = tokio::time::interval(
                    Duration::from_secs(1) * u32::try_from(REVOKERS)? / u32::try_from(RATE)?,
                );
                let mut took = Vec::with_capacity(tokens.len());
                for token in &tokens {
                    pace.tick().await;
                    asked.set(asked.get() + 1);
                    took.push(load.revoke(&mut connection, token, asked.get().is_multiple_of(EVERY)).await?);
                }
                anyhow::Ok(took)
            });
        }
        let going: Vec<_> = going.into_iter().map(tokio::task::spawn_local).collect();
        let mut all = Vec::new();
        for one in going {
            all.extend(one.await??);
        }
        Ok(all)
    }

    async fn all_fresh(&self, since: countersign_token::Timestamp) -> Result<()> {
        self.until("heads at every verifier", || self.board.fresh(since) == self.verifiers).await
    }

    async fn all_refused(&self) -> Result<()> {
        self.until("refusal at every verifier", || self.board.refused_by(self.verifiers)).await
    }

    async fn until(&self, what: &str, done: impl Fn() -> bool) -> Result<()> {
        let began = Instant::now();
        while !done() {
            if began.elapsed() > LONGEST {
                bail!("waited {LONGEST:?} for {what}");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

/// The feed's keys, and the salt of its names.
async fn published(to: SocketAddr) -> Result<(Pins, Salt)> {
    let metadata = ask(to, get(to, countersign_feed::metadata::PATH, "")).await?;
    let metadata: Metadata = serde_json::from_slice(&metadata.body)?;
    let pins = Pins::new(&metadata.issuer, &metadata.keys);
    let head = ask(to, get(to, "/rev/head", "")).await?;
    let head: Head = pins.read(std::str::from_utf8(&head.body)?, verifier::now())?;
    Ok((pins, head.salt))
}

/// What rules call a token of the bench.
fn names(salt: &Salt, issuer: &str, token: &str) -> Result<Names> {
    let payload = token.split('.').nth(1).context("not a token")?;
    let claims: Value = serde_json::from_slice(&base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload)?)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    Ok(salt.names(&Subject {
        iss: issuer,
        kid: None,
        client_id: text("client_id").context("client_id")?,
        sub: text("sub").context("sub")?,
        sid: text("sid"),
        jti: text("jti"),
    }))
}

/// From acknowledgement to refusal, of the samples from there on; `last`: at the verifier that came last only.
fn latencies(board: &Board, from: usize, last: bool) -> Vec<Duration> {
    let samples = board.samples.borrow();
    let of = |sample: &Sample| -> Vec<Duration> {
        let Some(acknowledged) = sample.acknowledged else { return Vec::new() };
        let took = sample.refused.iter().map(|at| at.saturating_duration_since(acknowledged));
        if last { took.max().into_iter().collect() } else { took.collect() }
    };
    samples.iter().skip(from).flat_map(of).collect()
}

fn report(what: &str, all: &[Duration], p50: &str, p99: &str) {
    let mut all = all.to_vec();
    all.sort_unstable();
    let at = |share: usize| all.get(all.len() * share / 100).copied().unwrap_or_default();
    println!(
        "{what:<48} p50 {:>8.1?} (aim {p50})  p99 {:>8.1?} (aim {p99})  worst {:>8.1?}",
        at(50),
        at(99),
        all.last().copied().unwrap_or_default()
    );
}

fn rate(what: &str, answers: &[Duration], over: Duration) {
    println!("{:.0} {what} a second for {over:?} (aim {RATE})", count(answers.len()) / over.as_secs_f64());
    report("acknowledged after", answers, "-", "-");
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn count(n: usize) -> f64 {
    n as f64
}
