//! `[mail]`: how mail leaves.

use super::problem::Problems;
use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawMail {
    /// Where mail goes: `file:DIR` (one `.eml` each), or `outbox` (the page `/dev/outbox`, for development).
    /// Not set: no mail is sent, and nothing that needs mail is offered.
    pub sink: Option<String>,
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
    /// A file each.
    File(PathBuf),
    /// Kept in memory for `/dev/outbox`.
    Outbox,
}

impl RawMail {
    /// `host`: of the issuer; `public`: others than this machine reach it.
    pub(super) fn check(
        &self,
        problems: &mut Problems<'_>,
        host: &str,
        public: bool,
    ) -> Option<MailSettings> {
        let sink = match self.sink.as_deref()? {
            "outbox" => {
                if public {
                    problems.push("mail.sink", PUBLIC_OUTBOX);
                }
                MailSink::Outbox
            }
            other => match file_sink(other) {
                Some(folder) => MailSink::File(folder),
                None => {
                    problems.push("mail.sink", format!("{other:?} is no sink: write file:DIR or outbox"));
                    return None;
                }
            },
        };
        let mut read = |key: &str, text: &str| match text.parse::<Mailbox>() {
            Ok(mailbox) => Some(mailbox),
            Err(_) => {
                problems.push(key, format!("{text:?} is not a sender: write Name <address> or an address"));
                None
            }
        };
        let reply_to = self.reply_to.as_deref().map(|text| read("mail.reply_to", text));
        let from = match &self.from {
            Some(from) => read("mail.from", from),
            None => {
                let domain = if host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() {
                    "localhost"
                } else {
                    host
                };
                read("mail.from", &format!("no-reply@{domain}"))
            }
        };
        Some(MailSettings { sink, from: from?, reply_to: reply_to.flatten() })
    }
}

/// What anybody could read.
pub(super) const PUBLIC_OUTBOX: &str = "outbox shows every message to whoever asks, so it is for an issuer on this machine alone: write file:DIR";

/// The folder of `file:DIR`.
pub(super) fn file_sink(sink: &str) -> Option<PathBuf> {
    sink.strip_prefix("file:").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}
