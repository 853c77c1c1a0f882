//! Mail to a server: TLS unless it is on this machine, connections kept, and what its answers mean.

use crate::config::{SmtpServer, SmtpTls};
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
/// Connections kept for the next mail. At once there are as many as there are deliveries.
const KEPT: u32 = 8;
/// A connection not used for that long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// Permanent failures of this one receiver or message (RFC 3463, RFC 7505). Every other one may be about us: a
/// wrong password, sender or server, a relay denied, a filter; most with a bare 550 or 554. Those are tried
/// again, so that a mistake of an hour does not lose the mail of an hour. Of 5.1 and 5.2 the rest is about
/// senders: 5.1.0 as Postfix refuses one, 5.1.7, 5.1.8, and 5.2.252 as Exchange does.
const FOR_GOOD: [&str; 11] =
    ["5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1", "5.2.2", "5.2.3", "5.2.4", "5.3.4"];

pub(super) struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    /// Connects at the first mail.
    pub(super) fn new(server: &SmtpServer) -> Result<Self, String> {
        let parameters = || TlsParameters::new(server.host.clone()).map_err(|e| e.to_string());
        let tls = match server.tls {
            SmtpTls::Wrapped => Tls::Wrapper(parameters()?),
            SmtpTls::StartTls => Tls::Required(parameters()?),
            SmtpTls::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
            .port(server.port)
            .tls(tls)
            .timeout(Some(ANSWER))
            .pool_config(PoolConfig::new().max_size(KEPT).idle_timeout(IDLE));
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
    let for_good = e.is_permanent() && e.source().is_some_and(|said| is_for_good(&said.to_string()));
    let mut detail = e.to_string();
    if let Some(source) = e.source() {
        let more = source.to_string();
        if !detail.contains(&more) {
            detail = format!("{detail}: {more}");
        }
    }
    Undelivered { for_good, detail: without_addresses(&detail) }
}

/// An answer begins with its enhanced code (RFC 2034 4).
fn is_for_good(answer: &str) -> bool {
    answer.split_whitespace().next().is_some_and(|code| FOR_GOOD.contains(&code))
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
