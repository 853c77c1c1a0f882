//! Authenticator apps.

use crate::SqliteStore;
use crate::user::credential_changed;
use async_trait::async_trait;
use countersign_issuer::model::{Rule, Sealed, UserId};
use countersign_issuer::port::{At, CredentialChange, StoreResult, Totps};
use rusqlite::params;

#[async_trait]
impl Totps for SqliteStore {
    async fn put_totp(
        &self,
        change: CredentialChange,
        secret: Sealed,
        step: i64,
    ) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            let Some(rules) = credential_changed(tx, &change)? else { return Ok(None) };
            tx.one(
                "INSERT INTO totp (user_id, secret, last_step, set_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (user_id) DO UPDATE
                 SET secret = excluded.secret, last_step = excluded.last_step, set_at = excluded.set_at",
                params![change.user.as_str(), secret.0, step, tx.now.millis()],
            )?;
            Ok(Some(rules))
        })
        .await
    }

    async fn totp(&self, user: &UserId) -> StoreResult<At<Option<(Sealed, i64)>>> {
        let sql = "SELECT secret, last_step FROM totp WHERE user_id = ?1";
        self.read(|tx| {
            let it = tx.row(sql, [user.as_str()], |r| Ok((Sealed(r.get(0)?), r.get(1)?)))?;
            Ok(At { now: tx.now, it })
        })
    }

    async fn use_totp(&self, user: &UserId, step: i64) -> StoreResult<bool> {
        let user = user.clone();
        self.write(move |tx| {
            tx.guarded(
                "UPDATE totp SET last_step = ?2 WHERE user_id = ?1 AND last_step < ?2",
                params![user.as_str(), step],
            )
        })
        .await
    }

    async fn remove_totp(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            if !tx.guarded("DELETE FROM totp WHERE user_id = ?1", [change.user.as_str()])? {
                return Ok(None);
            }
            credential_changed(tx, &change)
        })
        .await
    }
}
