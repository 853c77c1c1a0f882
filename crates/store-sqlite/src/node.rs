//! The store as a whole: clock, health, epoch, nodes, and sweeping.

use crate::fault::Fault;
use crate::revocation::covered;
use crate::{SqliteStore, challenge, client_session, code, migrate, outbox};
use async_trait::async_trait;
use countersign_feed::rule::LINGER;
use countersign_issuer::port::{Node, StoreResult};
use countersign_token::Timestamp;
use rusqlite::params;
use std::time::Duration;

/// A node not heard of for that long is not alive.
const ALIVE: Duration = Duration::from_secs(10);
/// A node not heard of for that long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

#[async_trait]
impl Node for SqliteStore {
    fn cached_now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn ping(&self) -> StoreResult<Timestamp> {
        // By way of the writer: its thread lives and gets the lock. Nothing changes, so nothing is synced.
        self.write(|tx| {
            let found: i32 = tx.value("PRAGMA user_version", [])?;
            let known = migrate::known(migrate::ALL);
            if found != known {
                return Err(Fault::Broken(format!("the database has schema {found}, not {known}")));
            }
            Ok(tx.now)
        })
        .await
    }

    async fn epoch(&self) -> StoreResult<u32> {
        self.read(|tx| tx.value("SELECT epoch FROM store_state", []))
    }

    async fn heartbeat(&self, node: &str, key_version: i64) -> StoreResult<()> {
        let node = node.to_owned();
        self.write(move |tx| {
            tx.one(
                "INSERT INTO node (id, key_version, seen_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET key_version = excluded.key_version, seen_at = excluded.seen_at",
                params![node, key_version, tx.now.millis()],
            )
        })
        .await
    }

    async fn keys_seen_by_all(&self) -> StoreResult<Option<i64>> {
        self.read(|tx| {
            tx.value("SELECT min(key_version) FROM node WHERE seen_at > ?1", [(tx.now - ALIVE).millis()])
        })
    }

    async fn sweep(&self, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| {
            let before = |time: Timestamp| (time.millis(), limit);
            let swept = [
                tx.count(
                    "DELETE FROM code WHERE digest IN
                         (SELECT digest FROM code WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                    before(tx.now - code::KEPT),
                )?,
                tx.count(
                    "DELETE FROM challenge WHERE id IN
                         (SELECT id FROM challenge WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                    before(tx.now - challenge::KEPT),
                )?,
                // `sweep_at` says when to look; the rest is what makes a row dead.
                tx.count(
                    "DELETE FROM client_session WHERE k IN
                         (SELECT k FROM client_session WHERE sweep_at <= ?1 ORDER BY sweep_at LIMIT ?2)
                     AND (revoked_at IS NOT NULL OR absolute_until <= ?1 OR idle_until <= ?1)",
                    before(tx.now),
                )?,
                tx.count(
                    "DELETE FROM browser_session WHERE rowid IN
                         (SELECT rowid FROM browser_session WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                    before(tx.now - client_session::KEPT),
                )?,
                tx.count(
                    "DELETE FROM rule WHERE seq IN
                         (SELECT seq FROM rule WHERE until <= ?1 ORDER BY until LIMIT ?2)",
                    before(tx.now),
                )?,
                // Status lists know no buckets: where there are any, finer rules stay until they are over.
                tx.count(
                    concat!(
                        "DELETE FROM rule WHERE seq IN (SELECT seq FROM rule WHERE ",
                        covered!(),
                        " AND NOT EXISTS (SELECT 1 FROM status_list) ORDER BY seq LIMIT ?1)"
                    ),
                    [limit],
                )?,
                tx.count(
                    "DELETE FROM passkey_answered WHERE challenge IN
                         (SELECT challenge FROM passkey_answered WHERE until <= ?1 ORDER BY until LIMIT ?2)",
                    before(tx.now),
                )?,
                // Whoever needs older parts of the log than the oldest snapshot takes that.
                tx.count(
                    "DELETE FROM feed_block WHERE block IN
                         (SELECT block FROM feed_block WHERE (until + ?3) * 1000 <= ?1
                          AND (block + 1) * 4096 <= (SELECT min(seq) FROM feed_snapshot) LIMIT ?2)",
                    (tx.now.millis(), limit, LINGER),
                )?,
                tx.count(
                    "DELETE FROM feed_verifier WHERE (client_id, verifier) IN
                         (SELECT client_id, verifier FROM feed_verifier WHERE seen_at <= ?1 LIMIT ?2)",
                    before(tx.now - FORGOTTEN),
                )?,
                tx.count(
                    "DELETE FROM outbox WHERE id IN
                         (SELECT id FROM outbox WHERE dead_at <= ?1 ORDER BY dead_at LIMIT ?2)",
                    before(tx.now - outbox::KEPT),
                )?,
                tx.count(
                    "DELETE FROM node WHERE id IN (SELECT id FROM node WHERE seen_at <= ?1 LIMIT ?2)",
                    before(tx.now - FORGOTTEN),
                )?,
            ];
            Ok(swept.iter().map(|n| u64::try_from(*n).unwrap_or(u64::MAX)).sum())
        })
        .await
    }
}
