//! WebAuthn credentials.

use crate::column::{Read, json, maybe_time, time, user_id};
use crate::fault::Done;
use crate::tx::Tx;
use crate::user::credential_changed;
use crate::{SqliteStore, event};
use async_trait::async_trait;
use countersign_issuer::model::passkey::MOST_PASSKEYS;
use countersign_issuer::model::{Answered, EventDraft, Passkey, PasskeyId, Rule, UserId};
use countersign_issuer::port::{AddedPasskey, At, CredentialChange, Passkeys, StoreResult, UsedPasskey};
use rusqlite::{Row, params};

macro_rules! select {
    ($of:literal) => {
        concat!(
            "SELECT id, user_id, credential_id, name, credential, verifies_user, backup_eligible, backed_up,
                    counter, created_at, used_at
             FROM passkey WHERE ",
            $of
        )
    };
}

fn passkey(row: &Row<'_>) -> Read<Passkey> {
    Ok(Passkey {
        id: PasskeyId(row.get(0)?),
        user: user_id(row, 1)?,
        credential_id: row.get(2)?,
        name: row.get(3)?,
        credential: json(row, 4)?,
        verifies_user: row.get(5)?,
        backup_eligible: row.get(6)?,
        backed_up: row.get(7)?,
        counter: row.get(8)?,
        created_at: time(row, 9)?,
        used_at: maybe_time(row, 10)?,
    })
}

/// May this challenge be answered still?
fn waits(tx: &Tx<'_>, answered: &Answered) -> Done<bool> {
    let sql = "SELECT 1 FROM passkey_answered WHERE challenge = ?1";
    // A row is swept when its time is over, so the time counts first.
    Ok(tx.now < answered.until && tx.row(sql, [answered.challenge], |_| Ok(()))?.is_none())
}

fn answer(tx: &Tx<'_>, answered: &Answered) -> Done<()> {
    tx.one(
        "INSERT INTO passkey_answered (challenge, until) VALUES (?1, ?2)",
        params![answered.challenge, answered.until.millis()],
    )
}

fn add(tx: &Tx<'_>, change: &CredentialChange, new: &Passkey, answered: &Answered) -> Done<AddedPasskey> {
    if !waits(tx, answered)? {
        return Ok(AddedPasskey::Stale);
    }
    let known = "SELECT 1 FROM passkey WHERE credential_id = ?1";
    if tx.row(known, [&new.credential_id], |_| Ok(()))?.is_some() {
        return Ok(AddedPasskey::Known);
    }
    let held: usize = tx.value("SELECT count(*) FROM passkey WHERE user_id = ?1", [change.user.as_str()])?;
    if held >= MOST_PASSKEYS {
        return Ok(AddedPasskey::Full);
    }
    let Some(rules) = credential_changed(tx, change)? else { return Ok(AddedPasskey::NoSuchUser) };
    tx.one(
        "INSERT INTO passkey (id, user_id, credential_id, name, credential, verifies_user, backup_eligible,
                              backed_up, counter, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            new.id.0,
            change.user.as_str(),
            new.credential_id,
            new.name,
            serde_json::to_string(&new.credential)?,
            new.verifies_user,
            new.backup_eligible,
            new.backed_up,
            new.counter,
            tx.now.millis(),
        ],
    )?;
    answer(tx, answered)?;
    Ok(AddedPasskey::Added(rules))
}

#[async_trait]
impl Passkeys for SqliteStore {
    async fn add_passkey(
        &self,
        change: CredentialChange,
        passkey: Passkey,
        answered: Answered,
    ) -> StoreResult<AddedPasskey> {
        self.write(move |tx| add(tx, &change, &passkey, &answered)).await
    }

    async fn list_passkeys(&self, user: &UserId) -> StoreResult<At<Vec<Passkey>>> {
        let sql = select!("user_id = ?1 ORDER BY created_at, id");
        self.read(|tx| Ok(At { now: tx.now, it: tx.rows(sql, [user.as_str()], passkey)? }))
    }

    async fn passkey(&self, credential_id: &[u8]) -> StoreResult<At<Option<Passkey>>> {
        let sql = select!("credential_id = ?1");
        self.read(|tx| Ok(At { now: tx.now, it: tx.row(sql, [credential_id], passkey)? }))
    }

    async fn use_passkey(&self, used: UsedPasskey) -> StoreResult<bool> {
        self.write(move |tx| {
            if !waits(tx, &used.answered)? {
                return Ok(false);
            }
            let noted = tx.guarded(
                "UPDATE passkey SET counter = ?3, backed_up = ?4, credential = ?5, used_at = ?6
                 WHERE id = ?1 AND counter = ?2",
                params![
                    used.id.0,
                    used.counter_before,
                    used.counter,
                    used.backed_up,
                    serde_json::to_string(&used.credential)?,
                    tx.now.millis(),
                ],
            )?;
            if noted {
                answer(tx, &used.answered)?;
            }
            Ok(noted)
        })
        .await
    }

    async fn suspect_passkey(&self, answered: Answered, event: EventDraft) -> StoreResult<bool> {
        self.write(move |tx| {
            if !waits(tx, &answered)? {
                return Ok(false);
            }
            answer(tx, &answered)?;
            event::write(tx, &event)?;
            Ok(true)
        })
        .await
    }

    async fn rename_passkey(
        &self,
        user: &UserId,
        id: PasskeyId,
        name: &str,
        event: EventDraft,
    ) -> StoreResult<bool> {
        let (user, name) = (user.clone(), name.to_owned());
        self.write(move |tx| {
            let renamed = tx.guarded(
                "UPDATE passkey SET name = ?3 WHERE id = ?1 AND user_id = ?2",
                params![id.0, user.as_str(), name],
            )?;
            if renamed {
                event::write(tx, &event)?;
            }
            Ok(renamed)
        })
        .await
    }

    async fn remove_passkey(
        &self,
        change: CredentialChange,
        id: PasskeyId,
    ) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            let gone = "DELETE FROM passkey WHERE id = ?1 AND user_id = ?2";
            if !tx.guarded(gone, params![id.0, change.user.as_str()])? {
                return Ok(None);
            }
            credential_changed(tx, &change)
        })
        .await
    }
}
