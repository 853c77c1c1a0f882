//! `[password]`: what passwords must be, and the pool that hashes them.

use super::problem::Problems;
use super::show::names_user;
use super::{Size, Span};
use crate::hasher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Have I Been Pwned.
const BREACHED_URL: &str = "https://api.pwnedpasswords.com";

/// As written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPassword {
    /// Weakest acceptable strength of a new password (zxcvbn score), 0 to 4.
    pub min_score: u8,
    /// Most memory the hashing threads may hold together. A hash takes 19 MiB.
    pub memory: Size,
    /// Hashing threads. Default: one a core, as many as the memory allows.
    pub workers: Option<u16>,
    /// List of breached passwords that new ones are held against: `off`, `api` (five digits of the SHA-1 are
    /// told to `breached_url`), or `file:PATH` (`HASH:COUNT` a line, ordered by hash, as the downloader of Have
    /// I Been Pwned writes it).
    pub breached: String,
    /// Service with the range API of Have I Been Pwned.
    #[schemars(extend("x-url" = true))]
    pub breached_url: String,
}

impl Default for RawPassword {
    fn default() -> Self {
        Self {
            min_score: 2,
            memory: Size::mebibytes(160),
            workers: None,
            breached: "off".to_owned(),
            breached_url: BREACHED_URL.to_owned(),
        }
    }
}

/// Where breached passwords are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreachedList {
    /// Nowhere.
    Off,
    /// At this service.
    Api(String),
    /// In this file.
    File(PathBuf),
}

/// Checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// Bytes that the hashing threads may hold together.
    pub memory: u64,
    /// Hashing threads wanted; `None`: one a core.
    pub workers: Option<usize>,
    /// A job that did not begin by then is answered "try again".
    pub deadline: Span,
    /// Where breached passwords are looked up.
    pub breached: BreachedList,
}

impl RawPassword {
    pub(super) fn check(
        &self,
        problems: &mut Problems<'_>,
        out: &mut countersign_issuer::Settings,
    ) -> PasswordSettings {
        if self.min_score > 4 {
            problems.push("password.min_score", "goes from 0 to 4");
        }
        if self.memory.0 < hasher::MEMORY_PER_HASH {
            problems.push("password.memory", "is less than one hash takes: at least 19MiB");
        }
        if self.workers == Some(0) {
            problems.push("password.workers", "must be at least 1: without one nobody can sign in");
        }
        let room = self.memory.0 / hasher::MEMORY_PER_HASH;
        if let Some(workers) = self.workers.filter(|w| u64::from(*w) > room) {
            problems.push(
                "password.workers",
                format!("{workers} threads of 19 MiB do not fit into password.memory ({})", self.memory),
            );
        }
        out.password_min_score = self.min_score;
        PasswordSettings {
            memory: self.memory.0,
            workers: self.workers.map(usize::from),
            deadline: hasher::DEADLINE,
            breached: self.breached(problems),
        }
    }

    fn breached(&self, problems: &mut Problems<'_>) -> BreachedList {
        let url = self.breached_url.trim_end_matches('/');
        match Url::parse(url) {
            Ok(url) if names_user(&url) => {
                problems.push(
                    "password.breached_url",
                    "must hold no user or password: the service asks for none",
                );
            }
            Ok(url) if matches!(url.scheme(), "https" | "http") => {}
            _ => problems.push("password.breached_url", "is not an address: write it as https://host"),
        }
        match (self.breached.as_str(), self.breached.strip_prefix("file:")) {
            ("off", _) => BreachedList::Off,
            ("api", _) => BreachedList::Api(url.to_owned()),
            (_, Some(path)) if !path.is_empty() => BreachedList::File(path.into()),
            _ => {
                problems.push("password.breached", "is one of off, api, file:PATH");
                BreachedList::Off
            }
        }
    }
}
