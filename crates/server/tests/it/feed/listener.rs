//! A reader of the stream: exactly what comes over the socket, chunk by chunk.

use super::PATIENCE;
use crate::wire::{Answer, Ask, get};
use crate::world::World;
use countersign_feed::stream::{Event, Reader};
use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Listener<S = TcpStream> {
    stream: S,
    raw: Vec<u8>,
    reader: Reader,
    events: VecDeque<Event>,
    /// The body ended as HTTP says, not by a broken connection.
    pub(crate) ended: bool,
}

impl Listener {
    /// Opens a stream; an answer that is none is given back.
    pub(crate) async fn open(world: &World, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let stream = TcpStream::connect(world.addr).await.unwrap();
        Self::over(stream, headers.iter().fold(get(path), |ask, (n, v)| ask.with(n, v))).await
    }
}

impl<S: AsyncRead + tokio::io::AsyncWrite + Unpin> Listener<S> {
    pub(crate) async fn over(mut stream: S, ask: Ask) -> Result<Self, Answer> {
        stream.write_all(&ask.bytes()).await.unwrap();
        let mut raw = Vec::new();
        let head = loop {
            if let Some(answer) = Answer::parse(&raw) {
                break answer;
            }
            assert_ne!(read(&mut stream, &mut raw).await, 0, "no answer");
        };
        if head.status != 200 {
            return Err(head);
        }
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        assert_eq!(head.header("cache-control"), Some("no-store"));
        assert_eq!(head.header("x-accel-buffering"), Some("no"));
        assert_eq!(head.header("access-control-allow-origin"), Some("*"));
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        Ok(Self { stream, raw: head.body, reader: Reader::default(), events: VecDeque::new(), ended: false })
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            while let Some(chunk) = self.chunk() {
                self.ended = chunk.is_empty();
                self.events.extend(self.reader.push(&chunk).unwrap());
            }
            if self.events.is_empty() && (self.ended || read(&mut self.stream, &mut self.raw).await == 0) {
                return None;
            }
        }
    }

    /// A chunk that is there whole (RFC 9112 7.1).
    fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = self.raw.windows(2).position(|w| w == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&self.raw[..end]).unwrap(), 16).unwrap();
        if self.raw.len() < end + 2 + length + 2 {
            return None;
        }
        let rest = self.raw.split_off(end + 2 + length + 2);
        let chunk = std::mem::replace(&mut self.raw, rest);
        Some(chunk[end + 2..end + 2 + length].to_vec())
    }

    /// Where a new connection would go on.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.reader.last_id()
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) -> usize {
    let read = tokio::time::timeout(PATIENCE, stream.read_buf(into)).await;
    // A connection that is reset is one that ended.
    read.expect("the server says something").unwrap_or(0)
}
