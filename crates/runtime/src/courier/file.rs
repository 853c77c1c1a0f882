//! A file for each message: whole or not there, and in the order of their names.

use crate::clock;
use countersign_issuer::model::JobId;
use countersign_issuer::port::Undelivered;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Tells files of one millisecond apart.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

/// Writes `<milliseconds>-<count>-<id>.<kind>`.
pub(super) async fn write(folder: &Path, kind: &str, id: &JobId, bytes: Vec<u8>) -> Result<(), Undelivered> {
    let count = WRITTEN.fetch_add(1, Ordering::Relaxed) % 1_000_000;
    let name = format!("{:013}-{count:06}-{id}.{kind}", clock::wall_millis());
    let folder = folder.to_owned();
    let done = tokio::task::spawn_blocking(move || put(&folder, &name, &bytes)).await;
    match done {
        Ok(Ok(())) => Ok(()),
        Ok(Err((path, e))) => Err(later(format!("cannot write {}: {e}", path.display()))),
        Err(e) => Err(later(e.to_string())),
    }
}

fn later(detail: String) -> Undelivered {
    Undelivered { for_good: false, detail }
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), (PathBuf, std::io::Error)> {
    let (half, whole) = (folder.join(format!(".{name}.part")), folder.join(name));
    let done = || {
        std::fs::create_dir_all(folder)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        // Codes and links are for their receivers alone.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&half)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&half, &whole)
    };
    done().map_err(|e| (whole.clone(), e))
}
