//! Where adapters meet ports: the only place that names both.

use crate::StartError;
use crate::clock;
use crate::config::{Settings, StorePath};
use crate::entropy::SystemEntropy;
use crate::hasher::Argon2Pool;
use crate::master_key;
use crate::sign_pool::SlowSignatures;
use countersign_issuer::port::{Entropy, Keys};
use countersign_issuer::seal::Sealer;
use countersign_issuer::{Failure, Issuer, Parts};
use countersign_store_sqlite::{Options, SqliteStore};
use countersign_token::{Timestamp, base64url};
use std::path::Path;
use std::sync::Arc;

/// An issuer on its store.
pub struct Node {
    /// The rules.
    pub issuer: Arc<Issuer>,
    /// The store as itself, for what is not a port: durability, its integrity check.
    pub store: Arc<SqliteStore>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Opens the store, makes what a first start makes (folder, database, master key, signing keys), and is
/// ready. Servers and commands use it alike, at the same time on the same store.
pub async fn open(settings: &Settings) -> Result<Node, StartError> {
    let store = Arc::new(open_store(settings)?);
    let entropy = SystemEntropy::default();
    let there = store.load_keys().await.map_err(Failure::from)?;
    let sealed = !there.it.0.is_empty();
    let master = master_key::read_or_make(&settings.master_key, sealed, &entropy)?;
    let node: [u8; 12] = (&entropy as &dyn Entropy).bytes();
    let parts = Parts {
        store: store.clone(),
        hasher: Arc::new(Argon2Pool::start(&settings.password).map_err(StartError::system("threads"))?),
        sign_pool: Arc::new(SlowSignatures::start().map_err(StartError::system("threads"))?),
        entropy: Arc::new(entropy),
        sealer: Sealer::new(master),
        node: base64url::encode(node),
    };
    let issuer = Issuer::start(settings.issuer.clone(), parts).await?;
    Ok(Node { issuer, store })
}

/// Opens the store and makes its folder.
pub(crate) fn open_store(settings: &Settings) -> Result<SqliteStore, StartError> {
    let StorePath::Sqlite(path) = &settings.store;
    folder(&settings.data_dir)?;
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        folder(parent)?;
    }
    let clock = Arc::new(|| Timestamp::from_millis(clock::wall_millis()));
    Ok(SqliteStore::open(Some(path), clock, &Options::default())?)
}

/// Makes a folder that only its owner may enter; one that is there stays as it is.
fn folder(path: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StartError::Folder { path: path.to_owned(), source })
}
