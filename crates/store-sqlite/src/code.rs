//! Authorization codes.

use crate::column::{Read, authentication, browser_id, client_id, digest, json, scopes, time, user_id};
use crate::fault::{Done, Fault};
use crate::tx::Tx;
use crate::{SqliteStore, client_session, event, revocation, user};
use async_trait::async_trait;
use countersign_issuer::model::{
    AuthorizationCode, ClientId, ClientSession, ClientSessionId, Digest, EventDraft, EventKind, Rule, UserId,
};
use countersign_issuer::port::{At, Codes, Redeemed, StoreResult};
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use std::time::Duration;

/// How long a code is kept after its end, so that a second use is seen as one.
pub(crate) const KEPT: Duration = Duration::from_secs(3600);

fn code(row: &Row<'_>) -> Read<AuthorizationCode> {
    Ok(AuthorizationCode {
        digest: digest(row, 0)?,
        client: client_id(row, 1)?,
        user: user_id(row, 2)?,
        browser: if row.get_ref(3)? == ValueRef::Null { None } else { Some(browser_id(row, 3)?) },
        redirect_uri: row.get(4)?,
        challenge: row.get(5)?,
        scopes: scopes(row, 6)?,
        resources: json(row, 7)?,
        nonce: row.get(8)?,
        authentication: authentication(row, 9, 16)?,
        device: row.get(12)?,
        created_at: time(row, 13)?,
        expires_at: time(row, 14)?,
        spent_for: row.get::<_, Option<[u8; 16]>>(15)?.map(ClientSessionId),
    })
}

fn load(tx: &Tx<'_>, digest: &Digest) -> Done<Option<AuthorizationCode>> {
    tx.row(
        "SELECT digest, client_id, user_id, browser_id, redirect_uri, challenge, scopes, resources, nonce,
                auth_time, acr, amr, device, created_at, expires_at, spent_for, proven
         FROM code WHERE digest = ?1",
        [digest.0],
        code,
    )
}

/// `credential_version`: of the proofs a code without a browser session stands on.
fn create(
    tx: &Tx<'_>,
    new: &AuthorizationCode,
    credential_version: Option<u32>,
    life: Duration,
) -> Done<bool> {
    tx.guarded(
        "INSERT INTO code (digest, client_id, user_id, browser_id, redirect_uri, challenge, scopes,
                           resources, nonce, auth_time, acr, amr, device, created_at, expires_at,
                           proven)
         SELECT ?1, c.id, u.id, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
         FROM user u, client c
         WHERE c.id = ?2 AND u.id = ?3 AND u.disabled_at IS NULL
           AND ((?4 IS NULL AND u.credential_version = ?17)
             OR EXISTS (SELECT 1 FROM browser_session b WHERE b.id = ?4 AND b.user_id = u.id
                        AND b.ended_at IS NULL AND b.expires_at > ?14))
         ON CONFLICT (digest) DO NOTHING",
        params![
            new.digest.0,
            new.client.as_str(),
            new.user.as_str(),
            new.browser.as_ref().map(|b| b.as_str()),
            new.redirect_uri,
            new.challenge,
            new.scopes.to_string(),
            serde_json::to_string(&new.resources)?,
            new.nonce,
            new.authentication.auth_time.millis(),
            new.authentication.acr,
            serde_json::to_string(&new.authentication.amr)?,
            new.device,
            tx.now.millis(),
            (tx.now + life).millis(),
            serde_json::to_string(&new.authentication.proven)?,
            credential_version,
        ],
    )
}

/// What stands on no browser session and was not spent yet is good for nothing any more.
pub(crate) fn void_of_proofs(tx: &Tx<'_>, user: &UserId) -> Done<()> {
    tx.count(
        "UPDATE code SET expires_at = ?2
         WHERE user_id = ?1 AND browser_id IS NULL AND spent_for IS NULL AND expires_at > ?2",
        params![user.as_str(), tx.now.millis()],
    )?;
    Ok(())
}

/// What this client did not spend yet is good for nothing any more. The row stays: a code is made once.
pub(crate) fn void_at(tx: &Tx<'_>, user: &UserId, client: &ClientId) -> Done<()> {
    tx.count(
        "UPDATE code SET expires_at = ?3
         WHERE user_id = ?1 AND client_id = ?2 AND spent_for IS NULL AND expires_at > ?3",
        params![user.as_str(), client.as_str(), tx.now.millis()],
    )?;
    Ok(())
}

/// Spends it, or finds that it cannot be spent.
fn spend(tx: &Tx<'_>, digest: &Digest, by: &ClientSession) -> Done<bool> {
    tx.guarded(
        "UPDATE code SET spent_for = ?2
         WHERE digest = ?1 AND spent_for IS NULL AND expires_at > ?3 AND client_id = ?4 AND user_id = ?5
           AND (browser_id IS NULL
             OR EXISTS (SELECT 1 FROM browser_session b WHERE b.id = code.browser_id
                        AND b.ended_at IS NULL AND b.expires_at > ?3))
           AND EXISTS (SELECT 1 FROM user u WHERE u.id = code.user_id AND u.disabled_at IS NULL)",
        params![digest.0, by.id.0, tx.now.millis(), by.client.as_str(), by.user.as_str()],
    )
}

/// Ends what the first use made. No rule when that is ended already.
fn replayed(
    tx: &Tx<'_>,
    code: &AuthorizationCode,
    first: ClientSessionId,
    until: Duration,
    event: EventDraft,
) -> Done<Vec<Rule>> {
    let event = EventDraft { kind: EventKind::CodeReplayed, messages: Vec::new(), ..event };
    event::write(tx, &event.user(&code.user).client(&code.client).session(first))?;
    let ended = client_session::end(tx, first)?.then_some(first);
    revocation::sessions(tx, &code.user, ended.into_iter().collect(), until)
}

fn redeem(
    tx: &Tx<'_>,
    digest: &Digest,
    new: &ClientSession,
    absolute_for: Duration,
    until: Duration,
    event: EventDraft,
) -> Done<Redeemed> {
    if spend(tx, digest, new)? {
        client_session::insert(tx, new, absolute_for)?;
        event::write(tx, &client_session::about(event, new))?;
        let subject = user::load(tx, &new.user)?;
        let subject = subject.ok_or_else(|| Fault::Broken("a code without its user".to_owned()))?;
        return Ok(Redeemed::Done(tx.now, Box::new(subject)));
    }
    let Some(code) = load(tx, digest)? else { return Ok(Redeemed::Gone) };
    match code.spent_for {
        Some(first) => replayed(tx, &code, first, until, event).map(Redeemed::AlreadySpent),
        None => Ok(Redeemed::Gone),
    }
}

#[async_trait]
impl Codes for SqliteStore {
    async fn create_code(&self, new: AuthorizationCode, life: Duration) -> StoreResult<bool> {
        self.write(move |tx| create(tx, &new, None, life)).await
    }

    async fn create_code_of_proofs(
        &self,
        new: AuthorizationCode,
        credential_version: u32,
        life: Duration,
        event: EventDraft,
    ) -> StoreResult<bool> {
        self.write(move |tx| {
            let new = AuthorizationCode { browser: None, ..new };
            let made = create(tx, &new, Some(credential_version), life)?;
            if made {
                event::write(tx, &event.user(&new.user).client(&new.client))?;
            }
            Ok(made)
        })
        .await
    }

    async fn code(&self, digest: &Digest) -> StoreResult<At<Option<AuthorizationCode>>> {
        self.read(|tx| Ok(At { now: tx.now, it: load(tx, digest)? }))
    }

    async fn redeem_code(
        &self,
        digest: &Digest,
        session: ClientSession,
        absolute_for: Duration,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Redeemed> {
        let digest = *digest;
        self.write(move |tx| redeem(tx, &digest, &session, absolute_for, until, event)).await
    }

    async fn code_replayed(
        &self,
        digest: &Digest,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Vec<Rule>> {
        let digest = *digest;
        self.write(move |tx| match load(tx, &digest)? {
            Some(code) => match code.spent_for {
                Some(first) => replayed(tx, &code, first, until, event),
                None => Ok(Vec::new()),
            },
            None => Ok(Vec::new()),
        })
        .await
    }
}
