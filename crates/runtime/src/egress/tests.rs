//! Real sockets on loopback.

use super::*;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn loopback() -> Vec<IpNet> {
    vec!["127.0.0.1/32".parse().unwrap()]
}

fn get(url: String) -> Call {
    Call {
        method: CallMethod::Get,
        url,
        headers: vec![("accept".into(), "application/json".to_owned())],
        body: vec![],
    }
}

/// A server of one connection that runs `speak` once the request's head is read; answers the head.
async fn one<F: Future<Output = ()> + Send>(
    speak: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        speak(socket).await;
        String::from_utf8(head).unwrap()
    });
    (address, task)
}

#[tokio::test]
async fn an_allowed_address_is_called_and_its_answer_read() {
    let (address, server) = one(|mut socket| async move {
        let answer = b"HTTP/1.1 201 Created\r\nX-Here: yes\r\ncontent-length: 2\r\n\r\nok";
        socket.write_all(answer).await.unwrap();
    })
    .await;
    let outward = Outward::new(loopback());
    let answer = outward.call(get(format!("http://localhost:{}/a?b=c", address.port()))).await.unwrap();
    assert_eq!((answer.status, answer.header("x-here"), &answer.body[..]), (201, Some("yes"), &b"ok"[..]));
    let head = server.await.unwrap();
    assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("accept: application/json\r\n") && head.contains("user-agent: countersign/"),
        "{head}"
    );
    assert!(!head.to_ascii_lowercase().contains("accept-encoding"), "nothing is unpacked here: {head}");
}

#[tokio::test]
async fn what_is_not_allowed_gets_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let outward = Outward::new(Vec::new());
    for host in ["127.0.0.1", "localhost", "a.localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "0x7f000001"] {
        for scheme in ["http", "https"] {
            let refused = outward.call(get(format!("{scheme}://{host}:{port}/"))).await.unwrap_err();
            assert!(refused.0.contains("egress.allow"), "{scheme} {host}: {refused}");
        }
    }
    let secret = outward.call(get(format!("https://me:hunter2@127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(!secret.0.contains("hunter2"), "{secret}");
    let nobody =
        std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx).is_pending())).await;
    assert!(nobody, "somebody connected");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}/secret", trap.local_addr().unwrap());
    let location = there.clone();
    let (address, server) = one(|mut socket| async move {
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let outward = Outward::new(loopback());
    let answer = outward.call(get(format!("http://{address}/"))).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (302, Some(there.as_str())));
    server.await.unwrap();
    let nobody = std::future::poll_fn(|cx| std::task::Poll::Ready(trap.poll_accept(cx).is_pending())).await;
    assert!(nobody, "the redirect was followed");
}

/// The server says more until the other side hangs up.
async fn endless(mut socket: TcpStream, head: &str, piece: Vec<u8>, beat: Option<Duration>) {
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut beat = beat.map(tokio::time::interval);
    loop {
        if let Some(beat) = &mut beat {
            beat.tick().await;
        }
        if socket.write_all(&piece).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_huge_answer_ends() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes();
    let (address, server) = one(|socket| endless(socket, chunked, piece, None)).await;
    let outward = Outward::new(loopback());
    let ended = outward.call(get(format!("http://{address}/"))).await.unwrap_err();
    assert!(ended.0.contains("longer than 1048576 bytes"), "{ended}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_slow_answer_ends() {
    let deadline = Duration::from_millis(60);
    let outward = Outward::within(loopback(), deadline);
    let beat = Some(Duration::from_millis(2));
    // A head that never ends, and a body that never ends.
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\nx: ", &b"a"[..]),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", &b"1\r\na\r\n"[..]),
    ] {
        let (address, server) = one(move |socket| endless(socket, head, piece.to_vec(), beat)).await;
        let ended = outward.call(get(format!("http://{address}/"))).await.unwrap_err();
        assert!(ended.0.contains("no whole answer within"), "{ended}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_header_cannot_be_split() {
    let outward = Outward::new(loopback());
    let mut call = get("http://127.0.0.1:9/".to_owned());
    call.headers.push(("authorization".into(), "Basic x\r\nx-evil: 1".to_owned()));
    let refused = outward.call(call).await.unwrap_err();
    assert!(refused.0.contains("authorization") && !refused.0.contains("evil"), "{refused}");
}
