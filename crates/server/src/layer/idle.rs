//! A connection that says nothing for too long is closed. HTTP/1 has its own limit for heads; this one is
//! for what comes before HTTP knows anything: an HTTP/2 connection without its first frame, a silent peer.
//! Whoever takes what it is sent is not silent: a stream of events has one direction.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream whose reads fail after `limit` of silence in both directions.
pub(crate) struct Idle<S> {
    stream: S,
    alarm: Pin<Box<Sleep>>,
    limit: Duration,
}

impl<S> Idle<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, alarm: Box::pin(tokio::time::sleep_until(Instant::now() + limit)), limit }
    }

    fn heard<T>(&mut self, done: &Poll<T>) {
        if done.is_ready() {
            let next = Instant::now() + self.limit;
            self.alarm.as_mut().reset(next);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(cx, into);
        self.heard(&done);
        if done.is_ready() {
            return done;
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "idle")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, from);
        self.heard(&done);
        done
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, from);
        self.heard(&done);
        done
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn whoever_reads_is_not_silent() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut idle = Idle::new(ours, Duration::from_secs(3_600));
        let first = idle.alarm.deadline();
        idle.write_all(b"event").await.unwrap();
        let second = idle.alarm.deadline();
        assert!(second > first, "what is taken puts the end off");
        theirs.write_all(b"x").await.unwrap();
        idle.read_u8().await.unwrap();
        assert!(idle.alarm.deadline() > second, "and so does what is said");
    }
}
