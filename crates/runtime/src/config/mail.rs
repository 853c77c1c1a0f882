//! `[mail]`: how mail leaves.

use super::problem::Problems;
use super::show::{names_user, without_password};
use countersign_issuer::model::Secret;
use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use url::Url;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawMail {
    /// Where mail goes: `smtp`, `file:DIR` (one `.eml` each), or `outbox` (the page `/dev/outbox`, for development).
    /// Not set: no mail is sent, and nothing that needs mail is offered.
    pub sink: Option<String>,
    /// The mail server: `smtps://host` (TLS, port 465) or `smtp://host` (port 587). The latter is STARTTLS, and in
    /// the clear where the host is `localhost` or a loopback address, unless `?tls=required` follows.
    #[schemars(extend("x-url" = true))]
    pub smtp_url: Option<String>,
    /// User name at the mail server.
    pub smtp_user: Option<String>,
    /// Password at the mail server.
    #[schemars(extend("x-secret" = true))]
    pub smtp_password: Option<String>,
    /// Sender: `Name <address>` or an address alone. Default: `no-reply@` the issuer's host.
    pub from: Option<String>,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<String>,
}

/// Checked.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Where it goes.
    pub sink: MailSink,
    /// Sender.
    pub from: Mailbox,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum MailSink {
    /// A mail server.
    Smtp(SmtpServer),
    /// A file each.
    File(PathBuf),
    /// Kept in memory for `/dev/outbox`.
    Outbox,
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How it is kept from others.
    pub tls: SmtpTls,
    /// User and password.
    pub login: Option<(String, Secret)>,
}

/// TLS to a mail server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmtpTls {
    /// From the first byte.
    Wrapped,
    /// STARTTLS, or nothing is sent.
    StartTls,
    /// None: the server is on this machine. Its certificate is one that nobody vouches for, as packages make
    /// them, so asking for TLS would only mean that no mail goes.
    None,
}

impl RawMail {
    fn server(&self, problems: &mut Problems<'_>) -> Option<SmtpServer> {
        const KEY: &str = "mail.smtp_url";
        const WRITE: &str =
            "write smtps://host or smtp://host, with :port where it is another than 465 or 587";
        let Some(url) = self.smtp_url.as_deref() else {
            problems.push(KEY, "must be set with mail.sink = \"smtp\": smtps://host or smtp://host");
            return None;
        };
        let parsed = Url::parse(url).ok().filter(|u| matches!(u.scheme(), "smtp" | "smtps") && u.has_host());
        let Some(url) = parsed else {
            problems.push(KEY, WRITE);
            return None;
        };
        if names_user(&url) {
            problems.push(KEY, "must hold no user or password: use mail.smtp_user and mail.smtp_password");
        }
        let wrapped = url.scheme() == "smtps";
        let required = url.query() == Some("tls=required") && !wrapped;
        let asks_other = url.query().is_some() && !required;
        if asks_other || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            problems.push(KEY, WRITE);
        }
        let login = match (&self.smtp_user, &self.smtp_password) {
            (Some(user), Some(password)) => Some((user.clone(), Secret::new(password.clone()))),
            (None, None) => None,
            _ => {
                problems.push("mail.smtp_user", "and mail.smtp_password go together");
                None
            }
        };
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        let address = host.parse::<IpAddr>();
        let loopback = host == "localhost" || address.is_ok_and(|ip| ip.is_loopback());
        let port = url.port().unwrap_or(if wrapped { 465 } else { 587 });
        let tls = match (wrapped, loopback && !required) {
            (true, _) => SmtpTls::Wrapped,
            (false, false) => SmtpTls::StartTls,
            (false, true) => SmtpTls::None,
        };
        Some(SmtpServer { host, port, tls, login })
    }

    /// `host`: of the issuer; `public`: others than this machine reach it.
    pub(super) fn check(
        &self,
        problems: &mut Problems<'_>,
        host: &str,
        public: bool,
    ) -> Option<MailSettings> {
        let sink = match self.sink.as_deref()? {
            "smtp" => {
                if self.from.is_none() {
                    problems.push("mail.from", "must be set with mail.sink = \"smtp\": the sender's address");
                }
                MailSink::Smtp(self.server(problems)?)
            }
            "outbox" => {
                if public {
                    problems.push("mail.sink", PUBLIC_OUTBOX);
                }
                MailSink::Outbox
            }
            other => match file_sink(other) {
                Some(folder) => MailSink::File(folder),
                None => {
                    let other = without_password(other);
                    problems
                        .push("mail.sink", format!("{other:?} is no sink: write smtp, file:DIR or outbox"));
                    return None;
                }
            },
        };
        let mut read = |key: &str, text: &str| match text.parse::<Mailbox>() {
            Ok(mailbox) if !text.contains(char::is_control) => Some(mailbox),
            _ => {
                problems.push(key, format!("{text:?} is not a sender: write Name <address> or an address"));
                None
            }
        };
        let reply_to = self.reply_to.as_deref().map(|text| read("mail.reply_to", text));
        let from = match &self.from {
            Some(from) => read("mail.from", from),
            None => {
                let domain =
                    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() { "localhost" } else { host };
                read("mail.from", &format!("no-reply@{domain}"))
            }
        };
        Some(MailSettings { sink, from: from?, reply_to: reply_to.flatten() })
    }
}

/// What anybody could read.
pub(super) const PUBLIC_OUTBOX: &str = "outbox shows every message to whoever asks, so issuer and listen must be of this machine alone: write file:DIR";

/// The folder of `file:DIR`.
pub(super) fn file_sink(sink: &str) -> Option<PathBuf> {
    sink.strip_prefix("file:").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}
