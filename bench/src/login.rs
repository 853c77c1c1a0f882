//! Signing in: how much of the machine's hashing reaches people, what a flood costs, and codes by mail.

use crate::ceiling;
use crate::http::{Answer, Connection, load, post_json};
use crate::node::{Hashing, Node};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

const PASSWORD: &str = "bench horse battery staple 17";
/// Rounds of ceiling and load in turn, so that both see the same machine.
const ROUNDS: usize = 10;
const WINDOW: Duration = Duration::from_secs(2);
const FLOOD: Duration = Duration::from_secs(4);
/// Between two codes: what the last one left to do (its mail) is done.
const SETTLED: Duration = Duration::from_millis(50);
/// Addresses that each ask for one code.
const CODES: u8 = 100;
/// Bytes of one hash, in MiB (m = 19,456 KiB).
const HASH_MIB: f64 = 19.0;

/// All of it.
pub(crate) async fn run(dir: &Path) -> Result<()> {
    let mail = dir.join("mail");
    let env = [("COUNTERSIGN_MAIL__SINK", format!("file:{}", mail.display()))];
    let (node, _) = Node::start_with(dir, "0", &env).await?;
    for n in 0..CODES {
        let address = format!("bench{n}@example.com");
        node.cli(
            &["user", "add", &address, "--email-verified", "--password-stdin"],
            &format!("{PASSWORD}\n"),
        )?;
    }
    println!("idle memory: {:.1} MiB resident", node.resident_mib()?);
    rate(&node).await?;
    flood(&node).await?;
    codes(&node, dir, &mail).await
}

/// Right passwords at as many connections as keep the pool busy, beside bare Argon2id on the same core.
async fn rate(node: &Node) -> Result<()> {
    let host = node.address;
    let (mut reached, mut possible) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let bare = Hashing::measure(WINDOW)?;
        let make = move |index: usize, _: Option<&Answer>| {
            let user = format!("bench{index}@example.com");
            post_json(host, "/auth/login", &json!({ "username": user, "password": PASSWORD }).to_string())
        };
        let measured = load(host, 8, WINDOW, 200, make).await?;
        ensure!(measured.unexpected == 0, "{} sign-ins failed", measured.unexpected);
        println!(
            "sign-ins {:>8.1}/s  p50 {:>8.2?}  beside {bare:.1} bare hashes/s",
            measured.per_second, measured.p50
        );
        reached += measured.per_second;
        possible += bare;
    }
    println!("sign-ins beside bare Argon2id, {ROUNDS} rounds: {:.3} (aim: 0.95)", reached / possible);
    Ok(())
}

/// Wrong passwords of people who do not exist, from many addresses: memory stays bounded.
async fn flood(node: &Node) -> Result<()> {
    let host = node.address;
    let end = Instant::now() + FLOOD;
    let loops: Vec<_> = (0..250_u8)
        .map(|n| {
            tokio::task::spawn_local(async move {
                let mut connection = Connection::open_from(Ipv4Addr::new(127, 1, n, 1), host).await?;
                let mut asked = 0_u32;
                while Instant::now() < end {
                    let user = format!("nobody{n}.{asked}@example.com");
                    let body = json!({ "username": user, "password": PASSWORD }).to_string();
                    connection.send(&post_json(host, "/auth/login", &body)).await?;
                    asked += 1;
                }
                anyhow::Ok(asked)
            })
        })
        .collect();
    let mut asked = 0;
    for one in loops {
        asked += one.await??;
    }
    println!(
        "flood of {asked} wrong sign-ins at 250 connections: peak memory {:.1} MiB (aim: under {:.0}, pool x m + 60)",
        node.peak_mib()?,
        HASH_MIB + 60.0
    );
    Ok(())
}

/// A code by mail each, one after the other: what verifying costs beside a commit of the same disk.
async fn codes(node: &Node, dir: &Path, mail: &Path) -> Result<()> {
    let mut asked = Vec::new();
    for n in 0..CODES {
        let address = format!("bench{n}@example.com");
        let mut connection = Connection::open_from(Ipv4Addr::new(127, 2, n, 1), node.address).await?;
        let body = json!({ "email": address });
        let answer = ask(&mut connection, node.address, "/auth/passwordless/code", &body).await?;
        ensure!(answer.status == 202, "asking for a code answers {}", answer.status);
        let flow: Value = serde_json::from_slice(&answer.body)?;
        let code = read(mail, &address).await?;
        asked.push((connection, json!({ "email": address, "code": code, "flow": flow.get("flow") })));
    }
    let mut took = Vec::new();
    let before = node.busy()?;
    for (mut connection, body) in asked {
        tokio::time::sleep(SETTLED).await;
        let began = Instant::now();
        let verified = ask(&mut connection, node.address, "/auth/passwordless/verify", &body).await?;
        took.push(began.elapsed());
        let told = String::from_utf8_lossy(&verified.body).into_owned();
        ensure!(verified.status == 200, "verifying answers {}: {told}", verified.status);
    }
    let busy = node.busy()?.saturating_sub(before) / u32::from(CODES);
    took.sort_unstable();
    let p50 = took.get(took.len() / 2).copied().unwrap_or_default();
    let commit = ceiling::commit_after(dir, SETTLED, usize::from(CODES)).await?;
    println!(
        "code by mail verified, two tokens signed, answered: p50 {p50:.2?}, of which two commits that are {commit:.2?} bare; \
         processor time each {busy:.2?} (aim: under 1 ms beside the commits)"
    );
    Ok(())
}

async fn ask(connection: &mut Connection, host: SocketAddr, path: &str, body: &Value) -> Result<Answer> {
    connection.send(&post_json(host, path, &body.to_string())).await
}

/// The code of the mail to this address, once it is there.
async fn read(mail: &Path, address: &str) -> Result<String> {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        for file in std::fs::read_dir(mail).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(file.path()).unwrap_or_default();
            if text.contains(&format!("<{address}>")) || text.contains(&format!("To: {address}")) {
                let digits = text.split(|c: char| !c.is_ascii_alphanumeric());
                let code = digits.into_iter().find(|w| w.len() == 6 && w.bytes().all(|b| b.is_ascii_digit()));
                return Ok(code.context("a mail without a code")?.to_owned());
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    anyhow::bail!("no mail to {address}")
}
