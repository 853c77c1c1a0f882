//! Why a node does not start: each with a stable code and what to do.

use crate::config::ConfigError;
use countersign_issuer::Failure;
use std::path::PathBuf;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration; every problem on a line of its own, with its own code.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A folder cannot be made or used.
    #[error("cannot use {}: {source}; choose another place with --data-dir, or give this user the right to write there", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] crate::master_key::MasterKeyError),
    /// The store does not open.
    #[error("{0}; `countersign doctor` tells more")]
    Store(#[from] countersign_store_sqlite::OpenError),
    /// The rules refuse, or the keys do not open.
    #[error("{0}")]
    Issuer(#[from] Failure),
    /// The system gives no threads, signals or sockets.
    #[error("the system refuses {what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The server: address, certificate, templates.
    #[error("{0}")]
    Server(#[from] countersign_server::Error),
}

impl StartError {
    /// A stable name; `None` where the text brings its own.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Config(_) => None,
            Self::Folder { .. } => Some("folder_unusable"),
            Self::MasterKey(e) => Some(e.code()),
            Self::Store(_) => Some("store_unusable"),
            Self::Issuer(Failure::Rejected(_)) => None,
            Self::Issuer(Failure::Unavailable(_)) => Some("unavailable"),
            Self::Issuer(Failure::Bug(_)) => Some("bug"),
            Self::System { .. } => Some("system"),
            Self::Server(_) => Some("server"),
        }
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
