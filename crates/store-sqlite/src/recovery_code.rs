//! Recovery codes.

use crate::user::credential_changed;
use crate::{SqliteStore, event};
use async_trait::async_trait;
use countersign_issuer::model::{Digest, EventDraft, Rule, UserId};
use countersign_issuer::port::{At, CredentialChange, RecoveryCodes, StoreResult};
use rusqlite::params;

#[async_trait]
impl RecoveryCodes for SqliteStore {
    async fn put_recovery_codes(
        &self,
        change: CredentialChange,
        codes: Vec<Digest>,
    ) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            let Some(rules) = credential_changed(tx, &change)? else { return Ok(None) };
            let user = change.user.as_str();
            tx.count("DELETE FROM recovery_code WHERE user_id = ?1", [user])?;
            for code in &codes {
                tx.one("INSERT INTO recovery_code (user_id, digest) VALUES (?1, ?2)", params![user, code.0])?;
            }
            Ok(Some(rules))
        })
        .await
    }

    async fn use_recovery_code(
        &self,
        user: &UserId,
        code: &Digest,
        event: EventDraft,
    ) -> StoreResult<At<Option<u16>>> {
        let (user, code) = (user.clone(), *code);
        self.write(move |tx| {
            let spent = tx.guarded(
                "UPDATE recovery_code SET spent_at = ?3
                 WHERE user_id = ?1 AND digest = ?2 AND spent_at IS NULL",
                params![user.as_str(), code.0, tx.now.millis()],
            )?;
            if !spent {
                return Ok(At { now: tx.now, it: None });
            }
            event::write(tx, &event.user(&user))?;
            let left = tx.value(
                "SELECT count(*) FROM recovery_code WHERE user_id = ?1 AND spent_at IS NULL",
                [user.as_str()],
            )?;
            Ok(At { now: tx.now, it: Some(left) })
        })
        .await
    }
}
