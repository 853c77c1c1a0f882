//! The master key: 32 bytes that seal everything secret in the store. Given, or a file of the data
//! directory that is made at the first start, readable by its owner only.

use crate::config::MasterKeySource;
use countersign_issuer::port::Entropy;
use countersign_token::base64url;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The key itself.
pub(crate) type MasterKey = Zeroizing<[u8; 32]>;

/// Why there is no master key. Never holds a byte of one.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Not 32 bytes in a form that is read.
    #[error(
        "the master key from {from} is not 32 bytes as base64url (43 characters) or hex (64 characters); \
         make one with: openssl rand -hex 32"
    )]
    Form {
        /// Where it came from.
        from: String,
    },
    /// Others may read the file.
    #[error("{} can be read by others (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The store was made with a key that is not here.
    #[error(
        "the store holds keys sealed under a master key, but {} is missing; put the file back from where it is \
         kept, or name it with COUNTERSIGN_KEYS__MASTER_KEY_FILE", path.display()
    )]
    Missing {
        /// The file looked for.
        path: PathBuf,
    },
    /// The file cannot be read or made.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl MasterKeyError {
    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form { .. } => "master_key_form",
            Self::Exposed { .. } => "master_key_exposed",
            Self::Missing { .. } => "master_key_missing",
            Self::File { .. } => "master_key_file",
        }
    }
}

/// Reads the key without making one; `None`: the file is not there yet.
pub(crate) fn read(source: &MasterKeySource) -> Result<Option<MasterKey>, MasterKeyError> {
    match source {
        MasterKeySource::Given(text) => parse(text.expose(), "keys.master_key").map(Some),
        MasterKeySource::Credential(path) => read_file(path),
        MasterKeySource::DataDir(path) => {
            private(path)?;
            read_file(path)
        }
    }
}

/// Reads the key; the first start makes it. `sealed`: the store already holds something sealed, so a new
/// key would be of no use.
pub(crate) fn read_or_make(
    source: &MasterKeySource,
    sealed: bool,
    entropy: &dyn Entropy,
) -> Result<MasterKey, MasterKeyError> {
    if let Some(key) = read(source)? {
        return Ok(key);
    }
    let (MasterKeySource::DataDir(path) | MasterKeySource::Credential(path)) = source else {
        return Err(MasterKeyError::Form { from: "keys.master_key".to_owned() });
    };
    if sealed {
        return Err(MasterKeyError::Missing { path: path.clone() });
    }
    make(path, entropy)
}

/// Under a lock of the folder, so that of two processes that start together one makes the key.
fn make(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, MasterKeyError> {
    let failed = |source| MasterKeyError::File { path: path.to_owned(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let lock = private_options().create(true).truncate(false).open(folder.join(".lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if let Some(key) = read_file(path)? {
        return Ok(key);
    }
    let key: MasterKey = Zeroizing::new(entropy.bytes());
    let text = Zeroizing::new(base64url::encode(key.as_slice()) + "\n");
    // Whole or not at all: what a crash left half written is not the key.
    let half = folder.join(".master.key.new");
    let mut file = private_options().create(true).truncate(true).open(&half).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&half, path).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(key)
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn private(path: &Path) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::PermissionsExt;
    let Ok(meta) = fs::metadata(path) else { return Ok(()) };
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 { Err(MasterKeyError::Exposed { path: path.to_owned(), mode }) } else { Ok(()) }
}

#[cfg(not(unix))]
fn private(_: &Path) -> Result<(), MasterKeyError> {
    Ok(())
}

fn read_file(path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => parse(&text, &path.display().to_string()).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) if e.kind() == ErrorKind::InvalidData => {
            Err(MasterKeyError::Form { from: path.display().to_string() })
        }
        Err(source) => Err(MasterKeyError::File { path: path.to_owned(), source }),
    }
}

fn parse(text: &str, from: &str) -> Result<MasterKey, MasterKeyError> {
    let text = text.trim();
    let bytes = if text.len() == 64 { hex(text) } else { base64url::decode(text.trim_end_matches('=')) };
    let bytes = bytes.map(Zeroizing::new);
    let key = bytes.as_ref().and_then(|b| <[u8; 32]>::try_from(b.as_slice()).ok());
    key.map(Zeroizing::new).ok_or_else(|| MasterKeyError::Form { from: from.to_owned() })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use countersign_issuer::model::Secret;
    use std::os::unix::fs::PermissionsExt;

    fn given(text: &str) -> Result<MasterKey, MasterKeyError> {
        let source = MasterKeySource::Given(Secret::new(text));
        read_or_make(&source, true, &SystemEntropy::default())
    }

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let bytes = [0xab; 32];
        let hex = "ab".repeat(32);
        assert_eq!(*given(&hex).unwrap(), bytes);
        assert_eq!(*given(&base64url::encode(bytes)).unwrap(), bytes);
        for text in ["", "secret", &hex[2..], &"zz".repeat(32), &"ä".repeat(32), &base64url::encode([1; 31])]
        {
            let refused = given(text).unwrap_err();
            assert_eq!(refused.code(), "master_key_form");
            assert!(text.len() < 8 || !refused.to_string().contains(text));
        }
    }

    #[test]
    fn the_first_start_makes_one_key_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let source = MasterKeySource::DataDir(path.clone());
        let keys: Vec<_> = std::thread::scope(|scope| {
            let start = || read_or_make(&source, false, &SystemEntropy::default()).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let one = keys.first().unwrap();
        assert!(keys.iter().all(|key| key == one), "all saw the same key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read(&source).unwrap().unwrap(), **one);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = read(&source).unwrap_err();
        assert_eq!(refused.code(), "master_key_exposed");
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
        fs::remove_file(&path).unwrap();
        let refused = read_or_make(&source, true, &SystemEntropy::default()).unwrap_err();
        assert_eq!(refused.code(), "master_key_missing");
    }
}
