//! Clients.

use crate::column::{Read, client_id, json, time};
use crate::{SqliteStore, event, revocation};
use async_trait::async_trait;
use countersign_issuer::model::{Client, ClientId, Digest, EventDraft, Rule, RuleKind};
use countersign_issuer::port::{Clients, Page, StoreResult};
use rusqlite::{Row, params};
use std::collections::BTreeSet;
use std::time::Duration;

fn client(row: &Row<'_>) -> Read<Client> {
    let (secrets, _) = row.get_ref(2)?.as_blob()?.as_chunks::<32>();
    Ok(Client {
        id: client_id(row, 0)?,
        metadata: json(row, 1)?,
        secrets: secrets.iter().copied().map(Digest).collect(),
        updated_at: time(row, 3)?,
    })
}

#[async_trait]
impl Clients for SqliteStore {
    async fn apply_clients(&self, clients: Vec<Client>, events: Vec<EventDraft>) -> StoreResult<()> {
        self.write(move |tx| {
            for client in &clients {
                let secrets: Vec<u8> = client.secrets.iter().flat_map(|d| d.0).collect();
                tx.one(
                    "INSERT INTO client (id, metadata, secrets, updated_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata,
                         secrets = excluded.secrets, updated_at = excluded.updated_at",
                    params![
                        client.id.as_str(),
                        serde_json::to_string(&client.metadata)?,
                        secrets,
                        tx.now.millis(),
                    ],
                )?;
            }
            events.iter().try_for_each(|draft| event::write(tx, draft))
        })
        .await
    }

    async fn client(&self, id: &ClientId) -> StoreResult<Option<Client>> {
        self.read(|tx| {
            tx.row(
                "SELECT id, metadata, secrets, updated_at FROM client WHERE id = ?1",
                [id.as_str()],
                client,
            )
        })
    }

    async fn list_clients(&self, page: Page) -> StoreResult<Vec<Client>> {
        self.read(|tx| {
            tx.rows(
                "SELECT id, metadata, secrets, updated_at FROM client WHERE id > ?1 ORDER BY id LIMIT ?2",
                params![page.after.as_deref().unwrap_or(""), page.limit.clamp(1, 1000)],
                client,
            )
        })
    }

    async fn remove_client(
        &self,
        id: &ClientId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let id = id.clone();
        let done = self
            .write(move |tx| {
                // Codes, consents and client sessions go with the row.
                if !tx.guarded("DELETE FROM client WHERE id = ?1", [id.as_str()])? {
                    return Ok(None);
                }
                event::write(tx, &event.client(&id))?;
                Ok(Some((tx.now, revocation::before_now(tx, RuleKind::Cid, id.to_string(), until)?)))
            })
            .await?;
        let Some((at, rule)) = done else { return Ok(None) };
        let mut rules = vec![rule.clone()];
        self.settle(at, rule, until, &mut rules).await?;
        Ok(Some(rules))
    }

    async fn all_origins(&self) -> StoreResult<Vec<String>> {
        self.read(|tx| {
            let clients = tx.rows("SELECT id, metadata, secrets, updated_at FROM client", [], client)?;
            let origins: BTreeSet<String> = clients.iter().flat_map(Client::origins).collect();
            Ok(origins.into_iter().collect())
        })
    }
}
