//! Connected verifiers: each a stream of its own and a follower that believes only what a signed head proves.

use anyhow::{Context, Result, bail, ensure};
use countersign_feed::stream::{Event, Reader};
use countersign_feed::{Follower, Names, Page, Pins};
use countersign_token::Timestamp;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Between two tries to connect.
const AGAIN: Duration = Duration::from_millis(100);

/// A revocation that is waited for at every verifier.
pub(crate) struct Sample {
    names: Names,
    /// When the issuer answered it.
    pub(crate) acknowledged: Option<Instant>,
    /// When each verifier refused first.
    pub(crate) refused: Vec<Instant>,
}

/// What verifiers look at and where they note what they saw.
#[derive(Default)]
pub(crate) struct Board {
    /// In the order in which they were asked for.
    pub(crate) samples: RefCell<Vec<Sample>>,
    /// `as_of` of the newest proven head of each.
    as_of: RefCell<Vec<i64>>,
}

impl Board {
    /// Notes a revocation before it is asked for; answers its place.
    pub(crate) fn expect(&self, names: Names) -> usize {
        let mut samples = self.samples.borrow_mut();
        samples.push(Sample { names, acknowledged: None, refused: Vec::new() });
        samples.len() - 1
    }

    /// The issuer answered.
    pub(crate) fn acknowledged(&self, place: usize) {
        if let Some(sample) = self.samples.borrow_mut().get_mut(place) {
            sample.acknowledged = Some(Instant::now());
        }
    }

    /// Whether that many verifiers refuse everything asked for.
    pub(crate) fn refused_by(&self, verifiers: usize) -> bool {
        self.samples.borrow().iter().all(|sample| sample.refused.len() == verifiers)
    }

    /// How many verifiers have proven a head made since then.
    pub(crate) fn fresh(&self, since: Timestamp) -> usize {
        self.as_of.borrow().iter().filter(|as_of| **as_of >= since.millis()).count()
    }
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}

/// Starts that many; they come back by themselves when the connection ends.
pub(crate) fn start(many: usize, to: SocketAddr, pins: &Pins, board: &Rc<Board>) {
    board.as_of.borrow_mut().resize(many, 0);
    for place in 0..many {
        let mut verifier =
            Verifier { place, seen: 0, follower: Follower::new(pins.clone()), board: Rc::clone(board) };
        tokio::task::spawn_local(async move {
            loop {
                if let Err(error) = verifier.follow(to).await
                    && std::env::var_os("BENCH_VERBOSE").is_some()
                {
                    eprintln!("verifier {place}: {error:#}");
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
    }
}

struct Verifier {
    place: usize,
    /// Samples it refuses.
    seen: usize,
    follower: Follower,
    board: Rc<Board>,
}

impl Verifier {
    async fn follow(&mut self, to: SocketAddr) -> Result<()> {
        let mut stream = TcpStream::connect(to).await?;
        let at = self.follower.proven().map_or((1, 0), |head| (head.epoch, head.seq));
        let ask =
            format!("GET /rev/stream HTTP/1.1\r\nHost: {to}\r\nLast-Event-ID: {}.{}\r\n\r\n", at.0, at.1);
        stream.write_all(ask.as_bytes()).await?;
        let mut raw = Vec::with_capacity(4 * 1024);
        let body = loop {
            if let Some(end) = raw.windows(4).position(|w| w == b"\r\n\r\n") {
                ensure!(raw.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&raw));
                break end + 4;
            }
            ensure!(stream.read_buf(&mut raw).await? > 0, "no answer");
        };
        raw.drain(..body);
        let mut reader = Reader::default();
        loop {
            while let Some(chunk) = chunk(&mut raw)? {
                for event in reader.push(&chunk)? {
                    self.take(event)?;
                }
            }
            ensure!(stream.read_buf(&mut raw).await? > 0, "the stream ended");
        }
    }

    fn take(&mut self, event: Event) -> Result<()> {
        let elapsed = Duration::ZERO;
        match event {
            Event::Head(jws) => self.follower.head(&jws, now(), elapsed)?,
            Event::Rules(bytes) => self.follower.page(Page::read(&bytes)?, now(), elapsed)?,
            Event::Hint(_) | Event::Jwks(_) => return Ok(()),
        }
        if let (Some(head), Some(slot)) =
            (self.follower.proven(), self.board.as_of.borrow_mut().get_mut(self.place))
        {
            *slot = head.as_of;
        }
        let view = self.follower.view();
        let mut samples = self.board.samples.borrow_mut();
        while let Some(sample) = samples.get_mut(self.seen)
            && view.covers(&sample.names, 0, |_| sample.names).is_some()
        {
            sample.refused.push(Instant::now());
            self.seen += 1;
        }
        Ok(())
    }
}

/// Takes a whole chunk off the front (RFC 9112 7.1).
fn chunk(raw: &mut Vec<u8>) -> Result<Option<Vec<u8>>> {
    let Some(line) = raw.windows(2).position(|w| w == b"\r\n") else { return Ok(None) };
    let length = usize::from_str_radix(std::str::from_utf8(raw.get(..line).context("chunk")?)?, 16)?;
    if length == 0 {
        bail!("the stream ended");
    }
    let end = line + 2 + length + 2;
    if raw.len() < end {
        return Ok(None);
    }
    let chunk = raw.get(line + 2..end - 2).context("chunk")?.to_vec();
    raw.drain(..end);
    Ok(Some(chunk))
}
