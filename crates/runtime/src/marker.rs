//! How far the revocation feed was published, noted beside the store: a store put back from a backup does
//! not know what it has forgotten, and this file does.

use crate::StartError;
use countersign_feed::stream::Position;
use countersign_issuer::{Issuer, Unavailable, revocation};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// In the data directory: `EPOCH.SEQ`.
const FILE: &str = "feed-position";
/// Longer files are not ours.
const MOST_BYTES: usize = 64;

/// The file.
pub(crate) struct Marker {
    path: PathBuf,
    written: Mutex<Option<Position>>,
}

impl Marker {
    pub(crate) fn in_folder(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE), written: Mutex::default() }
    }

    /// What was noted last; `Err`: why that cannot be told.
    pub(crate) fn look(&self) -> Result<Option<Position>, String> {
        let shown = self.path.display();
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("{shown}: {e}")),
        };
        let position = Some(text.trim_end()).filter(|t| t.len() <= MOST_BYTES).and_then(Position::read);
        position.map(Some).ok_or_else(|| format!("{shown} holds no position"))
    }

    /// As [`Self::look`]; one that cannot be read is told and counts as none: it must not keep a server from
    /// starting.
    pub(crate) fn read(&self) -> Option<Position> {
        self.look().unwrap_or_else(|why| {
            tracing::warn!(why, "a store put back from a backup would not be noticed");
            None
        })
    }

    /// Notes what the issuer has published; whole or not at all.
    pub(crate) fn note(&self, issuer: &Issuer) -> Result<(), Unavailable> {
        let Some(state) = issuer.feed.published() else { return Ok(()) };
        let position = Position { epoch: state.head.epoch, seq: state.head.seq };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written == Some(position) {
            return Ok(());
        }
        self.write(position).map_err(|e| Unavailable {
            what: "the data directory",
            detail: format!("{}: {e}", self.path.display()),
            retry_after: Duration::from_secs(1),
        })?;
        *written = Some(position);
        Ok(())
    }

    fn write(&self, position: Position) -> std::io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        writeln!(file, "{position}")?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)
    }
}

/// Before the first answer: a store that is behind what was published has forgotten revocations.
pub(crate) async fn check(marker: &Arc<Marker>, issuer: &Issuer) -> Result<(), StartError> {
    let Some(noted) = marker.read() else { return Ok(()) };
    if revocation::check_not_rolled_back(issuer, noted.epoch, noted.seq).await? {
        tracing::error!(
            published = %noted,
            "the store is older than what this server has published: it was put back from a backup, or is \
             another one. Revocations since are lost, so every token made before now is revoked, and \
             everybody signs in again"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let marker = Marker::in_folder(folder.path());
        assert_eq!(marker.read(), None, "a first start");
        for position in [Position { epoch: 1, seq: 0 }, Position { epoch: 3, seq: 98_765 }] {
            marker.write(position).unwrap();
            assert_eq!(Marker::in_folder(folder.path()).read(), Some(position));
        }
        assert_eq!(std::fs::read_to_string(folder.path().join(FILE)).unwrap(), "3.98765\n");
        // A write that broke off left only the file that is not read.
        std::fs::write(folder.path().join("feed-position.new"), "9.").unwrap();
        assert_eq!(marker.read(), Some(Position { epoch: 3, seq: 98_765 }));
    }

    #[test]
    fn what_is_not_a_position_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let marker = Marker::in_folder(folder.path());
        for text in ["", "1", "1.", ".1", "1.2.3", "-1.2", "a.b", &"1".repeat(100)] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            assert!(marker.look().is_err(), "{text:?}");
            assert_eq!(marker.read(), None, "{text:?}");
        }
    }
}
