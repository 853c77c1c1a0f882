//! The loaded keys: opened once, in the form flows need, swapped whole when the set changes.

use super::plan::usable_refresh;
use crate::error::{Failure, Result, Unavailable};
use crate::model::{Digest, KeyRecord, KeyState, KeyUse, RefreshKeyRecord, Resource, Sealed};
use crate::seal::Sealer;
use arc_swap::ArcSwap;
use countersign_token::{Algorithm, Jwk, JwkSet, KeyError, KeySet, SigningKey, Timestamp, base64url};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use zeroize::Zeroizing;

/// Most resource secrets kept open.
const MOST_SECRETS: usize = 10_000;

/// A document served as it is: bytes made once, with a strong ETag.
#[derive(Clone, Debug)]
pub struct Document {
    /// The body.
    pub body: Arc<[u8]>,
    /// `"..."`, quoted.
    pub etag: Arc<str>,
}

impl Document {
    /// From its bytes; the ETag is their digest.
    pub fn new(body: Vec<u8>) -> Self {
        let digest = Digest::of(&body).0;
        let short = digest.first_chunk::<16>().copied().unwrap_or_default();
        Self { etag: format!("\"{}\"", base64url::encode(short)).into(), body: body.into() }
    }
}

/// A loaded refresh key (`oauth::grant::refresh_token` makes and checks tokens with it).
pub struct RefreshKey {
    /// Its version.
    pub version: u16,
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshKey").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Keys of the revocation feed.
#[derive(Clone, Debug, Default)]
pub struct FeedKeys {
    /// Signs heads.
    pub signing: Option<Arc<SigningKey>>,
    /// Will, once announced for long enough.
    pub next: Option<Arc<SigningKey>>,
    /// Public parts of all that verify heads: the one that signs, the next one, and those just retired.
    pub published: Vec<Jwk>,
}

/// Rows as read, with the store's clock.
pub(super) struct Read {
    pub(super) keys: Vec<KeyRecord>,
    pub(super) refresh: Vec<RefreshKeyRecord>,
    pub(super) version: i64,
    pub(super) now: Timestamp,
}

struct Loaded {
    version: i64,
    /// All that verify something, by `kid`.
    opened: HashMap<String, Arc<SigningKey>>,
    signing: Vec<(Algorithm, Arc<SigningKey>)>,
    verifying: Arc<KeySet>,
    hint: Arc<KeySet>,
    jwks: Document,
    feed: Arc<FeedKeys>,
    refresh: Vec<Arc<RefreshKey>>,
    refresh_version: u16,
}

impl Default for Loaded {
    fn default() -> Self {
        Self {
            version: 0,
            opened: HashMap::new(),
            signing: Vec::new(),
            verifying: Arc::default(),
            hint: Arc::default(),
            jwks: Document::new(b"{\"keys\":[]}".to_vec()),
            feed: Arc::default(),
            refresh: Vec::new(),
            refresh_version: 0,
        }
    }
}

/// The loaded keys.
pub struct KeyRing {
    loaded: ArcSwap<Loaded>,
    /// Held while what was read is taken over, so that an older read never replaces a newer one.
    taking: Mutex<()>,
    /// Store time of the last heartbeat.
    pub(super) beat_at: AtomicI64,
    /// Opened HS256 secrets by resource, with the sealed form they came from.
    secrets: RwLock<HashMap<String, (Sealed, SigningKey)>>,
}

impl Default for KeyRing {
    fn default() -> Self {
        Self {
            loaded: ArcSwap::default(),
            taking: Mutex::new(()),
            beat_at: AtomicI64::new(i64::MIN),
            secrets: RwLock::default(),
        }
    }
}

impl KeyRing {
    /// The active key of that algorithm.
    pub fn signing(&self, alg: Algorithm) -> Option<Arc<SigningKey>> {
        self.loaded.load().signing.iter().find(|(a, _)| *a == alg).map(|(_, key)| Arc::clone(key))
    }
    /// Algorithms with an active key.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.loaded.load().signing.iter().map(|(alg, _)| *alg).collect()
    }
    /// Published keys: pending, active, retiring.
    pub fn verifying(&self) -> Arc<KeySet> {
        Arc::clone(&self.loaded.load().verifying)
    }
    /// Archived ones too, for `id_token_hint`; never withdrawn ones.
    pub fn hint(&self) -> Arc<KeySet> {
        Arc::clone(&self.loaded.load().hint)
    }
    /// The JWKS document.
    pub fn jwks(&self) -> Document {
        self.loaded.load().jwks.clone()
    }
    /// Keys of the revocation feed: none of them signs or verifies a token.
    pub fn feed(&self) -> Arc<FeedKeys> {
        Arc::clone(&self.loaded.load().feed)
    }
    /// The key set's version: caches of verified tokens are void when it moves.
    pub fn version(&self) -> i64 {
        self.loaded.load().version
    }
    /// The refresh MAC key of that version.
    pub fn refresh(&self, version: u16) -> Option<Arc<RefreshKey>> {
        self.loaded.load().refresh.iter().find(|k| k.version == version).map(Arc::clone)
    }
    /// The version new refresh tokens are made with: the newest that every node has had time to load.
    pub fn refresh_version(&self) -> u16 {
        self.loaded.load().refresh_version
    }

    /// A heartbeat is due: a second has passed, or the key set moved.
    pub(super) fn beat_due(&self, now: Timestamp) -> bool {
        let last = self.beat_at.load(Ordering::Acquire);
        // A clock that was set back does not stop the beat.
        now.millis().abs_diff(last) >= 1_000
    }

    /// Takes over what was read, if it is news.
    pub(super) fn take(&self, read: &Read, sealer: &Sealer) -> Result<()> {
        let _one_at_a_time = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.loaded.load();
        if read.version < before.version {
            return Ok(());
        }
        let refresh_version = usable_refresh(&read.refresh, read.now).unwrap_or(0);
        let known = before.refresh.len() == read.refresh.len() && before.refresh_version == refresh_version;
        if before.version != read.version || !known || before.opened.is_empty() {
            self.loaded.store(Arc::new(load(&before, read, refresh_version, sealer)?));
        }
        Ok(())
    }

    /// The resource's secret as a key, opened once.
    pub(super) fn secret(&self, resource: &Resource, sealer: &Sealer) -> Result<Option<SigningKey>> {
        let Some(sealed) = &resource.secret else { return Ok(None) };
        let held = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = held.get(&resource.resource).filter(|(from, _)| from == sealed) {
            return Ok(Some(key.clone()));
        }
        drop(held);
        let id = &resource.resource;
        let bytes = sealer
            .open(&secret_identity(id), sealed)
            .ok_or_else(|| wrong_master_key("a resource's secret"))?;
        let alg = resource.signing_alg.unwrap_or(Algorithm::Hs256);
        let key = SigningKey::from_private_bytes(alg, &bytes).map_err(|e| broken(id, &e))?;
        let mut held = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST_SECRETS {
            held.clear();
        }
        held.insert(id.clone(), (sealed.clone(), key.clone()));
        Ok(Some(key))
    }
}

impl FeedKeys {
    /// One more, those that sign first.
    fn take(&mut self, state: KeyState, key: Arc<SigningKey>) {
        match state {
            KeyState::Active => drop(self.signing.get_or_insert_with(|| Arc::clone(&key))),
            KeyState::Pending => drop(self.next.get_or_insert_with(|| Arc::clone(&key))),
            KeyState::Retiring => {}
            KeyState::Archived | KeyState::Withdrawn => return,
        }
        self.published.extend(key.public_jwk());
    }
}

/// What a resource's sealed secret is bound to.
pub(crate) fn secret_identity(resource: &str) -> String {
    format!("resource/{resource}")
}
pub(super) fn key_identity(kid: &str) -> String {
    format!("signing_key/{kid}")
}
pub(super) fn refresh_identity(version: u16) -> String {
    format!("refresh_key/{version}")
}

fn load(before: &Loaded, read: &Read, refresh_version: u16, sealer: &Sealer) -> Result<Loaded> {
    let mut records: Vec<&KeyRecord> = read.keys.iter().filter(|k| k.state != KeyState::Withdrawn).collect();
    // Those that sign first, the newest first: verifiers without `kid` try in this order.
    records.sort_by_key(|k| (k.state as u8 != KeyState::Active as u8, std::cmp::Reverse(k.active_at)));
    let mut loaded = Loaded { version: read.version, refresh_version, ..Loaded::default() };
    let (mut jwks, mut published, mut archived) = (Vec::<Jwk>::new(), Vec::new(), Vec::new());
    let mut feed = FeedKeys::default();
    for record in records {
        let key = match before.opened.get(&record.kid) {
            Some(key) => Arc::clone(key),
            None => Arc::new(open(record, sealer)?),
        };
        loaded.opened.insert(record.kid.clone(), Arc::clone(&key));
        if record.purpose == KeyUse::Feed {
            feed.take(record.state, key);
            continue;
        }
        let verifying = key.verifying_key().map_err(|e| broken(&record.kid, &e))?;
        match record.state {
            KeyState::Pending | KeyState::Active | KeyState::Retiring => {
                jwks.extend(key.public_jwk());
                published.push(verifying);
            }
            KeyState::Archived | KeyState::Withdrawn => archived.push(verifying),
        }
        if record.state == KeyState::Active && !loaded.signing.iter().any(|(alg, _)| *alg == record.alg) {
            loaded.signing.push((record.alg, key));
        }
    }
    loaded.feed = Arc::new(feed);
    loaded.verifying = Arc::new(KeySet::new(published.iter().cloned()));
    loaded.hint = Arc::new(KeySet::new(published.into_iter().chain(archived)));
    let body = serde_json::to_vec(&JwkSet { keys: jwks }).map_err(|e| Failure::Bug(e.to_string()))?;
    loaded.jwks = Document::new(body);
    for record in &read.refresh {
        let held = before.refresh.iter().find(|k| k.version == record.version).map(Arc::clone);
        loaded.refresh.push(match held {
            Some(key) => key,
            None => {
                let secret = sealer
                    .open(&refresh_identity(record.version), &record.secret)
                    .ok_or_else(|| wrong_master_key("the refresh keys"))?;
                Arc::new(RefreshKey { version: record.version, secret })
            }
        });
    }
    Ok(loaded)
}

fn open(record: &KeyRecord, sealer: &Sealer) -> Result<SigningKey> {
    let bytes = sealer
        .open(&key_identity(&record.kid), &record.private)
        .ok_or_else(|| wrong_master_key("the signing keys"))?;
    let key = SigningKey::from_private_bytes(record.alg, &bytes).map_err(|e| broken(&record.kid, &e))?;
    match key.kid() == record.kid {
        true => Ok(key),
        false => Err(Failure::Bug(format!("the row of key {} holds key {}", record.kid, key.kid()))),
    }
}

fn broken(what: &str, e: &KeyError) -> Failure {
    Failure::Bug(format!("key {what} does not read: {e}"))
}

fn wrong_master_key(what: &'static str) -> Failure {
    Failure::Unavailable(Unavailable {
        what: "the key set",
        detail: format!(
            "{what} in this store were sealed under another master key; start with the master key file (or \
             environment value, or credential) that was used when the store was made, or restore it from where \
             it is kept; without it the keys cannot be opened"
        ),
        retry_after: Duration::from_secs(60),
    })
}
