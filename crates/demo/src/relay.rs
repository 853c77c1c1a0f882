//! A relay of bytes in front of one or several addresses: a plain round-robin balancer, or a cable that can
//! be cut.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A relay; it takes no more connections once its owner is gone.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    targets: Vec<SocketAddr>,
    turn: AtomicUsize,
    cut: watch::Sender<bool>,
}

impl Relay {
    /// Listens on a free loopback port. Connections go to the targets in turn.
    pub(crate) async fn to(targets: &[SocketAddr]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for a relay")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            targets: targets.to_vec(),
            turn: AtomicUsize::new(0),
            cut: watch::Sender::new(false),
        });
        tokio::spawn(accept(listener, Arc::downgrade(&shared)));
        Ok(Self { address, shared })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection, and each new one at once, until [`Self::heal`].
    pub(crate) fn cut(&self) {
        self.shared.cut.send_replace(true);
    }

    pub(crate) fn heal(&self) {
        self.shared.cut.send_replace(false);
    }

    pub(crate) fn is_cut(&self) -> bool {
        *self.shared.cut.borrow()
    }
}

async fn accept(listener: TcpListener, shared: Weak<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let Some(shared) = shared.upgrade() else { return };
        tokio::spawn(async move {
            let mut cut = shared.cut.subscribe();
            tokio::select! {
                biased;
                _ = cut.wait_for(|cut| *cut) => {}
                _ = shared.carry(client) => {}
            }
        });
    }
}

impl Shared {
    async fn carry(&self, mut client: TcpStream) -> Option<()> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let target = self.targets.get(turn.checked_rem(self.targets.len())?)?;
        let mut server = TcpStream::connect(target).await.ok()?;
        client.set_nodelay(true).and(server.set_nodelay(true)).ok()?;
        copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Answers every byte with its own name, and keeps the connection.
    async fn named(name: u8) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while stream.read_u8().await.is_ok() && stream.write_u8(name).await.is_ok() {}
                });
            }
        });
        address
    }

    async fn open(relay: &Relay) -> TcpStream {
        TcpStream::connect(relay.address()).await.unwrap()
    }

    async fn ask(stream: &mut TcpStream) -> Option<u8> {
        stream.write_u8(b'?').await.ok()?;
        stream.read_u8().await.ok()
    }

    #[tokio::test]
    async fn connections_take_turns() {
        let relay = Relay::to(&[named(b'a').await, named(b'b').await]).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.extend(ask(&mut open(&relay).await).await);
        }
        assert_eq!(seen, b"abab");
    }

    #[tokio::test]
    async fn a_cut_ends_connections_until_it_is_healed() {
        let relay = Relay::to(&[named(b'a').await]).await.unwrap();
        let mut held = open(&relay).await;
        assert_eq!(ask(&mut held).await, Some(b'a'));
        relay.cut();
        assert!(held.read_u8().await.is_err(), "ended from outside");
        assert_eq!(ask(&mut open(&relay).await).await, None);
        relay.heal();
        assert_eq!(ask(&mut open(&relay).await).await, Some(b'a'));
    }
}
