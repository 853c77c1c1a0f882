//! A closed-loop HTTP/1.1 client that costs little: prepared bytes out, status and body back.

use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response: status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> Result<Self> {
        Self::over(TcpStream::connect(to).await?)
    }

    /// From another loopback address, so that limits for an address do not shape what is measured.
    pub(crate) async fn open_from(from: Ipv4Addr, to: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        Self::over(socket.connect(to).await?)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 * 1024) })
    }

    /// Sends and waits for the whole answer (Content-Length only: no chunked bodies here).
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if let Some(answer) = parse(&self.buffer)? {
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
    let Some(head_end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(None) };
    let (head, rest) = bytes.split_at(head_end);
    let head = std::str::from_utf8(head)?;
    let status = head.get(9..12).context("no status line")?.parse()?;
    let length = head
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        })
        .transpose()?
        .unwrap_or(0);
    let body = rest.get(4..).unwrap_or_default();
    Ok((body.len() >= length).then(|| Answer { status, body: body.to_vec() }))
}

/// A GET.
pub(crate) fn get(host: SocketAddr, path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").into_bytes()
}

/// A form POST.
pub(crate) fn post(host: SocketAddr, path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A JSON POST.
pub(crate) fn post_json(host: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What a load came to.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Statuses other than the one expected.
    pub(crate) unexpected: usize,
}

/// `connections` closed loops for `time`. `make` builds the next request of a loop from its last answer
/// (`None` first).
pub(crate) async fn load<F>(
    to: SocketAddr,
    connections: usize,
    time: Duration,
    expected: u16,
    make: F,
) -> Result<Load>
where
    F: Fn(usize, Option<&Answer>) -> Vec<u8> + Clone + 'static,
{
    let began = Instant::now();
    let end = began + time;
    let loops: Vec<_> = (0..connections)
        .map(|index| {
            let make = make.clone();
            tokio::task::spawn_local(async move {
                let mut connection = Connection::open(to).await?;
                let mut took = Vec::with_capacity(16 * 1024);
                let mut unexpected = 0_usize;
                let mut last = None;
                while Instant::now() < end {
                    let request = make(index, last.as_ref());
                    let sent = Instant::now();
                    let answer = connection.send(&request).await?;
                    took.push(sent.elapsed());
                    unexpected += usize::from(answer.status != expected);
                    last = Some(answer);
                }
                anyhow::Ok((took, unexpected))
            })
        })
        .collect();
    let mut all = Vec::new();
    let mut unexpected = 0;
    for one in loops {
        let (took, bad) = one.await??;
        all.extend(took);
        unexpected += bad;
    }
    let passed = began.elapsed();
    all.sort_unstable();
    let at = |share: usize| all.get(all.len() * share / 100).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let per_second = all.len() as f64 / passed.as_secs_f64();
    Ok(Load { per_second, p50: at(50), p99: at(99), unexpected })
}
