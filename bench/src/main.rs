//! Load scenarios of the whole server, each beside the ceiling of the same machine in the same run.
//!
//! `bench/run` builds and starts this on core 1; the servers run on core 0. Figures are for ratios: the
//! absolute ones move with the machine.
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]
#![expect(clippy::print_stdout, reason = "the report is the product")]

mod ceiling;
mod feed;
mod http;
mod login;
mod node;
mod verifier;

use anyhow::{Context, Result, ensure};
use http::{Answer, Load, get, load, post, post_json};
use node::{Bare, Node};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(4);
const SECRET: &str = "bench-secret-0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "bench-password-correct-horse";
const API: &str = "urn:bench:api";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ceiling", bytes] => runtime.block_on(ceiling::serve(bytes.parse()?)),
        [] => local.block_on(&runtime, all()),
        ["hash", seconds] => ceiling::hashes(seconds.parse()?),
        ["login"] => local.block_on(&runtime, signing_in()),
        ["feed"] => local.block_on(&runtime, revocations(1_000)),
        ["feed", verifiers] => local.block_on(&runtime, revocations(verifiers.parse()?)),
        other => anyhow::bail!(
            "usage: countersign-bench [feed [VERIFIERS] | login | ceiling BYTES | hash SECONDS], not {other:?}"
        ),
    }
}

/// On the disk that the binaries are on.
fn folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in(std::env::current_exe()?.parent().context("no folder")?)?)
}

async fn signing_in() -> Result<()> {
    login::run(folder()?.path()).await
}

async fn revocations(verifiers: usize) -> Result<()> {
    feed::run(folder()?.path(), verifiers).await
}

async fn all() -> Result<()> {
    let dir = folder()?;
    let (node, first) = Node::start(dir.path(), "0").await?;
    println!("first start, keys made: {first:?}");
    drop(node);
    let (node, again) = Node::start(dir.path(), "0").await?;
    println!("start to first 200 on discovery, existing keys: {again:?} (aim: under 100 ms)");
    println!("idle memory: {:.1} MiB resident (aim: under 30)", node.resident_mib()?);
    set_up(&node)?;

    documents(&node).await?;
    client_credentials(&node).await?;
    tokens_shown(&node).await?;
    refresh(&node, dir.path()).await?;
    println!("memory after token load: {:.1} MiB resident (aim: under 80)", node.resident_mib()?);
    drop(node);

    let (node, _) = Node::start(dir.path(), "0,1").await?;
    while_hashing(&node).await?;
    login_times(&node).await
}

fn set_up(node: &Node) -> Result<()> {
    node.cli(
        &["user", "add", "bench@example.com", "--name", "Bench", "--password-stdin"],
        &format!("{PASSWORD}\n"),
    )?;
    node.apply("resource", &json!({"resource": API, "name": "Bench", "scopes": ["read", "write"]}))?;
    node.apply(
        "client",
        &json!([
            {"client_id": "machine", "client_secret": SECRET, "grant_types": ["client_credentials"], "response_types": [],
             "redirect_uris": [], "token_endpoint_auth_method": "client_secret_basic", "scope": "read", "resources": [API],
             "introspects": [API]},
            {"client_id": "app", "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
             "response_types": ["code"], "redirect_uris": ["http://127.0.0.1/cb"], "scope": "openid profile email read offline_access",
             "resources": [API], "first_party": true, "refresh_without_offline_access": true, "direct": true}
        ]),
    )
}

fn basic() -> String {
    let pair = base64_simd::STANDARD.encode_to_string(format!("machine:{SECRET}"));
    format!("Authorization: Basic {pair}\r\n")
}

fn row(what: &str, load: &Load, ceiling: f64, of: &str, aim: f64) -> Result<()> {
    ensure!(load.unexpected == 0, "{what}: {} answers had an unexpected status", load.unexpected);
    println!(
        "{what:<44} {:>9.0}/s  p50 {:>8.2?}  p99 {:>8.2?}  {:>5.2} x {of} ({ceiling:.0}/s), aim {aim}",
        load.per_second,
        load.p50,
        load.p99,
        load.per_second / ceiling
    );
    Ok(())
}

async fn bare(bytes: usize) -> Result<f64> {
    let server = Bare::start(bytes)?;
    let request = get(server.address, "/", "");
    let measured = load(server.address, 16, WINDOW, 200, move |_, _| request.clone()).await?;
    ensure!(measured.unexpected == 0, "the bare server answered something else");
    Ok(measured.per_second)
}

async fn ask(to: SocketAddr, request: Vec<u8>) -> Result<Answer> {
    http::Connection::open(to).await?.send(&request).await
}

async fn documents(node: &Node) -> Result<()> {
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        let request = get(node.address, path, "");
        let size = ask(node.address, request.clone()).await?.body.len();
        let ceiling = bare(size).await?;
        let measured = load(node.address, 16, WINDOW, 200, move |_, _| request.clone()).await?;
        row(path, &measured, ceiling, "bare axum", 0.6)?;
    }
    Ok(())
}

async fn client_credentials(node: &Node) -> Result<()> {
    let request = post(node.address, "/oauth/token", &basic(), "grant_type=client_credentials&scope=read");
    let ceiling = ceiling::signatures_per_second()?;
    let measured = load(node.address, 16, WINDOW, 200, move |_, _| request.clone()).await?;
    row("client_credentials, ES256, secret in Basic", &measured, ceiling, "bare ES256 signing", 0.35)
}

fn member(answer: &Answer, name: &str) -> Result<String> {
    let body: Value = serde_json::from_slice(&answer.body)
        .with_context(|| format!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body)))?;
    Ok(body.get(name).and_then(Value::as_str).with_context(|| format!("no {name} in {body}"))?.to_owned())
}

async fn login(node: &Node, scope: &str) -> Result<Answer> {
    let body =
        json!({"username": "bench@example.com", "password": PASSWORD, "client_id": "app", "scope": scope});
    ask(node.address, post_json(node.address, "/auth/login", &body.to_string())).await
}

async fn tokens_shown(node: &Node) -> Result<()> {
    let access = member(&login(node, "openid profile email read").await?, "access_token")?;
    let userinfo = get(node.address, "/oauth/userinfo", &format!("Authorization: Bearer {access}\r\n"));
    let introspect = post(node.address, "/oauth/introspect", &basic(), &format!("token={access}"));
    for (what, request) in [("userinfo", userinfo), ("introspection", introspect)] {
        let answer = ask(node.address, request.clone()).await?;
        ensure!(answer.status == 200, "{what}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        let ceiling = bare(answer.body.len()).await?;
        let measured = load(node.address, 16, WINDOW, 200, move |_, _| request.clone()).await?;
        row(what, &measured, ceiling, "bare axum", 0.2)?;
    }
    Ok(())
}

async fn refresh(node: &Node, dir: &Path) -> Result<()> {
    let mut first = Vec::new();
    for _ in 0..64 {
        first.push(member(&login(node, "read").await?, "refresh_token")?);
    }
    for connections in [1_usize, 16, 64] {
        let (ceiling, pragmas) = ceiling::commits_per_second(dir, u32::try_from(connections)?)?;
        let host = node.address;
        let tokens: std::rc::Rc<std::cell::RefCell<Vec<String>>> =
            std::rc::Rc::new(std::cell::RefCell::new(first.clone()));
        let kept = tokens.clone();
        let make = move |index: usize, last: Option<&Answer>| {
            let mut tokens = tokens.borrow_mut();
            if let (Some(answer), Some(slot)) = (last, tokens.get_mut(index))
                && let Ok(next) = member(answer, "refresh_token")
            {
                *slot = next;
            }
            let token = tokens.get(index).cloned().unwrap_or_default();
            post(
                host,
                "/oauth/token",
                "",
                &format!("grant_type=refresh_token&client_id=app&refresh_token={token}"),
            )
        };
        let measured = load(host, connections, WINDOW, 200, make).await?;
        let what = format!("refresh rotation, {connections} connections");
        row(
            &what,
            &measured,
            ceiling,
            &format!("bare commits, {pragmas}"),
            if connections == 1 { 0.67 } else { 0.5 },
        )?;
        // The last answer of each loop was not read by `make`: sign those sessions in again.
        first = kept.borrow().clone();
        for slot in first.iter_mut().take(connections) {
            *slot = member(&login(node, "read").await?, "refresh_token")?;
        }
    }
    Ok(())
}

/// Known people with a wrong password beside unknown ones: the distributions must lie on each other. Each
/// try is another name from another address, so that the limiter stays out of it.
async fn login_times(node: &Node) -> Result<()> {
    const ROUNDS: u8 = 40;
    for round in 0..ROUNDS {
        node.cli(
            &["user", "add", &format!("known{round}@example.com"), "--password-stdin"],
            &format!("{PASSWORD}\n"),
        )?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        let from = std::net::Ipv4Addr::new(127, 0, 9, round + 1);
        let mut connection = http::Connection::open_from(from, node.address).await?;
        for (list, who) in times.iter_mut().zip(["known", "nobody"]) {
            let body = json!({"username": format!("{who}{round}@example.com"), "password": "wrong-and-long-enough", "client_id": "app"});
            let request = post_json(node.address, "/auth/login", &body.to_string());
            let began = Instant::now();
            let answer = connection.send(&request).await?;
            list.push(began.elapsed());
            ensure!(answer.status == 401 || answer.status == 400, "{who}{round}: {}", answer.status);
        }
    }
    for (kind, list) in ["known person, wrong password", "unknown person"].into_iter().zip(&mut times) {
        list.sort_unstable();
        let at = |share: usize| list.get(list.len() * share / 100).copied().unwrap_or_default();
        println!("{kind:<44} {} tries: p10 {:.1?} p50 {:.1?} p90 {:.1?}", list.len(), at(10), at(50), at(90));
    }
    Ok(())
}

/// Sign-ins saturate the hash pool on both cores; everything else must stay fast.
async fn while_hashing(node: &Node) -> Result<()> {
    let access = member(&login(node, "openid read").await?, "access_token")?;
    let host = node.address;
    let flood = tokio::task::spawn_local(async move {
        let body = json!({"username": "bench@example.com", "password": PASSWORD, "client_id": "app", "scope": "read"}).to_string();
        let request = post_json(host, "/auth/login", &body);
        load(host, 64, WINDOW * 4, 200, move |_, _| request.clone()).await
    });
    let others = [
        ("discovery", get(host, "/.well-known/openid-configuration", "")),
        ("JWKS", get(host, "/.well-known/jwks.json", "")),
        ("token", post(host, "/oauth/token", &basic(), "grant_type=client_credentials&scope=read")),
        ("introspection", post(host, "/oauth/introspect", &basic(), &format!("token={access}"))),
    ];
    for (what, request) in others {
        let measured =
            load(host, 2, WINDOW - Duration::from_millis(300), 200, move |_, _| request.clone()).await?;
        ensure!(measured.unexpected == 0, "{what} while hashing: {} unexpected answers", measured.unexpected);
        println!(
            "{:<44} {:>9.0}/s  p50 {:>8.2?}  p99 {:>8.2?} (aim: p99 under 20 ms)",
            format!("{what} while hashing"),
            measured.per_second,
            measured.p50,
            measured.p99
        );
    }
    let logins = flood.await??;
    println!(
        "sign-ins meanwhile: {:.1}/s of all answers, {} refused at admission (429 or 503); memory {:.1} MiB",
        logins.per_second,
        logins.unexpected,
        node.resident_mib()?
    );
    Ok(())
}
