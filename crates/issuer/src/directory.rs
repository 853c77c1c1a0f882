//! What hot paths need of the store, kept in memory and dropped when the event log says it changed.
//! Entries are served only while the log was read less than a second ago; else the store is asked.
//!
//! A load that began before an invalidation may carry the old row, so it is not kept: every invalidation
//! raises the shelf's generation, and a load keeps its answer only in the generation it began in.

use crate::error::Result;
use crate::model::{Client, ClientId, EventKind, Resource, Rule, Subject, UserId};
use crate::port::{At, Store};
use crate::revocation::RuleSet;
use countersign_token::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// How long after the last look at the log entries are served, in milliseconds.
const FRESH_FOR: u64 = 1_000;
/// Most clients and most people kept, each.
const MOST: usize = 10_000;
/// Events and rules read at once.
const BATCH: u32 = 1_000;
/// How often dead rules are dropped, in milliseconds.
const EXPIRE_EVERY: i64 = 30_000;
/// How long they are kept after their end, in seconds: a status list that somebody still holds may have bits of
/// theirs set, so an entry they covered is not given to new tokens before that.
const _: () = assert!(countersign_feed::rule::LINGER >= 60);

/// The cache.
pub struct Directory {
    store: Arc<dyn Store>,
    clients: Shelf<ClientId, Arc<Client>>,
    subjects: Shelf<UserId, Arc<Subject>>,
    resources: Shelf<(), Arc<BTreeMap<String, Arc<Resource>>>>,
    origins: Shelf<(), Arc<Vec<String>>>,
    /// Moves when a client or a resource changed.
    revision: AtomicU64,
    rules: RuleSet,
    /// Row of the last rule read.
    rules_at: AtomicI64,
    /// Store time when dead rules were last dropped.
    expired_at: AtomicI64,
    /// Position in the event log.
    position: AtomicI64,
    /// Store time when the log was last read to its end.
    read_at: AtomicI64,
}

/// What one turn of following found, for those who keep more than the directory does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn {
    /// A signing or refresh key changed.
    pub(crate) keys: bool,
}

impl Directory {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            clients: Shelf::new(MOST),
            subjects: Shelf::new(MOST),
            resources: Shelf::new(2),
            origins: Shelf::new(2),
            revision: AtomicU64::new(0),
            rules: RuleSet::default(),
            rules_at: AtomicI64::new(0),
            expired_at: AtomicI64::new(0),
            position: AtomicI64::new(0),
            read_at: AtomicI64::new(i64::MIN),
        }
    }

    /// First load: rules, resources, the log's position.
    pub(crate) async fn load(&self) -> Result<()> {
        // The position first: what happens after it is read again, which is harmless.
        self.position.fetch_max(self.store.last_event().await?, Ordering::AcqRel);
        self.read_rules().await?;
        self.follow().await?;
        self.resources().await?;
        Ok(())
    }

    /// Reads the log on and drops what changed.
    pub(crate) async fn follow(&self) -> Result<Turn> {
        let mut turn = Turn::default();
        let mut news = false;
        let now = loop {
            let position = self.position.load(Ordering::Acquire);
            let At { now, it: events } = self.store.events_after(position, BATCH).await?;
            for event in &events {
                self.forget(event.what.kind, event.what.client.as_ref(), event.what.user.as_ref());
                turn.keys |= event.what.kind == EventKind::KeyChanged;
            }
            news |= !events.is_empty();
            if let Some(last) = events.last() {
                self.position.fetch_max(last.seq, Ordering::AcqRel);
            }
            if events.len() < BATCH as usize {
                break now;
            }
        };
        // Rules are written with an event each, in one transaction: no event, no rule.
        if news {
            self.read_rules().await?;
        }
        self.drop_dead_rules(now);
        self.read_at.store(now.millis(), Ordering::Release);
        Ok(turn)
    }

    /// Drops what an event makes old. No wildcard: a new kind has to be thought of here.
    fn forget(&self, kind: EventKind, client: Option<&ClientId>, user: Option<&UserId>) {
        match kind {
            EventKind::ClientApplied | EventKind::ClientRemoved => {
                match client {
                    Some(id) => self.clients.drop_one(id),
                    None => self.clients.clear(),
                }
                self.origins.clear();
                self.revision.fetch_add(1, Ordering::AcqRel);
            }
            EventKind::ResourceApplied | EventKind::ResourceRemoved => {
                self.resources.clear();
                self.revision.fetch_add(1, Ordering::AcqRel);
            }
            EventKind::RoleApplied | EventKind::RoleRemoved => self.subjects.clear(),
            EventKind::UserCreated
            | EventKind::UserChanged
            | EventKind::UserDisabled
            | EventKind::UserEnabled
            | EventKind::UserRemoved
            | EventKind::PasswordChanged
            | EventKind::PasswordRemoved
            | EventKind::SignedUp
            | EventKind::EmailVerified
            | EventKind::EmailChanged
            | EventKind::PasskeyAdded
            | EventKind::PasskeyRemoved
            | EventKind::TotpAdded
            | EventKind::TotpRemoved
            | EventKind::PhoneAdded
            | EventKind::PhoneRemoved
            | EventKind::RecoveryCodesMade
            | EventKind::FactorsReset
            | EventKind::ProviderLinked
            | EventKind::ProviderUnlinked
            | EventKind::Revoked => match user {
                Some(id) => self.subjects.drop_one(id),
                None => self.subjects.clear(),
            },
            EventKind::PasswordRehashed
            | EventKind::LoginSucceeded
            | EventKind::LoginFailed
            | EventKind::LoginThrottled
            | EventKind::ClientSignedIn
            | EventKind::ClientAuthFailed
            | EventKind::BrowserSessionEnded
            | EventKind::ClientSessionStarted
            | EventKind::ClientSessionEnded
            | EventKind::RefreshTheft
            | EventKind::RefreshHealed
            | EventKind::CodeReplayed
            | EventKind::ConsentGranted
            | EventKind::ConsentDenied
            | EventKind::TokenRevoked
            | EventKind::KeyChanged
            | EventKind::ChallengeSent
            | EventKind::ChallengeVoided
            | EventKind::FactorFailed
            | EventKind::PasskeyRenamed
            | EventKind::PasskeyCloned
            | EventKind::RecoveryCodeUsed
            | EventKind::NewDevice
            | EventKind::DeviceForgotten
            | EventKind::ConsentWithdrawn
            | EventKind::DataExported
            | EventKind::MessageDead => {}
        }
    }

    async fn read_rules(&self) -> Result<()> {
        self.read_rules_after(self.rules_at.load(Ordering::Acquire)).await
    }

    /// Every rule again, as it stands now.
    pub(crate) async fn read_all_rules(&self) -> Result<()> {
        self.read_rules_after(0).await
    }

    async fn read_rules_after(&self, mut after: i64) -> Result<()> {
        loop {
            let (rules, last) = self.store.rules_after(after, BATCH).await?.it;
            self.rules.add(&rules);
            self.rules_at.fetch_max(last, Ordering::AcqRel);
            if last <= after {
                return Ok(());
            }
            after = last;
        }
    }

    fn drop_dead_rules(&self, now: Timestamp) {
        let last = self.expired_at.load(Ordering::Acquire);
        if now.millis().saturating_sub(last) >= EXPIRE_EVERY {
            self.expired_at.store(now.millis(), Ordering::Release);
            self.rules.expire(now);
        }
    }

    /// The store's clock, if the log was read so short a time before it that entries may be served.
    fn fresh(&self) -> Option<Timestamp> {
        let now = self.store.cached_now();
        let read_at = self.read_at.load(Ordering::Acquire);
        // A clock that was set back makes nothing fresh.
        (now.millis().abs_diff(read_at) < FRESH_FOR).then_some(now)
    }

    /// A client.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>> {
        if self.fresh().is_some()
            && let Some(client) = self.clients.get(id)
        {
            return Ok(Some(client));
        }
        let began = self.clients.generation();
        let client = self.store.client(id).await?.map(Arc::new);
        if let Some(client) = &client {
            self.clients.keep(id, client, began);
        }
        Ok(client)
    }

    /// All resources, by identifier.
    pub async fn resources(&self) -> Result<Arc<BTreeMap<String, Arc<Resource>>>> {
        if self.fresh().is_some()
            && let Some(resources) = self.resources.get(&())
        {
            return Ok(resources);
        }
        let began = self.resources.generation();
        let all = self.store.list_resources().await?;
        let all = Arc::new(all.into_iter().map(|r| (r.resource.clone(), Arc::new(r))).collect());
        self.resources.keep(&(), &all, began);
        Ok(all)
    }

    /// As [`Self::resources`], and with all this client is registered for that exist: a client applied a
    /// moment ago comes fresh from the store, so the resources applied just before it must come along.
    pub(crate) async fn resources_for(
        &self,
        client: &Client,
    ) -> Result<Arc<BTreeMap<String, Arc<Resource>>>> {
        let held = self.resources().await?;
        if client.metadata.resources.iter().all(|name| held.contains_key(name)) {
            return Ok(held);
        }
        self.resources.clear();
        self.resources().await
    }

    /// A person with roles, and the store time at which that was known to be so.
    ///
    /// From the cache that time is the store's clock now: a change since the last look at the log carries a
    /// cutoff two seconds after itself, and an entry is served for less than one.
    pub async fn subject(&self, id: &UserId) -> Result<At<Option<Arc<Subject>>>> {
        if let Some(now) = self.fresh()
            && let Some(subject) = self.subjects.get(id)
        {
            return Ok(At { now, it: Some(subject) });
        }
        let began = self.subjects.generation();
        let At { now, it } = self.store.subject(id).await?;
        let it = it.map(Arc::new);
        if let Some(subject) = &it {
            self.subjects.keep(id, subject, began);
        }
        Ok(At { now, it })
    }

    /// The union of all clients' origins, for preflights.
    pub async fn all_origins(&self) -> Result<Arc<Vec<String>>> {
        if self.fresh().is_some()
            && let Some(origins) = self.origins.get(&())
        {
            return Ok(origins);
        }
        let began = self.origins.generation();
        let origins = Arc::new(self.store.all_origins().await?);
        self.origins.keep(&(), &origins, began);
        Ok(origins)
    }

    /// The live revocation rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The live revocation rules as of less than a second ago: read on first where nobody follows the log.
    pub(crate) async fn recent_rules(&self) -> Result<&RuleSet> {
        if self.fresh().is_none() {
            self.read_rules().await?;
        }
        Ok(&self.rules)
    }

    /// Rules this node just wrote are in force here at once, not at the next turn: only for
    /// [`crate::revocation::enforce`], which publishes them too.
    pub(crate) fn learn(&self, rules: &[Rule]) {
        self.rules.add(rules);
    }

    /// Moves when a client or a resource changed, as far as this node knows.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }
}

/// A bounded cache in two halves: when the newer half is full it becomes the older one, whose entries live
/// on only if they are asked for. About "least recently used" at the price of a map.
struct Shelf<K, V>(RwLock<Halves<K, V>>, usize);

struct Halves<K, V> {
    newer: HashMap<K, V>,
    older: HashMap<K, V>,
    generation: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Shelf<K, V> {
    fn new(most: usize) -> Self {
        Self(RwLock::new(Halves { newer: HashMap::new(), older: HashMap::new(), generation: 0 }), most / 2)
    }

    fn write<T>(&self, change: impl FnOnce(&mut Halves<K, V>) -> T) -> T {
        // An entry is put in or taken out whole, so a panic elsewhere leaves nothing half done.
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<T>(&self, look: impl FnOnce(&Halves<K, V>) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn get(&self, key: &K) -> Option<V> {
        let (value, old) = self.read(|h| match h.newer.get(key) {
            Some(value) => Some((value.clone(), false)),
            None => h.older.get(key).map(|value| (value.clone(), true)),
        })?;
        if old {
            // Whatever happened since the look, only what is still there is moved up.
            self.write(|h| {
                if let Some((key, value)) = h.older.remove_entry(key) {
                    put(h, key, value, self.1);
                }
            });
        }
        Some(value)
    }

    fn generation(&self) -> u64 {
        self.read(|h| h.generation)
    }

    /// Keeps what a load answered that began in generation `began`, unless something was dropped since.
    fn keep(&self, key: &K, value: &V, began: u64) {
        self.write(|h| {
            if h.generation == began {
                put(h, key.clone(), value.clone(), self.1);
            }
        });
    }

    fn drop_one(&self, key: &K) {
        self.write(|h| {
            h.generation += 1;
            h.newer.remove(key);
            h.older.remove(key);
        });
    }

    fn clear(&self) {
        self.write(|h| {
            h.generation += 1;
            h.newer.clear();
            h.older.clear();
        });
    }
}

fn put<K: Hash + Eq, V>(halves: &mut Halves<K, V>, key: K, value: V, half: usize) {
    if halves.newer.len() >= half && !halves.newer.contains_key(&key) {
        halves.older = std::mem::take(&mut halves.newer);
    }
    halves.older.remove(&key);
    halves.newer.insert(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_began_before_an_invalidation_is_not_kept() {
        let shelf = Shelf::new(10);
        let began = shelf.generation();
        shelf.drop_one(&1);
        shelf.keep(&1, &"old", began);
        assert_eq!(shelf.get(&1), None);
        let began = shelf.generation();
        shelf.keep(&1, &"new", began);
        assert_eq!(shelf.get(&1), Some("new"));
        shelf.clear();
        assert_eq!(shelf.get(&1), None);
    }

    #[test]
    fn a_shelf_is_bounded_and_keeps_what_is_asked_for() {
        let shelf = Shelf::new(100);
        shelf.keep(&0, &0, 0);
        for n in 1..10_000 {
            shelf.keep(&n, &n, 0);
            assert_eq!(shelf.get(&0), Some(0), "asked for each time");
        }
        let held = shelf.read(|h| h.newer.len() + h.older.len());
        assert!(held <= 100, "{held}");
        assert_eq!(shelf.get(&1), None);
        assert_eq!(shelf.get(&9_999), Some(9_999));
    }
}
