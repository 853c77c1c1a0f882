//! Huge, slow, partial and malformed requests: refused clearly, and the server goes on.

use crate::wire::{exchange, form, get, one, post, raw};
use crate::world::{World, world, world_with};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SHORT: Duration = Duration::from_millis(200);
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

async fn still_fine(world: &World) {
    assert_eq!(world.send(get("/healthz")).await.status, 200);
}

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.addr).await.unwrap()
}

/// A thousand clients that begin at once wait for their turn; they are not turned away to try again a second
/// later. (Elsewhere the system's own limit is lower.)
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_burst_of_connections_waits_in_line() {
    let listener = countersign_server::listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut line = Vec::new();
    let all = async {
        while line.len() < 400 {
            line.push(TcpStream::connect(addr).await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("nobody accepts, and still all connect");
}

#[tokio::test]
async fn bodies_over_the_limit() {
    let world = world().await;
    for (path, content_type) in [
        ("/oauth/token", "application/x-www-form-urlencoded"),
        ("/oauth/authorize-challenge", "application/x-www-form-urlencoded"),
        ("/oauth/revoke", "application/x-www-form-urlencoded"),
        ("/oauth/userinfo", "application/x-www-form-urlencoded"),
        ("/auth/login", "application/json"),
        ("/auth/refresh", "application/json"),
    ] {
        let answer = world.send(post(path).body(content_type, vec![b'a'; 64 * 1024 + 1])).await;
        assert_eq!((answer.status, answer.error().as_str()), (413, "invalid_request"), "{path}");
        // Said to be large: refused before a byte of it came.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: 9999999999\r\n\r\n"
        );
        let answer = tokio::time::timeout(PATIENCE, raw(world.addr, head.as_bytes())).await.unwrap().unwrap();
        assert_eq!(answer.status, 413, "{path}");
        // Not said at all, in chunks.
        let mut chunked = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        );
        for _ in 0..70 {
            chunked.push_str(&format!("400\r\n{}\r\n", "a".repeat(1024)));
        }
        chunked.push_str("0\r\n\r\n");
        let answer = raw(world.addr, chunked.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 413, "{path} in chunks");
    }
    let page = post("/login")
        .with("Accept", "text/html")
        .body("application/x-www-form-urlencoded", vec![b'a'; 70_000]);
    let page = world.send(page.with("Cookie", "countersign-flow=x")).await;
    assert_eq!(page.status, 413);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    still_fine(&world).await;
}

#[tokio::test]
async fn heads_over_the_limit() {
    let world = world().await;
    let answer = world.send(get("/healthz").with("X-Large", &"x".repeat(512 * 1024))).await;
    assert_eq!(answer.status, 431);
    let mut many = get("/healthz");
    for i in 0..200 {
        many = many.with(&format!("X-{i}"), "x");
    }
    assert_eq!(world.send(many).await.status, 431);
    let long = world.send(get(&format!("/healthz?{}", "x".repeat(66 * 1024)))).await;
    assert!(matches!(long.status, 414 | 431), "{}", long.status);
    still_fine(&world).await;
}

#[tokio::test]
async fn a_slow_body_is_not_waited_for() {
    let world = world_with(|config| config.limits.body_read = SHORT).await;
    for (path, content_type) in [
        ("/oauth/token", "application/x-www-form-urlencoded"),
        ("/auth/login", "application/json"),
        ("/login", "application/x-www-form-urlencoded"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: 100\r\n\r\n{{\"a\":"
        );
        let mut stream = connect(&world).await;
        let answer =
            tokio::time::timeout(PATIENCE, exchange(&mut stream, head.as_bytes())).await.unwrap().unwrap();
        assert_eq!(answer.status, 408, "{path}");
    }
    still_fine(&world).await;
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let world = world_with(|config| config.limits.header_read = SHORT).await;
    for part in ["", "P", "POST /oauth/token", "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut stream = connect(&world).await;
        stream.write_all(part.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{part:?}: closed by the server");
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{part:?}");
    }
    still_fine(&world).await;
}

#[tokio::test]
async fn a_connection_between_requests_is_not_kept_for_ever() {
    let world = world_with(|config| config.limits.header_read = SHORT).await;
    let mut stream = connect(&world).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(one(&mut stream).await.unwrap().status, 200);
    let end = tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("closed by the server");
    assert!(end.is_err());
}

#[tokio::test]
async fn requests_that_break_off_change_nothing() {
    let world = world().await;
    let login = world.login("spa").await;
    let token = login["refresh_token"].as_str().unwrap();
    let body = form(&[("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")]);
    let head = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len() + 1
    );
    for part in [&head[..10], &head, &format!("{head}{body}")] {
        let mut stream = connect(&world).await;
        stream.write_all(part.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&rest));
    }
    let next = world.send(world.refresh(token)).await;
    assert_eq!(next.status, 200);
    assert_ne!(next.json()["refresh_token"], token);
}

#[tokio::test]
async fn malformed_http() {
    let world = world().await;
    let body = "a=b";
    for bytes in [
        "\r\n\r\n",
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "GET /heal\u{1}thz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nX: a\u{0}b\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
        &format!(
            "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{body}"
        ),
        &format!("POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\n{body}"),
        &format!("POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n{body}"),
        &format!("POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n{body}"),
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = connect(&world).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        read.expect("an answer or an end").ok();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{bytes:?}: {answer}");
    }
    still_fine(&world).await;
}

#[tokio::test]
async fn one_request_is_never_read_as_two() {
    let world = world().await;
    // CL.TE and TE.CL (RFC 9112 6.3): what a proxy took for the body must not become a request.
    let hidden = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n";
    let both = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        hidden.len() + 5
    );
    let mut stream = connect(&world).await;
    stream.write_all(both.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    let answers = String::from_utf8_lossy(&answer).matches("HTTP/1.1 ").count();
    assert!(answers <= 1, "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order() {
    let world = world().await;
    let mut stream = connect(&world).await;
    let two = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(two.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let statuses: Vec<_> =
        answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404"]);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_their_turn() {
    let world = world_with(|config| config.limits.connections = 1).await;
    let mut first = connect(&world).await;
    first.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(one(&mut first).await.unwrap().status, 200);
    let mut second = connect(&world).await;
    second.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(tokio::time::timeout(SHORT, second.readable()).await.is_err(), "not answered yet");
    drop(first);
    let answer = tokio::time::timeout(PATIENCE, one(&mut second)).await.unwrap().unwrap();
    assert_eq!(answer.status, 200);
}
