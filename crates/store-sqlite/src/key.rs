//! Signing keys and refresh keys. Every change raises the key set's version.

use crate::column::{Read, maybe_time, name, named, parsed, time};
use crate::fault::Done;
use crate::tx::Tx;
use crate::{SqliteStore, event, revocation};
use async_trait::async_trait;
use countersign_issuer::model::{EventDraft, KeyRecord, KeyState, RefreshKeyRecord, Rule, RuleKind, Sealed};
use countersign_issuer::port::{At, Keys, Resealed, StoreResult};
use countersign_token::Algorithm;
use rusqlite::{Row, params};
use std::time::Duration;

fn key(row: &Row<'_>) -> Read<KeyRecord> {
    Ok(KeyRecord {
        kid: row.get(0)?,
        alg: parsed(row, 1, Algorithm::parse)?,
        purpose: named(row, 2)?,
        state: named(row, 3)?,
        private: Sealed(row.get(4)?),
        created_at: time(row, 5)?,
        active_at: time(row, 6)?,
        retired_at: maybe_time(row, 7)?,
    })
}

fn insert(tx: &Tx<'_>, key: &KeyRecord) -> Done<()> {
    tx.one(
        "INSERT INTO signing_key (kid, alg, purpose, state, private, created_at, active_at, retired_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            key.kid,
            key.alg.name(),
            name(key.purpose)?,
            name(key.state)?,
            key.private.0,
            key.created_at.millis(),
            key.active_at.millis(),
            key.retired_at.map(|t| t.millis()),
        ],
    )
}

fn insert_refresh(tx: &Tx<'_>, key: &RefreshKeyRecord) -> Done<()> {
    tx.one(
        "INSERT INTO refresh_key (version, secret, created_at) VALUES (?1, ?2, ?3)",
        params![key.version, key.secret.0, key.created_at.millis()],
    )
}

fn changed(tx: &Tx<'_>) -> Done<()> {
    tx.one("UPDATE store_state SET key_version = key_version + 1", [])
}

fn version(tx: &Tx<'_>) -> Done<i64> {
    tx.value("SELECT key_version FROM store_state", [])
}

fn state(tx: &Tx<'_>, kid: &str) -> Done<Option<KeyState>> {
    tx.row("SELECT state FROM signing_key WHERE kid = ?1", [kid], |r| named(r, 0))
}

fn enter(tx: &Tx<'_>, kid: &str, from: KeyState, to: KeyState) -> Done<()> {
    tx.one(
        "UPDATE signing_key SET state = ?2, active_at = CASE WHEN ?3 THEN ?5 ELSE active_at END,
             retired_at = CASE WHEN ?4 THEN ?5 ELSE retired_at END
         WHERE kid = ?1",
        params![kid, name(to)?, to == KeyState::Active, from == KeyState::Active, tx.now.millis()],
    )
}

fn reseal(tx: &Tx<'_>, all: &Resealed) -> Done<bool> {
    let counts = [
        (all.keys.len(), tx.value("SELECT count(*) FROM signing_key", [])?),
        (all.refresh.len(), tx.value("SELECT count(*) FROM refresh_key", [])?),
        (all.resources.len(), tx.value("SELECT count(*) FROM resource WHERE secret IS NOT NULL", [])?),
    ];
    if counts.iter().any(|(given, kept): &(usize, i64)| i64::try_from(*given) != Ok(*kept)) {
        return Ok(false);
    }
    // As many as there are and each of them there: exactly these. Checked before anything is written.
    for (kid, _) in &all.keys {
        if state(tx, kid)?.is_none() {
            return Ok(false);
        }
    }
    for (version, _) in &all.refresh {
        if tx.row("SELECT 1 FROM refresh_key WHERE version = ?1", [version], |_| Ok(()))?.is_none() {
            return Ok(false);
        }
    }
    for (id, _) in &all.resources {
        let sql = "SELECT 1 FROM resource WHERE resource = ?1 AND secret IS NOT NULL";
        if tx.row(sql, [id], |_| Ok(()))?.is_none() {
            return Ok(false);
        }
    }
    for (kid, sealed) in &all.keys {
        tx.one("UPDATE signing_key SET private = ?2 WHERE kid = ?1", params![kid, sealed.0])?;
    }
    for (version, sealed) in &all.refresh {
        tx.one("UPDATE refresh_key SET secret = ?2 WHERE version = ?1", params![version, sealed.0])?;
    }
    for (id, sealed) in &all.resources {
        tx.one("UPDATE resource SET secret = ?2 WHERE resource = ?1", params![id, sealed.0])?;
    }
    Ok(true)
}

#[async_trait]
impl Keys for SqliteStore {
    async fn load_keys(&self) -> StoreResult<At<(Vec<KeyRecord>, i64)>> {
        self.read(|tx| {
            // The version first: keys of a later one may come with it, and are loaded again then.
            let version = version(tx)?;
            let keys = tx.rows(
                "SELECT kid, alg, purpose, state, private, created_at, active_at, retired_at
                 FROM signing_key ORDER BY created_at, kid",
                [],
                key,
            )?;
            Ok(At { now: tx.now, it: (keys, version) })
        })
    }

    async fn init_keys(
        &self,
        keys: Vec<KeyRecord>,
        refresh: RefreshKeyRecord,
        event: EventDraft,
    ) -> StoreResult<bool> {
        self.write(move |tx| {
            let none: bool = tx.value(
                "SELECT NOT EXISTS (SELECT 1 FROM signing_key) AND NOT EXISTS (SELECT 1 FROM refresh_key)",
                [],
            )?;
            if !none {
                return Ok(false);
            }
            keys.iter().try_for_each(|key| insert(tx, key))?;
            insert_refresh(tx, &refresh)?;
            changed(tx)?;
            event::write(tx, &event)?;
            Ok(true)
        })
        .await
    }

    async fn add_key(&self, key: KeyRecord, seen: i64, event: EventDraft) -> StoreResult<bool> {
        self.write(move |tx| {
            if version(tx)? != seen {
                return Ok(false);
            }
            insert(tx, &key)?;
            changed(tx)?;
            event::write(tx, &event)?;
            Ok(true)
        })
        .await
    }

    async fn move_keys(
        &self,
        moves: Vec<(String, KeyState, KeyState)>,
        seen: i64,
        event: EventDraft,
    ) -> StoreResult<bool> {
        self.write(move |tx| {
            if version(tx)? != seen {
                return Ok(false);
            }
            for (kid, from, _) in &moves {
                if state(tx, kid)? != Some(*from) {
                    return Ok(false);
                }
            }
            moves.iter().try_for_each(|(kid, from, to)| enter(tx, kid, *from, *to))?;
            changed(tx)?;
            event::write(tx, &event)?;
            Ok(true)
        })
        .await
    }

    async fn withdraw_key(
        &self,
        kid: &str,
        replacement: Option<KeyRecord>,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let kid = kid.to_owned();
        self.write(move |tx| {
            let Some(from) = state(tx, &kid)?.filter(|s| *s != KeyState::Withdrawn) else { return Ok(None) };
            enter(tx, &kid, from, KeyState::Withdrawn)?;
            if let Some(key) = replacement {
                insert(tx, &KeyRecord { state: KeyState::Active, active_at: tx.now, ..key })?;
            }
            changed(tx)?;
            event::write(tx, &event)?;
            Ok(Some(vec![revocation::always(tx, RuleKind::Kid, kid, None, until)?]))
        })
        .await
    }

    async fn load_refresh_keys(&self) -> StoreResult<Vec<RefreshKeyRecord>> {
        self.read(|tx| {
            tx.rows("SELECT version, secret, created_at FROM refresh_key ORDER BY version", [], |r| {
                Ok(RefreshKeyRecord {
                    version: r.get(0)?,
                    secret: Sealed(r.get(1)?),
                    created_at: time(r, 2)?,
                })
            })
        })
    }

    async fn add_refresh_key(&self, key: RefreshKeyRecord, event: EventDraft) -> StoreResult<bool> {
        self.write(move |tx| {
            let newest: Option<u16> = tx.value("SELECT max(version) FROM refresh_key", [])?;
            if newest.and_then(|v| v.checked_add(1)) != Some(key.version) {
                return Ok(false);
            }
            insert_refresh(tx, &key)?;
            changed(tx)?;
            event::write(tx, &event)?;
            Ok(true)
        })
        .await
    }

    async fn reseal(&self, all: Resealed) -> StoreResult<bool> {
        self.write(move |tx| {
            let done = reseal(tx, &all)?;
            if done {
                changed(tx)?;
            }
            Ok(done)
        })
        .await
    }
}
