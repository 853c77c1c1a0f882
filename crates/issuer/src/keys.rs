//! The life of keys: pending -> active -> retiring -> archived, withdrawn at any time; and the ring of
//! loaded keys that flows sign and verify with.
//!
//! Every write names the version of the key set it was decided on, so of two nodes that want the same step
//! one takes it. A key becomes active only when every live node has loaded the set that publishes it.

mod plan;
mod ring;

pub(crate) use ring::secret_identity;
pub use ring::{Document, FeedKeys, KeyRing, RefreshKey};

use crate::Issuer;
use crate::error::{Code, Failure, Result, Unavailable, rejected};
use crate::model::{
    Actor, EventDraft, EventKind, KeyRecord, KeyState, KeyUse, RefreshKeyRecord, Resource, Secret,
};
use crate::port::{At, Entropy, Position};
use crate::revocation;
use countersign_token::{Algorithm, SigningKey, Timestamp, base64url};
use plan::{Line, Move, Rows, Times, decide};
use ring::{Read, key_identity, refresh_identity};
use std::sync::atomic::Ordering;
use std::time::Duration;
use zeroize::Zeroizing;

/// What every verifier knows (access tokens), what OIDC requires (ID tokens), what is small and fast.
const FIRST: [Line; 3] = [
    (KeyUse::Token, Algorithm::Es256),
    (KeyUse::Token, Algorithm::Rs256),
    (KeyUse::Token, Algorithm::Ed25519),
];
/// What heads of the feed are signed with.
const FEED: Line = (KeyUse::Feed, Algorithm::Ed25519);
/// How often a step is tried again when another node was first.
const TRIES: usize = 16;

async fn read(issuer: &Issuer) -> Result<Read> {
    let At { now, it: (keys, version) } = issuer.store.load_keys().await?;
    Ok(Read { keys, refresh: issuer.store.load_refresh_keys().await?, version, now })
}

async fn reload(issuer: &Issuer) -> Result<Read> {
    let read = read(issuer).await?;
    issuer.keys.take(&read, &issuer.sealer)?;
    Ok(read)
}

fn changed(actor: Actor, kid: &str, alg: Algorithm, to: &'static str) -> EventDraft {
    EventDraft::new(EventKind::KeyChanged, actor).with("kid", kid).with("alg", alg.name()).with("state", to)
}

async fn make(
    issuer: &Issuer,
    (purpose, alg): Line,
    state: KeyState,
    times: (Timestamp, Timestamp),
) -> Result<KeyRecord> {
    let key = issuer
        .sign_pool
        .generate(alg)
        .await
        .map_err(|e| Failure::Bug(format!("no {} key could be made: {e}", alg.name())))?;
    let kid = key.kid().to_owned();
    let private = issuer.sealer.seal(&key_identity(&kid), &key.private_bytes(), &*issuer.entropy)?;
    let (created_at, active_at) = times;
    Ok(KeyRecord { kid, alg, purpose, state, private, created_at, active_at, retired_at: None })
}

fn make_refresh(issuer: &Issuer, version: u16, created_at: Timestamp) -> Result<RefreshKeyRecord> {
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(issuer.entropy.bytes());
    let secret = issuer.sealer.seal(&refresh_identity(version), secret.as_slice(), &*issuer.entropy)?;
    Ok(RefreshKeyRecord { version, secret, created_at })
}

pub(crate) async fn load_or_init(issuer: &Issuer) -> Result<()> {
    let there = reload(issuer).await?;
    if !there.keys.is_empty() {
        return ensure_line(issuer, FEED).await;
    }
    let mut keys = Vec::new();
    for line in FIRST.into_iter().chain([FEED]) {
        keys.push(make(issuer, line, KeyState::Active, (there.now, there.now)).await?);
    }
    let refresh = make_refresh(issuer, 1, there.now)?;
    let event = EventDraft::new(EventKind::KeyChanged, Actor::System).with("state", "first keys");
    // `false`: another process made them first; the ones loaded next are its.
    issuer.store.init_keys(keys, refresh, event).await?;
    let now_there = reload(issuer).await?;
    match now_there.keys.is_empty() || now_there.refresh.is_empty() {
        true => Err(Failure::Bug("the store has no keys after the first start".into())),
        false => Ok(()),
    }
}

/// Loads the set when it changed, at the latest each second, and tells the store what this node has loaded.
pub(crate) async fn follow(issuer: &Issuer, changed: bool) -> Result<()> {
    let now = issuer.store.cached_now();
    if !changed && !issuer.keys.beat_due(now) {
        return Ok(());
    }
    reload(issuer).await?;
    issuer.store.heartbeat(&issuer.node, issuer.keys.version()).await?;
    issuer.keys.beat_at.store(now.millis(), Ordering::Release);
    Ok(())
}

/// Takes the steps that are due, one at a time.
pub(crate) async fn tend(issuer: &Issuer) -> Result<()> {
    let times = Times {
        rotation: issuer.settings.key_rotation,
        ahead: issuer.settings.key_publish_ahead,
        longest: issuer.longest_token_life().await?,
    };
    for _ in 0..TRIES {
        let there = reload(issuer).await?;
        let seen = issuer.store.keys_seen_by_all().await?;
        let rows = Rows { keys: &there.keys, refresh: &there.refresh, version: there.version, seen };
        let Some(step) = decide(&rows, &times, there.now).into_iter().next() else { return Ok(()) };
        take(issuer, &there, step).await?;
    }
    Ok(())
}

/// One step, guarded. `false`: somebody was first.
async fn take(issuer: &Issuer, there: &Read, step: Move) -> Result<bool> {
    use KeyState::{Active, Archived, Pending, Retiring};
    let version = there.version;
    let alg = |kid: &str| there.keys.iter().find(|k| k.kid == kid).map_or(Algorithm::Es256, |k| k.alg);
    let by = || Actor::System;
    Ok(match step {
        Move::Add(line) => {
            let times = (there.now, there.now + issuer.settings.key_publish_ahead);
            let key = make(issuer, line, Pending, times).await?;
            let event = changed(by(), &key.kid, line.1, "pending");
            issuer.store.add_key(key, version, event).await?
        }
        Move::Activate { kids, retire } => {
            let event = EventDraft::new(EventKind::KeyChanged, by())
                .with("kid", kids.join(" "))
                .with("state", "active");
            issuer.store.move_keys(activation(kids, retire), version, event).await?
        }
        Move::Retire(kid) => {
            let event = changed(by(), &kid, alg(&kid), "retiring");
            issuer.store.move_keys(vec![(kid, Active, Retiring)], version, event).await?
        }
        Move::Archive(kid) => {
            let event = changed(by(), &kid, alg(&kid), "archived");
            issuer.store.move_keys(vec![(kid, Retiring, Archived)], version, event).await?
        }
        Move::AddRefresh(next) => {
            let key = make_refresh(issuer, next, there.now)?;
            let event =
                EventDraft::new(EventKind::KeyChanged, by()).with("refresh_key", next).with("state", "added");
            issuer.store.add_refresh_key(key, event).await?
        }
    })
}

fn activation(kids: Vec<String>, retire: Vec<String>) -> Vec<(String, KeyState, KeyState)> {
    let retired = retire.into_iter().map(|old| (old, KeyState::Active, KeyState::Retiring));
    retired.chain(kids.into_iter().map(|kid| (kid, KeyState::Pending, KeyState::Active))).collect()
}

/// `key list`.
pub async fn list(issuer: &Issuer) -> Result<Vec<KeyRecord>> {
    Ok(issuer.store.load_keys().await?.it.0)
}

/// `key rotate`: makes pending keys for each algorithm in use and for the feed (or only token keys of the
/// algorithm named); with `now`, they sign at
/// once although verifiers may not know them yet. One that is pending already is not made twice. Answers
/// the keys that are pending, or with `now` sign.
pub async fn rotate(issuer: &Issuer, alg: Option<Algorithm>, now: bool) -> Result<Vec<KeyRecord>> {
    if let Some(alg) = alg.filter(|alg| alg.is_symmetric()) {
        return Err(rejected(
            Code::InvalidRequest,
            format!("{} keys belong to resources: set a new secret with resource apply", alg.name()),
        ));
    }
    let first = reload(issuer).await?;
    let lines = match alg {
        Some(alg) => vec![(KeyUse::Token, alg)],
        None => rows(&first).lines(),
    };
    let mut made = Vec::new();
    for line in lines {
        made.push(rotate_one(issuer, line, now).await?);
    }
    let last = reload(issuer).await?;
    Ok(last.keys.into_iter().filter(|k| made.contains(&k.kid)).collect())
}

fn rows(read: &Read) -> Rows<'_> {
    Rows { keys: &read.keys, refresh: &read.refresh, version: read.version, seen: None }
}

async fn rotate_one(issuer: &Issuer, line: Line, now: bool) -> Result<String> {
    let mut made: Option<String> = None;
    for _ in 0..TRIES {
        let there = read(issuer).await?;
        let rows = rows(&there);
        let pending = rows.of(line, KeyState::Pending).first().map(|k| k.kid.clone());
        match pending {
            Some(kid) if !now => return Ok(kid),
            Some(kid) => {
                let retire = rows.of(line, KeyState::Active).iter().map(|k| k.kid.clone()).collect();
                let event = changed(Actor::Operator, &kid, line.1, "active");
                if issuer.store.move_keys(activation(vec![kid.clone()], retire), there.version, event).await?
                {
                    return Ok(kid);
                }
            }
            None if made.as_ref().is_some_and(|kid| there.keys.iter().any(|k| k.kid == *kid)) => {
                // Ours was moved on by somebody else meanwhile.
                return Ok(made.unwrap_or_default());
            }
            None => {
                let times = (there.now, there.now + issuer.settings.key_publish_ahead);
                let key = make(issuer, line, KeyState::Pending, times).await?;
                let event = changed(Actor::Operator, &key.kid, line.1, "pending");
                let kid = key.kid.clone();
                if issuer.store.add_key(key, there.version, event).await? {
                    made = Some(kid);
                }
            }
        }
    }
    Err(contended())
}

fn contended() -> Failure {
    Failure::Unavailable(Unavailable {
        what: "the key set",
        detail: "other nodes keep changing it".into(),
        retry_after: Duration::from_secs(1),
    })
}

/// Makes sure that something signs under this algorithm: a first key for it signs at once, since nobody
/// expects its tokens yet.
pub(crate) async fn ensure(issuer: &Issuer, alg: Algorithm) -> Result<()> {
    if alg.is_symmetric() || issuer.keys.signing(alg).is_some() {
        return Ok(());
    }
    ensure_line(issuer, (KeyUse::Token, alg)).await
}

async fn ensure_line(issuer: &Issuer, line: Line) -> Result<()> {
    if !rows(&reload(issuer).await?).of(line, KeyState::Active).is_empty() {
        return Ok(());
    }
    rotate_one(issuer, line, true).await?;
    reload(issuer).await.map(drop)
}

/// `key withdraw`: out of JWKS, rule `kid`, replaced at once if it was active: by the pending key when every
/// node knows it, else by a new one. Answers where the revocation feed stood then.
pub async fn withdraw(issuer: &Issuer, kid: &str) -> Result<Position> {
    let there = read(issuer).await?;
    let key = there.keys.iter().find(|k| k.kid == kid);
    let Some(key) = key.filter(|k| k.state != KeyState::Withdrawn) else {
        return Err(rejected(Code::NotFound, "no such key, or it is withdrawn already"));
    };
    let mut replacement = None;
    if key.state == KeyState::Active {
        let seen = issuer.store.keys_seen_by_all().await?;
        let rows = Rows { seen, ..rows(&there) };
        let next = rows.of(key.line(), KeyState::Pending).first().map(|k| k.kid.clone());
        let promoted = match next.filter(|_| rows.known_everywhere()) {
            Some(next) => {
                let event = changed(Actor::Operator, &next, key.alg, "active");
                let moves = activation(vec![next], vec![kid.to_owned()]);
                issuer.store.move_keys(moves, there.version, event).await?
            }
            None => false,
        };
        if !promoted {
            replacement = Some(make(issuer, key.line(), KeyState::Active, (there.now, there.now)).await?);
        }
    }
    let until = issuer.longest_token_life().await?;
    let event = changed(Actor::Operator, kid, key.alg, "withdrawn");
    let rules = issuer.store.withdraw_key(kid, replacement, until, event).await?;
    let rules = rules.ok_or_else(|| rejected(Code::NotFound, "no such key, or it is withdrawn already"))?;
    // The new set first: the head that carries the rule is signed by a key that stands, and names the new JWKS.
    reload(issuer).await?;
    revocation::enforce(issuer, &rules).await
}

/// The resource's HS256 key, opened. `None`: it has none.
pub fn resource_secret(issuer: &Issuer, resource: &Resource) -> Result<Option<SigningKey>> {
    issuer.keys.secret(resource, &issuer.sealer)
}

/// A fresh client secret or API key: 32 random bytes, base64url.
pub fn fresh_secret(issuer: &Issuer) -> Secret {
    let entropy: &dyn Entropy = &*issuer.entropy;
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(entropy.bytes());
    Secret::new(base64url::encode(bytes.as_slice()))
}
