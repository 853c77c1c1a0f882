//! Roles.

use crate::column::json;
use crate::{SqliteStore, event};
use async_trait::async_trait;
use countersign_issuer::model::{EventDraft, Role};
use countersign_issuer::port::{Roles, StoreResult};

#[async_trait]
impl Roles for SqliteStore {
    async fn apply_role(&self, role: Role, event: EventDraft) -> StoreResult<()> {
        self.write(move |tx| {
            tx.one(
                "INSERT INTO role (name, document) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET document = excluded.document",
                [&role.name, &serde_json::to_string(&role)?],
            )?;
            event::write(tx, &event)
        })
        .await
    }

    async fn list_roles(&self) -> StoreResult<Vec<Role>> {
        self.read(|tx| tx.rows("SELECT document FROM role ORDER BY name", [], |r| json(r, 0)))
    }

    async fn remove_role(&self, name: &str, event: EventDraft) -> StoreResult<bool> {
        let name = name.to_owned();
        self.write(move |tx| {
            let removed = tx.guarded("DELETE FROM role WHERE name = ?1", [&name])?;
            if removed {
                event::write(tx, &event)?;
            }
            Ok(removed)
        })
        .await
    }
}
