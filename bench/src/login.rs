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
const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_secs(4);
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
    let mut ratios = Vec::new();
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
        ratios.push(measured.per_second / bare);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ROUNDS / 2).context("no round")?;
    println!("sign-ins beside bare Argon2id, median of {ROUNDS}: {median:.3} (aim: 0.95)");
    Ok(())
}

/// Wrong passwords of people who do not exist, from many addresses: memory stays bounded.
async fn flood(node: &Node) -> Result<()> {
    let host = node.address;
    let end = Instant::now() + WINDOW;
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
    let mut took = Vec::new();
    for n in 0..CODES {
        let address = format!("bench{n}@example.com");
        let mut connection = Connection::open_from(Ipv4Addr::new(127, 2, n, 1), node.address).await?;
        let asked =
            ask(&mut connection, node.address, "/auth/passwordless/code", &json!({ "email": address }))
                .await?;
        ensure!(asked.status == 202, "asking for a code answers {}", asked.status);
        let flow: Value = serde_json::from_slice(&asked.body)?;
        let code = read(mail, &address).await?;
        let body = json!({ "email": address, "code": code, "flow": flow.get("flow") });
        let began = Instant::now();
        let verified = ask(&mut connection, node.address, "/auth/passwordless/verify", &body).await?;
        took.push(began.elapsed());
        let told = String::from_utf8_lossy(&verified.body).into_owned();
        ensure!(verified.status == 200, "verifying answers {}: {told}", verified.status);
    }
    took.sort_unstable();
    let (commits, pragmas) = ceiling::commits_per_second(dir, 1)?;
    let commit = Duration::from_secs_f64(1.0 / commits);
    let p50 = took.get(took.len() / 2).copied().unwrap_or_default();
    println!(
        "code by mail verified, tokens answered: p50 {p50:.2?}, a bare commit {commit:.2?} ({pragmas}); the rest {:.2?} (aim: under 1 ms)",
        p50.saturating_sub(commit)
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
