//! Remembered consents.

use crate::column::{Read, client_id, json, scopes, time, user_id};
use crate::fault::Done;
use crate::tx::Tx;
use crate::{SqliteStore, client_session, code, event, revocation};
use async_trait::async_trait;
use countersign_issuer::model::{ClientId, Consent, EventDraft, Rule, Scopes, UserId};
use countersign_issuer::port::{Consents, StoreResult};
use rusqlite::{Row, params};
use std::time::Duration;

fn consent(row: &Row<'_>) -> Read<Consent> {
    Ok(Consent {
        user: user_id(row, 0)?,
        client: client_id(row, 1)?,
        scopes: scopes(row, 2)?,
        resources: json(row, 3)?,
        granted_at: time(row, 4)?,
    })
}

fn load(tx: &Tx<'_>, user: &UserId, client: &ClientId) -> Done<Option<Consent>> {
    tx.row(
        "SELECT user_id, client_id, scopes, resources, granted_at FROM consent
         WHERE user_id = ?1 AND client_id = ?2",
        [user.as_str(), client.as_str()],
        consent,
    )
}

#[async_trait]
impl Consents for SqliteStore {
    async fn grant_consent(&self, mut consent: Consent, event: EventDraft) -> StoreResult<()> {
        self.write(move |tx| {
            if let Some(before) = load(tx, &consent.user, &consent.client)? {
                consent.scopes = before.scopes.iter().chain(consent.scopes.iter()).collect::<Scopes>();
                consent.resources.retain(|r| !before.resources.contains(r));
                consent.resources = [before.resources, consent.resources].concat();
            }
            let there = tx.guarded(
                "INSERT INTO consent (user_id, client_id, scopes, resources, granted_at)
                 SELECT u.id, c.id, ?3, ?4, ?5 FROM user u, client c WHERE u.id = ?1 AND c.id = ?2
                 ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = excluded.scopes,
                     resources = excluded.resources, granted_at = excluded.granted_at",
                params![
                    consent.user.as_str(),
                    consent.client.as_str(),
                    consent.scopes.to_string(),
                    serde_json::to_string(&consent.resources)?,
                    tx.now.millis(),
                ],
            )?;
            if there {
                event::write(tx, &event)?;
            }
            Ok(())
        })
        .await
    }

    async fn consent(&self, user: &UserId, client: &ClientId) -> StoreResult<Option<Consent>> {
        self.read(|tx| load(tx, user, client))
    }

    async fn list_consents(&self, user: &UserId) -> StoreResult<Vec<Consent>> {
        let sql = "SELECT user_id, client_id, scopes, resources, granted_at FROM consent WHERE user_id = ?1
                   ORDER BY client_id";
        self.read(|tx| tx.rows(sql, [user.as_str()], consent))
    }

    async fn withdraw_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let (user, client) = (user.clone(), client.clone());
        self.write(move |tx| {
            let both = [user.as_str(), client.as_str()];
            if !tx.guarded("DELETE FROM consent WHERE user_id = ?1 AND client_id = ?2", both)? {
                return Ok(None);
            }
            event::write(tx, &event)?;
            // A code not yet redeemed would become a session that nobody consents to.
            code::void_at(tx, &user, &client)?;
            let ended = client_session::end_at(tx, &user, &client)?;
            revocation::sessions(tx, &user, ended, until).map(Some)
        })
        .await
    }
}
