//! Clients that sign in as themselves, told to the event log: the first time at an address, then now and then. A
//! service asks for tokens all day, and a commit for each would cost more than the token.

use crate::Issuer;
use crate::login::throttle::bucket::{Address, Shelf};
use crate::model::{Actor, Client, EventDraft, EventKind};
use crate::seal::Mark;
use countersign_token::Timestamp;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The same client at the same address is told again after this.
const AGAIN: Duration = Duration::from_secs(600);

/// When each was told.
#[derive(Default)]
pub(crate) struct ClientSignIns(Mutex<Shelf<(Mark, Address), Timestamp>>);

impl ClientSignIns {
    /// Is it to be told now?
    fn due(&self, client: Mark, ip: IpAddr, now: Timestamp) -> bool {
        // Times stay usable whatever panicked while they were held.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.get((client, Address::of(ip)));
        let due = *told == Timestamp::default() || now < *told || now.since(*told) >= AGAIN;
        if due {
            *told = now;
        }
        due
    }
}

/// A client proved who it is, and gets a token for itself. Nobody is turned away when it cannot be written.
pub(crate) async fn note(issuer: &Issuer, client: &Client, ip: IpAddr) {
    let mark = issuer.sealer.mark("client", client.id.as_str());
    if !issuer.client_sign_ins.due(mark, ip, issuer.store.cached_now()) {
        return;
    }
    let event = EventDraft::new(EventKind::ClientSignedIn, Actor::Client(client.id.clone()))
        .client(&client.id)
        .with("ip", ip.to_string());
    if let Err(e) = issuer.store.note(event).await {
        tracing::warn!(error = %e, "a sign-in of a client could not be written to the log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn once_in_a_while_for_each_client_and_address() {
        let told = ClientSignIns::default();
        let at = |seconds: i64| Timestamp::from_seconds(1_000_000 + seconds);
        let due = |client: u8, ip: u8, now| {
            told.due(Mark([client; 16]), Ipv4Addr::new(192, 0, 2, ip).into(), at(now))
        };
        assert!(due(1, 1, 0) && !due(1, 1, 0) && !due(1, 1, 599) && due(1, 1, 600) && !due(1, 1, 601));
        assert!(due(1, 2, 0) && due(2, 1, 0), "another address, another client");
        assert!(due(1, 1, 300), "the clock was set back");
    }
}
