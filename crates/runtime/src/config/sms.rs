//! `[sms]`: how text messages leave.

use super::mail::{PUBLIC_OUTBOX, file_sink};
use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSms {
    /// Where text messages go: `file:DIR` (one `.json` each), or `outbox` (the page `/dev/outbox`, for
    /// development). Not set: none is sent, and codes by SMS are not offered.
    pub sink: Option<String>,
}

/// Where text messages go.
#[derive(Clone, Debug)]
pub enum SmsSink {
    /// A file each.
    File(PathBuf),
    /// Kept in memory for `/dev/outbox`.
    Outbox,
}

impl RawSms {
    pub(super) fn check(&self, problems: &mut Problems<'_>, public: bool) -> Option<SmsSink> {
        match self.sink.as_deref()? {
            "outbox" => {
                if public {
                    problems.push("sms.sink", PUBLIC_OUTBOX);
                }
                Some(SmsSink::Outbox)
            }
            other => {
                let folder = file_sink(other);
                if folder.is_none() {
                    problems.push("sms.sink", format!("{other:?} is no sink: write file:DIR or outbox"));
                }
                folder.map(SmsSink::File)
            }
        }
    }
}
