//! Mail to a server: TLS unless it is this machine, connections kept, and what its answers mean.

use crate::config::SmtpServer;
use countersign_issuer::port::Undelivered;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::error::Error as _;
use std::time::Duration;

/// For one answer of the server.
const ANSWER: Duration = Duration::from_secs(15);
/// For the whole delivery; well below the lease of a job.
const DELIVERY: Duration = Duration::from_secs(30);
/// Connections at once.
const CONNECTIONS: u32 = 8;
/// A connection not used for that long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// Refusals of this one message (RFC 5321 4.2.3). Other 5yz answers are about us: a wrong password, a wrong
/// server. Those are tried again, so that a mistake of an hour does not lose the mail of an hour.
const FOR_GOOD: [u16; 5] = [550, 551, 552, 553, 554];

pub(super) struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    /// Connects at the first mail.
    pub(super) fn new(server: &SmtpServer) -> Result<Self, String> {
        let tls = TlsParameters::new(server.host.clone()).map_err(|e| e.to_string())?;
        let tls = match (server.wrapped, server.loopback) {
            (true, _) => Tls::Wrapper(tls),
            (false, false) => Tls::Required(tls),
            (false, true) => Tls::Opportunistic(tls),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
            .port(server.port)
            .tls(tls)
            .timeout(Some(ANSWER))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE));
        if let Some((user, password)) = &server.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self(builder.build()))
    }

    pub(super) async fn send(&self, mail: Message) -> Result<(), Undelivered> {
        match tokio::time::timeout(DELIVERY, self.0.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) => Err(judged(&e)),
            Err(_) => Err(Undelivered {
                for_good: false,
                detail: format!("the mail server took longer than {} s", DELIVERY.as_secs()),
            }),
        }
    }

    /// Greets the server and signs in, as for a mail.
    pub(crate) async fn reach(&self) -> Result<bool, String> {
        let look = tokio::time::timeout(DELIVERY, self.0.test_connection());
        look.await.map_err(|_| "no answer".to_owned())?.map_err(|e| judged(&e).detail)
    }
}

fn judged(e: &Error) -> Undelivered {
    let for_good = e.status().is_some_and(|code| FOR_GOOD.contains(&u16::from(code)));
    let mut detail = e.to_string();
    if let Some(source) = e.source() {
        let more = source.to_string();
        if !detail.contains(&more) {
            detail = format!("{detail}: {more}");
        }
    }
    Undelivered { for_good, detail: without_addresses(&detail) }
}

/// Servers repeat the address they refuse.
fn without_addresses(text: &str) -> String {
    let words = text.split_whitespace().map(|word| if word.contains('@') { "(address)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_noted_without_the_address() {
        let text = "permanent error (550): 5.1.1 <ada@example.test>: Recipient address rejected";
        assert_eq!(
            without_addresses(text),
            "permanent error (550): 5.1.1 (address) Recipient address rejected"
        );
    }
}
