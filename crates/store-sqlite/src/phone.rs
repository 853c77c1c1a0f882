//! Confirmed phone numbers.

use crate::SqliteStore;
use crate::user::credential_changed;
use async_trait::async_trait;
use countersign_issuer::model::Rule;
use countersign_issuer::port::{CredentialChange, Phones, StoreResult};
use rusqlite::params;

#[async_trait]
impl Phones for SqliteStore {
    async fn put_phone(&self, change: CredentialChange, number: &str) -> StoreResult<Option<Vec<Rule>>> {
        let number = number.to_owned();
        self.write(move |tx| {
            let Some(rules) = credential_changed(tx, &change)? else { return Ok(None) };
            tx.one(
                "INSERT INTO phone (user_id, number, set_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (user_id) DO UPDATE SET number = excluded.number, set_at = excluded.set_at",
                params![change.user.as_str(), number, tx.now.millis()],
            )?;
            Ok(Some(rules))
        })
        .await
    }

    async fn remove_phone(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            if !tx.guarded("DELETE FROM phone WHERE user_id = ?1", [change.user.as_str()])? {
                return Ok(None);
            }
            credential_changed(tx, &change)
        })
        .await
    }
}
