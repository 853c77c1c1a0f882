//! Client sessions: made, listed, ended. Their refresh tokens are in `refresh`.

use crate::column::{
    Read, authentication, browser_id, client_id, json, maybe_time, parsed, scopes, session_id, time, user_id,
};
use crate::fault::Done;
use crate::tx::Tx;
use crate::user::{self, subject_columns};
use crate::{SqliteStore, code, event, refresh, revocation};
use async_trait::async_trait;
use countersign_issuer::model::{
    BrowserSessionId, ClientId, ClientSession, ClientSessionId, EventDraft, Origin, Refresh, Rule, Subject,
    UserId,
};
use countersign_issuer::port::{At, ClientSessions, RotateOutcome, Rotation, StoreResult};
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use std::time::Duration;

/// How long a row outlives the session, for those who ask after it with a token still good.
pub(crate) const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Columns as [`session`] reads them. Written without a table's name, since `RETURNING` knows none.
macro_rules! session_columns {
    () => {
        "id, user_id, client_id, browser_id, origin, scopes, resources, auth_time, acr, amr, created_at, \
         revoked_at, device, n, rotated_at, replays, key_version, rotate, epoch, idle_until, idle_for, \
         absolute_until, sweep_at, proven"
    };
}
pub(crate) use session_columns;

/// Which column `sweep_at` is.
pub(crate) const SWEEP_AT: usize = 22;
/// How many columns [`session_columns`] are.
const COLUMNS: usize = 24;

fn origin(name: &str) -> Option<Origin> {
    match name {
        "code" => Some(Origin::Code),
        "direct" => Some(Origin::Direct),
        _ => None,
    }
}

fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Code => "code",
        Origin::Direct => "direct",
    }
}

/// Reads [`session_columns`].
pub(crate) fn session(row: &Row<'_>) -> Read<ClientSession> {
    let refresh = match row.get::<_, Option<u32>>(13)? {
        None => None,
        Some(n) => Some(Refresh {
            n,
            rotated_at: time(row, 14)?,
            replays: row.get(15)?,
            key_version: row.get(16)?,
            rotate: row.get(17)?,
            epoch: row.get(18)?,
            idle_until: time(row, 19)?,
            idle_for: row.get(20)?,
            absolute_until: time(row, 21)?,
        }),
    };
    Ok(ClientSession {
        id: session_id(row, 0)?,
        user: user_id(row, 1)?,
        client: client_id(row, 2)?,
        browser: if row.get_ref(3)? == ValueRef::Null { None } else { Some(browser_id(row, 3)?) },
        origin: parsed(row, 4, origin)?,
        scopes: scopes(row, 5)?,
        resources: json(row, 6)?,
        authentication: authentication(row, 7, 23)?,
        created_at: time(row, 10)?,
        revoked_at: maybe_time(row, 11)?,
        device: row.get(12)?,
        refresh,
    })
}

pub(crate) fn load(tx: &Tx<'_>, id: ClientSessionId) -> Done<Option<ClientSession>> {
    let sql = concat!("SELECT ", session_columns!(), " FROM client_session WHERE id = ?1");
    tx.row(sql, [id.0], session)
}

/// Writes a new one; its times are counted from now.
pub(crate) fn insert(tx: &Tx<'_>, new: &ClientSession, absolute_for: Duration) -> Done<()> {
    let refresh = new.refresh.as_ref();
    let absolute_until = tx.now + absolute_for;
    let idle_until = refresh.map(|r| tx.now + Duration::from_secs(r.idle_for.into()));
    let epoch: u32 = tx.value("SELECT epoch FROM store_state", [])?;
    tx.one(
        "INSERT INTO client_session (id, user_id, client_id, browser_id, origin, scopes, resources,
             auth_time, acr, amr, created_at, device, n, rotated_at, replays, key_version, rotate, epoch,
             idle_until, idle_for, absolute_until, sweep_at, proven)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21, ?22, ?23)",
        params![
            new.id.0,
            new.user.as_str(),
            new.client.as_str(),
            new.browser.as_ref().map(|b| b.as_str()),
            origin_name(new.origin),
            new.scopes.to_string(),
            serde_json::to_string(&new.resources)?,
            new.authentication.auth_time.millis(),
            new.authentication.acr,
            serde_json::to_string(&new.authentication.amr)?,
            tx.now.millis(),
            new.device,
            refresh.map(|r| r.n),
            refresh.map(|_| tx.now.millis()),
            refresh.map(|_| 0),
            refresh.map(|r| r.key_version),
            refresh.map(|r| r.rotate),
            refresh.map(|r| r.epoch.max(epoch)),
            idle_until.map(|t| t.millis()),
            refresh.map(|r| r.idle_for),
            absolute_until.millis(),
            refresh::sweep_at(idle_until.unwrap_or(absolute_until)).millis(),
            serde_json::to_string(&new.authentication.proven)?,
        ],
    )
}

/// Ends this one if it is not ended yet. The caller writes the rule.
pub(crate) fn end(tx: &Tx<'_>, id: ClientSessionId) -> Done<bool> {
    tx.guarded(
        "UPDATE client_session SET revoked_at = ?2, sweep_at = ?3 WHERE id = ?1 AND revoked_at IS NULL",
        params![id.0, tx.now.millis(), (tx.now + KEPT).millis()],
    )
}

/// Ends all of this user's but those under `keep`, and what was to become one without a browser; which.
pub(crate) fn end_all(
    tx: &Tx<'_>,
    user: &UserId,
    keep: Option<&BrowserSessionId>,
) -> Done<Vec<ClientSessionId>> {
    code::void_of_proofs(tx, user)?;
    tx.rows(
        "UPDATE client_session SET revoked_at = ?3, sweep_at = ?4
         WHERE user_id = ?1 AND revoked_at IS NULL AND (?2 IS NULL OR browser_id IS NOT ?2) RETURNING id",
        params![user.as_str(), keep.map(|k| k.as_str()), tx.now.millis(), (tx.now + KEPT).millis()],
        |r| session_id(r, 0),
    )
}

/// Ends all under this browser session; which.
pub(crate) fn end_under(tx: &Tx<'_>, browser: &BrowserSessionId) -> Done<Vec<ClientSessionId>> {
    tx.rows(
        "UPDATE client_session SET revoked_at = ?2, sweep_at = ?3
         WHERE browser_id = ?1 AND revoked_at IS NULL RETURNING id",
        params![browser.as_str(), tx.now.millis(), (tx.now + KEPT).millis()],
        |r| session_id(r, 0),
    )
}

/// Ends all of this person's at this client; which.
pub(crate) fn end_at(tx: &Tx<'_>, user: &UserId, client: &ClientId) -> Done<Vec<ClientSessionId>> {
    tx.rows(
        "UPDATE client_session SET revoked_at = ?3, sweep_at = ?4
         WHERE user_id = ?1 AND client_id = ?2 AND revoked_at IS NULL RETURNING id",
        params![user.as_str(), client.as_str(), tx.now.millis(), (tx.now + KEPT).millis()],
        |r| session_id(r, 0),
    )
}

/// The event, about this session.
pub(crate) fn about(event: EventDraft, session: &ClientSession) -> EventDraft {
    event.user(&session.user).client(&session.client).session(session.id)
}

fn start(
    tx: &Tx<'_>,
    new: &ClientSession,
    credential_version: u32,
    absolute_for: Duration,
    event: EventDraft,
) -> Done<Option<At<Subject>>> {
    let may = tx.row(
        "SELECT 1 FROM user u, client c
         WHERE u.id = ?1 AND u.disabled_at IS NULL AND u.credential_version = ?2 AND c.id = ?3
           AND (?4 IS NULL OR EXISTS (SELECT 1 FROM browser_session b WHERE b.id = ?4
                AND b.user_id = ?1 AND b.ended_at IS NULL AND b.expires_at > ?5))
           AND NOT EXISTS (SELECT 1 FROM client_session s WHERE s.id = ?6)",
        params![
            new.user.as_str(),
            credential_version,
            new.client.as_str(),
            new.browser.as_ref().map(|b| b.as_str()),
            tx.now.millis(),
            new.id.0,
        ],
        |_| Ok(()),
    )?;
    let (Some(()), Some(it)) = (may, user::load(tx, &new.user)?) else { return Ok(None) };
    insert(tx, new, absolute_for)?;
    event::write(tx, &about(event, new))?;
    Ok(Some(At { now: tx.now, it }))
}

#[async_trait]
impl ClientSessions for SqliteStore {
    async fn start_session(
        &self,
        new: ClientSession,
        credential_version: u32,
        absolute_for: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<At<Subject>>> {
        self.write(move |tx| start(tx, &new, credential_version, absolute_for, event)).await
    }

    async fn rotate_refresh(&self, rotation: Rotation, theft: EventDraft) -> StoreResult<RotateOutcome> {
        self.write(move |tx| refresh::rotate(tx, &rotation, theft)).await
    }

    async fn client_session(&self, id: ClientSessionId) -> StoreResult<At<Option<(ClientSession, Subject)>>> {
        // One statement, so that session and person are of one moment.
        let sql = concat!(
            "SELECT s.*, ",
            subject_columns!(),
            " FROM (SELECT ",
            session_columns!(),
            " FROM client_session WHERE id = ?1) s JOIN user u ON u.id = s.user_id"
        );
        self.read(|tx| {
            let it = tx.row(sql, [id.0], |r| Ok((session(r)?, user::subject(r, COLUMNS)?)))?;
            Ok(At { now: tx.now, it })
        })
    }

    async fn list_client_sessions(&self, user: &UserId) -> StoreResult<Vec<ClientSession>> {
        let sql = concat!(
            "SELECT ",
            session_columns!(),
            " FROM client_session WHERE user_id = ?1 AND revoked_at IS NULL AND absolute_until > ?2
               AND (idle_until IS NULL OR idle_until > ?2) ORDER BY created_at DESC, k DESC"
        );
        self.read(|tx| tx.rows(sql, params![user.as_str(), tx.now.millis()], session))
    }

    async fn sessions_under(&self, browser: &BrowserSessionId) -> StoreResult<Vec<ClientSession>> {
        let sql = concat!(
            "SELECT ",
            session_columns!(),
            " FROM client_session WHERE browser_id = ?1 AND revoked_at IS NULL AND absolute_until > ?2
               AND (idle_until IS NULL OR idle_until > ?2) ORDER BY created_at DESC, k DESC"
        );
        self.read(|tx| tx.rows(sql, params![browser.as_str(), tx.now.millis()], session))
    }

    async fn end_session(
        &self,
        id: ClientSessionId,
        client: Option<&ClientId>,
        user: Option<&UserId>,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let (client, user) = (client.cloned(), user.cloned());
        self.write(move |tx| {
            let found = load(tx, id)?.filter(|s| {
                client.is_none_or(|client| client == s.client) && user.is_none_or(|user| user == s.user)
            });
            let Some(found) = found else { return Ok(None) };
            if !end(tx, id)? {
                return Ok(None);
            }
            event::write(tx, &about(event, &found))?;
            revocation::sessions(tx, &found.user, vec![id], until).map(Some)
        })
        .await
    }
}
