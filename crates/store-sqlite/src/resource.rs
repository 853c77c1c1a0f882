//! Protected resources.

use crate::column::json;
use crate::{SqliteStore, event};
use async_trait::async_trait;
use countersign_issuer::model::{EventDraft, Resource, Sealed};
use countersign_issuer::port::{Resources, StoreResult};
use rusqlite::params;

#[async_trait]
impl Resources for SqliteStore {
    async fn apply_resources(&self, resources: Vec<Resource>, events: Vec<EventDraft>) -> StoreResult<()> {
        self.write(move |tx| {
            for resource in &resources {
                tx.one(
                    "INSERT INTO resource (resource, document, secret) VALUES (?1, ?2, ?3)
                     ON CONFLICT (resource) DO UPDATE SET document = excluded.document, secret = excluded.secret",
                    params![
                        resource.resource,
                        serde_json::to_string(resource)?,
                        resource.secret.as_ref().map(|s| &s.0),
                    ],
                )?;
            }
            events.iter().try_for_each(|draft| event::write(tx, draft))
        })
        .await
    }

    async fn list_resources(&self) -> StoreResult<Vec<Resource>> {
        self.read(|tx| {
            tx.rows("SELECT document, secret FROM resource ORDER BY resource", [], |r| {
                let secret = r.get::<_, Option<Vec<u8>>>(1)?.map(Sealed);
                Ok(Resource { secret, ..json(r, 0)? })
            })
        })
    }

    async fn remove_resource(&self, resource: &str, event: EventDraft) -> StoreResult<bool> {
        let resource = resource.to_owned();
        self.write(move |tx| {
            let removed = tx.guarded("DELETE FROM resource WHERE resource = ?1", [&resource])?;
            if removed {
                event::write(tx, &event)?;
            }
            Ok(removed)
        })
        .await
    }
}
