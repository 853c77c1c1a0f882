//! Where adapters meet ports: the only place that names both.

use crate::StartError;
use crate::breached;
use crate::clock;
use crate::config::{Settings, StorePath};
use crate::courier::Couriers;
use crate::egress::Outward;
use crate::entropy::SystemEntropy;
use crate::hasher::Argon2Pool;
use crate::master_key;
use crate::sign_pool::SlowSignatures;
use countersign_issuer::port::{Egress, Entropy, Keys};
use countersign_issuer::seal::Sealer;
use countersign_issuer::{Failure, Issuer, Parts};
use countersign_server::DevOutbox;
use countersign_store_sqlite::{Options, SqliteStore};
use countersign_token::{Timestamp, base64url};
use std::path::Path;
use std::sync::Arc;

/// In the data directory: the issuer of the last server.
const ISSUER_FILE: &str = "issuer";

/// An issuer on its store.
pub struct Node {
    /// The rules.
    pub issuer: Arc<Issuer>,
    /// The store as itself, for what is not a port: durability, its integrity check.
    pub store: Arc<SqliteStore>,
    /// What `/dev/outbox` shows.
    pub(crate) outbox: Option<Arc<DevOutbox>>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Opens the store, makes what a first start makes (folder, database, master key, signing keys), and is
/// ready. Servers and commands use it alike, at the same time on the same store.
pub(crate) async fn open(settings: &Settings) -> Result<Node, StartError> {
    let store = Arc::new(open_store(settings)?);
    let entropy = SystemEntropy::default();
    let there = store.load_keys().await.map_err(Failure::from)?;
    let sealed = !there.it.0.is_empty();
    let master = master_key::read_or_make(&settings.master_key, sealed, &entropy)?;
    let node: [u8; 12] = (&entropy as &dyn Entropy).bytes();
    let egress: Arc<dyn Egress> = Arc::new(Outward::new(settings.egress.clone()));
    let courier = Arc::new(Couriers::new(settings, Arc::clone(&egress))?);
    let parts = Parts {
        store: store.clone(),
        hasher: Arc::new(Argon2Pool::start(&settings.password).map_err(StartError::system("threads"))?),
        sign_pool: Arc::new(SlowSignatures::start().map_err(StartError::system("threads"))?),
        courier: courier.clone(),
        breached: breached::list(&settings.password.breached, &egress),
        egress,
        entropy: Arc::new(entropy),
        sealer: Sealer::new(master),
        node: base64url::encode(node),
    };
    let issuer = Issuer::start(settings.issuer.clone(), parts).await?;
    Ok(Node { issuer, store, outbox: courier.outbox() })
}

/// Opens the store for a command. Where no issuer is configured, that of the last server on this data
/// directory counts, so that a command reads its tokens whatever port the server was given.
pub async fn open_beside(mut settings: Settings) -> Result<Node, StartError> {
    if settings.issuer_url.is_none()
        && let Ok(issuer) = std::fs::read_to_string(settings.data_dir.join(ISSUER_FILE))
    {
        settings.issuer.issuer = issuer.trim().to_owned();
    }
    open(&settings).await
}

/// Notes the issuer for [`open_beside`].
pub(crate) fn note_issuer(settings: &Settings) -> Result<(), StartError> {
    let path = settings.data_dir.join(ISSUER_FILE);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, settings.issuer.issuer.as_bytes()))
        .map_err(|source| StartError::Folder { path, source })
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
