//! The rules of the issuing side and the ports they need.
//!
//! Owns: what is allowed, in which order, and what is written. No HTTP, SQL, async runtime, environment
//! or clock: those are adapters behind `port`, passed in by the runtime.

pub mod account;
pub mod admin;
pub mod direct;
pub mod directory;
pub mod error;
pub mod keys;
pub mod login;
pub mod model;
pub mod oauth;
pub mod outbox;
pub mod port;
pub mod revocation;
pub mod seal;
pub mod settings;
pub mod status_list;
pub mod upstream;

pub use error::{Code, Failure, Rejected, Result, Unavailable, rejected};
pub use settings::Settings;

use crate::directory::Directory;
use crate::keys::KeyRing;
use crate::login::throttle::sends::Sends;
use crate::login::throttle::{Throttle, refusals};
use crate::model::message::Way;
use crate::oauth::bearer::VerifiedCache;
use crate::oauth::client_sign_in::ClientSignIns;
use crate::oauth::client_throttle::ClientThrottle;
use crate::port::{BreachedPasswords, Courier, Egress, Entropy, Hasher, SignPool, Store};
use crate::seal::Sealer;
use std::sync::Arc;
use std::time::Duration;

/// Rows of a kind swept in one transaction, and how many transactions a turn may take: together more than a
/// thousand revocations a second leave behind.
const SWEPT_AT_ONCE: u32 = 1_000;
const SWEEPS: usize = 100;

/// The adapters an issuer runs on.
pub struct Parts {
    /// Everything that is kept.
    pub store: Arc<dyn Store>,
    /// Password hashing.
    pub hasher: Arc<dyn Hasher>,
    /// Slow signatures.
    pub sign_pool: Arc<dyn SignPool>,
    /// Mail and SMS.
    pub courier: Arc<dyn Courier>,
    /// Calls to other servers.
    pub egress: Arc<dyn Egress>,
    /// Breached passwords, where new ones are held against a list.
    pub breached: Option<Arc<dyn BreachedPasswords>>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The master key's keeper.
    pub sealer: Sealer,
    /// A name of this process, random, for heartbeats.
    pub node: String,
}

/// One issuer on one node: settings, adapters and what is kept in memory. Flows are functions over it.
pub struct Issuer {
    /// Checked settings.
    pub settings: Settings,
    /// Everything that is kept.
    pub store: Arc<dyn Store>,
    pub(crate) hasher: Arc<dyn Hasher>,
    pub(crate) sign_pool: Arc<dyn SignPool>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) egress: Arc<dyn Egress>,
    pub(crate) breached: Option<Arc<dyn BreachedPasswords>>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Seals rows, blobs and form tokens.
    pub sealer: Sealer,
    /// Clients, resources, roles, people and revocation rules as cached here.
    pub directory: Directory,
    /// Signing, verifying and refresh keys as loaded here.
    pub keys: KeyRing,
    /// The revocation feed as this node serves it.
    pub feed: revocation::Feed,
    /// The status lists as this node serves them.
    pub status_lists: status_list::StatusLists,
    /// Other providers that people sign in with.
    pub upstreams: upstream::Providers,
    pub(crate) verified: VerifiedCache,
    pub(crate) throttle: Throttle,
    pub(crate) sends: Sends,
    pub(crate) secrets: ClientThrottle,
    pub(crate) client_sign_ins: ClientSignIns,
    pub(crate) node: String,
}

impl Issuer {
    /// Makes the first keys if there are none, loads keys and rules, and is ready.
    ///
    /// A failure names what to do: settings that contradict each other, or keys sealed under another master
    /// key than the one given.
    pub async fn start(settings: Settings, parts: Parts) -> Result<Arc<Self>> {
        settings.check().map_err(|what| rejected(Code::InvalidRequest, what))?;
        let issuer = Self {
            directory: Directory::new(parts.store.clone()),
            keys: KeyRing::default(),
            feed: revocation::Feed::default(),
            status_lists: status_list::StatusLists::default(),
            upstreams: upstream::Providers::new(&settings.upstreams),
            verified: VerifiedCache::default(),
            throttle: Throttle::default(),
            sends: Sends::default(),
            secrets: ClientThrottle::default(),
            client_sign_ins: ClientSignIns::default(),
            settings,
            store: parts.store,
            hasher: parts.hasher,
            sign_pool: parts.sign_pool,
            courier: parts.courier,
            egress: parts.egress,
            breached: parts.breached,
            entropy: parts.entropy,
            sealer: parts.sealer,
            node: parts.node,
        };
        // Before the first event is written.
        issuer.store.link_with(issuer.sealer.log_key()).await?;
        keys::load_or_init(&issuer).await?;
        revocation::start(&issuer).await?;
        issuer.directory.load().await?;
        issuer.store.token_life(issuer.longest_token_life().await?, false).await?;
        Ok(Arc::new(issuer))
    }

    /// One turn of what must go on while the server runs: follow the event log, load new keys and rules,
    /// heartbeat, number rules that a process left behind, sign heads of the feed. The runtime calls it every 100 ms and whenever the store says something was written.
    pub async fn follow(&self) -> Result<()> {
        let turn = self.directory.follow().await?;
        keys::follow(self, turn.keys).await?;
        // What keeps one of them from working must not let the other grow old.
        let feed = revocation::follow(self).await;
        status_list::follow(self).await?;
        feed
    }

    /// One turn of what may wait: key rotation, sweeping, snapshots, telling what was turned away. The runtime calls it every 10 s.
    pub async fn tend(&self) -> Result<()> {
        keys::tend(self).await?;
        self.store.token_life(self.longest_token_life().await?, true).await?;
        for _ in 0..SWEEPS {
            if self.store.sweep(SWEPT_AT_ONCE).await? < u64::from(SWEPT_AT_ONCE) {
                break;
            }
        }
        refusals::tell(self).await?;
        revocation::tend(self).await?;
        status_list::tend(self).await
    }

    /// Is there a way to send messages of this kind?
    pub fn delivers(&self, way: Way) -> bool {
        self.courier.takes(way)
    }

    /// The longest any token of this issuer can live from now on: how long a revocation rule must, with a
    /// minute for clocks that differ.
    pub(crate) async fn longest_token_life(&self) -> Result<Duration> {
        let resources = self.directory.resources().await?;
        let default = self.settings.access_token_ttl;
        let access = resources.values().map(|r| r.ttl(default)).fold(default, Duration::max);
        Ok(token_life(access.max(self.settings.id_token_ttl)))
    }
}

/// How long rules about tokens of that life live: a minute more, for clocks that differ.
pub(crate) fn token_life(life: Duration) -> Duration {
    life + Duration::from_secs(60)
}
