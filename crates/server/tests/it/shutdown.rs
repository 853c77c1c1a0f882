//! The end: nothing new is taken, what is under way is finished, and there is a last moment.

use crate::wire::{form, one};
use crate::world::{BACKEND_SECRET, world, world_with};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

fn token_request() -> (String, String) {
    let basic = crate::wire::base64(format!("backend:{BACKEND_SECRET}").as_bytes());
    let body = form(&[("grant_type", "client_credentials"), ("scope", "read")]);
    let head = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {basic}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_is_taken() {
    let world = world().await;
    let mut idle = TcpStream::connect(world.addr).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(one(&mut idle).await.unwrap().status, 200);
    let (head, body) = token_request();
    let mut busy = TcpStream::connect(world.addr).await.unwrap();
    busy.write_all(head.as_bytes()).await.unwrap();
    // Answered after the head of `busy` was accepted, on a connection taken after it.
    assert_eq!(world.send(crate::wire::get("/healthz")).await.status, 200);

    world.shutdown.cancel();
    let closed = tokio::time::timeout(PATIENCE, idle.read_u8()).await.expect("an idle connection is closed");
    assert!(closed.is_err());
    assert!(TcpStream::connect(world.addr).await.is_err(), "no new connections");
    let cut_off = tokio::time::timeout(Duration::from_millis(200), busy.readable()).await;
    assert!(cut_off.is_err() && !world.server.is_finished(), "it waits for the busy one");

    busy.write_all(body.as_bytes()).await.unwrap();
    let answer = one(&mut busy).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("connection"), Some("close"));
    world.stop().await;
}

#[tokio::test]
async fn a_connection_that_never_ends_does_not_keep_the_server() {
    let world = world_with(|config| config.limits.grace = Duration::from_millis(200)).await;
    let (head, _) = token_request();
    let mut stuck = TcpStream::connect(world.addr).await.unwrap();
    stuck.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(world.send(crate::wire::get("/healthz")).await.status, 200);
    world.stop().await;
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stuck.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "the connection is closed");
}
