//! Many readers, slow readers, and the end.

use super::PATIENCE;
use super::listener::Listener;
use crate::wire::{get, one};
use crate::world::{World, world_with};
use countersign_feed::stream::Event;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

async fn open(world: &World) -> Listener {
    Listener::open(world, "/rev/stream", &[]).await.unwrap_or_else(|answer| panic!("{}", answer.status))
}

/// Until a stream is let in: the server learns by itself that another one left.
async fn let_in(world: &World) -> Listener {
    let trying = async {
        loop {
            if let Ok(listener) = Listener::open(world, "/rev/stream", &[]).await {
                return listener;
            }
        }
    };
    tokio::time::timeout(PATIENCE, trying).await.expect("a seat gets free")
}

#[tokio::test]
async fn there_are_so_many_seats() {
    let world = world_with(|config| config.limits.streams = 2).await;
    world.beat().await;
    let (first, _second) = (open(&world).await, open(&world).await);
    for path in ["/rev/stream", "/rev/log?epoch=1&from=0&wait=5"] {
        let full = world.send(get(path)).await;
        assert_eq!((full.status, full.error().as_str()), (503, "temporarily_unavailable"), "{path}");
        assert_eq!(full.header("retry-after"), Some("2"), "{path}");
        assert_eq!(full.header("access-control-allow-origin"), Some("*"), "{path}");
    }
    assert_eq!(world.send(get("/rev/head")).await.status, 200, "what does not last needs no seat");
    assert_eq!(world.send(get("/rev/log?epoch=1&from=0&wait=0")).await.status, 200);
    drop(first);
    let_in(&world).await;
}

#[tokio::test]
async fn one_address_does_not_take_them_all() {
    let world = world_with(|config| {
        config.limits.streams_per_address = 1;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    world.beat().await;
    let of = |ip: &'static str| [("X-Forwarded-For", ip)];
    let _one = Listener::open(&world, "/rev/stream", &of("192.0.2.1")).await.unwrap();
    assert_eq!(
        Listener::open(&world, "/rev/stream", &of("192.0.2.1")).await.err().map(|a| a.status),
        Some(503)
    );
    assert!(Listener::open(&world, "/rev/stream", &of("192.0.2.2")).await.is_ok());
}

#[tokio::test]
async fn streams_and_long_polls_end_with_the_server() {
    let world = world_with(|config| config.limits.grace = Duration::from_secs(3_600)).await;
    world.beat().await;
    let mut streams = [open(&world).await, open(&world).await];
    let mut poll = TcpStream::connect(world.addr).await.unwrap();
    poll.write_all(b"GET /rev/log?epoch=1&from=0&wait=25 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(world.send(get("/healthz")).await.status, 200);
    world.shutdown.cancel();
    for stream in &mut streams {
        assert!(matches!(stream.next().await, Some(Event::Head(_))));
        assert_eq!(stream.next().await, None);
        assert!(stream.ended, "as HTTP ends a body");
    }
    let answer = tokio::time::timeout(PATIENCE, one(&mut poll)).await.expect("an answer").unwrap();
    assert_eq!(answer.status, 200, "with what there was");
    world.stop().await;
}

#[tokio::test]
async fn who_takes_nothing_is_let_go() {
    let world = world_with(|config| {
        config.limits.write_stall = Duration::from_millis(200);
        config.limits.streams = 1;
    })
    .await;
    // 7 MB wait for a reader that never reads: more than any system keeps for it.
    world.append(300_000).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stuck = socket.connect(world.addr).await.unwrap();
    stuck.write_all(&get("/rev/stream?from=1.0").bytes()).await.unwrap();
    stuck.readable().await.unwrap();
    assert_eq!(world.send(get("/rev/stream")).await.status, 503, "it has the seat");
    let_in(&world).await;
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stuck.read_to_end(&mut rest)).await;
    assert!(end.is_ok() && !rest.ends_with(b"\r\n0\r\n\r\n"), "cut off, not ended");
}

#[tokio::test]
async fn a_reader_that_leaves_is_noticed_though_nothing_happens() {
    let world = world_with(|config| config.limits.streams = 1).await;
    world.beat().await;
    for _ in 0..3 {
        drop(let_in(&world).await);
    }
}
