//! What outlives the process: a directory of this issuer's under the one the builder names.
//!
//! Files are replaced as a whole (a new one under another name, then a rename), readable by this user only.
//! What is damaged reads as absent. Who can write here is believed about keys: the directory is as much part
//! of the service as its program.

use countersign_token::provider::{DEFAULT, Provider};
use countersign_token::{Timestamp, base64url};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Kept keys older than this are not used, however unreachable the issuer is.
pub(crate) const MOST_KEY_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Keys from further ahead than this were kept under another clock.
const SKEW: Duration = Duration::from_secs(60);
const KEYS: &str = "keys.json";

/// A directory of one issuer.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
    written: AtomicU64,
}

/// The issuer's metadata, as far as it is used, and its keys.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptKeys {
    /// When they were fetched, in milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) jwks_uri: String,
    pub(crate) revocation_feed: Option<String>,
    pub(crate) introspection_endpoint: Option<String>,
    pub(crate) jwks: String,
    /// SHA-256 of `jwks`, base64url.
    sha256: String,
}

impl KeptKeys {
    pub(crate) fn new(at: Timestamp, found: &crate::discovery::Found, jwks: &[u8]) -> Option<Self> {
        Some(Self {
            at: at.millis(),
            jwks_uri: found.jwks.to_string(),
            revocation_feed: found.feed.as_ref().map(ToString::to_string),
            introspection_endpoint: found.introspection.as_ref().map(ToString::to_string),
            jwks: String::from_utf8(jwks.to_vec()).ok()?,
            sha256: base64url::encode(DEFAULT.sha256(jwks)),
        })
    }

    /// How old they are; none: too old, or of a clock that cannot be compared.
    pub(crate) fn age(&self, now: Timestamp) -> Option<Duration> {
        let at = Timestamp::from_millis(self.at);
        let age = now.since(at);
        (age <= MOST_KEY_AGE && at <= now + SKEW).then_some(age)
    }
}

impl Dir {
    /// Makes it where it is missing.
    pub(crate) fn open(root: &Path, issuer: &str) -> io::Result<Self> {
        let [a, b, c, d, e, f, g, h, ..] = DEFAULT.sha256(issuer.as_bytes());
        let path = root.join(base64url::encode([a, b, c, d, e, f, g, h]));
        fs::create_dir_all(&path)?;
        private_dir(&path)?;
        Ok(Self { path, written: AtomicU64::new(0) })
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.at(name)).ok()
    }

    /// Names of the files in it.
    #[cfg(feature = "feed")]
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    #[cfg(feature = "feed")]
    pub(crate) fn remove(&self, name: &str) {
        drop(fs::remove_file(self.at(name)));
    }

    /// Writes a file as a whole: after a crash there is the old one or the new one.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let beside = self.at(&format!("{name}.{}.{number}.new", std::process::id()));
        let write = || {
            let mut file = private_file(&beside, OpenOptions::new().write(true).create(true).truncate(true))?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, self.at(name))
        };
        write().inspect_err(|_| drop(fs::remove_file(&beside)))
    }

    pub(crate) fn keys(&self) -> Option<KeptKeys> {
        let kept: KeptKeys = serde_json::from_slice(&self.read(KEYS)?).ok()?;
        let digest = base64url::encode(DEFAULT.sha256(kept.jwks.as_bytes()));
        (digest == kept.sha256).then_some(kept)
    }

    pub(crate) fn keep_keys(&self, kept: &KeptKeys) {
        let bytes = serde_json::to_vec(kept).unwrap_or_default();
        if let Err(error) = self.replace(KEYS, &bytes) {
            tracing::warn!(%error, "keys are not kept for the next start");
        }
    }
}

#[cfg(unix)]
pub(crate) fn private_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600).open(path)
}

#[cfg(unix)]
fn private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
pub(crate) fn private_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.open(path)
}

#[cfg(not(unix))]
fn private_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
