//! Browser sessions.

use crate::column::{Read, authentication, browser_id, digest, json, maybe_time, time, user_id};
use crate::fault::{Done, Fault};
use crate::tx::Tx;
use crate::user::{self, SUBJECT, subject_columns};
use crate::{SqliteStore, account, client_session, event, revocation};
use async_trait::async_trait;
use countersign_issuer::model::session::Authentication;
use countersign_issuer::model::{
    BrowserSession, BrowserSessionId, Digest, EventDraft, EventKind, Rule, UserId,
};
use countersign_issuer::port::browser_session::{LiveBrowser, SignIn, SignedIn};
use countersign_issuer::port::{At, BrowserSessions, StoreResult};
use countersign_token::Timestamp;
use rusqlite::{Row, params};
use std::time::Duration;

/// How long the cookie's value before a step-up stays good: requests on their way carry it.
const PREVIOUS_COOKIE: Duration = Duration::from_secs(30);
/// How often a use is written.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Columns of a table named `b`.
macro_rules! columns {
    () => {
        "b.id, b.user_id, b.cookie, b.previous, b.previous_until, b.auth_time, b.acr, b.amr, \
         b.created_at, b.seen_at, b.expires_at, b.device, b.proven"
    };
}
const COLUMNS: usize = 13;

fn browser(row: &Row<'_>) -> Read<BrowserSession> {
    let previous = match (row.get::<_, Option<[u8; 32]>>(3)?, maybe_time(row, 4)?) {
        (Some(value), Some(until)) => Some((Digest(value), until)),
        _ => None,
    };
    Ok(BrowserSession {
        id: browser_id(row, 0)?,
        user: user_id(row, 1)?,
        cookie: digest(row, 2)?,
        previous,
        authentication: authentication(row, 5, 12)?,
        created_at: time(row, 8)?,
        seen_at: time(row, 9)?,
        expires_at: time(row, 10)?,
        device: row.get(11)?,
    })
}

fn load(tx: &Tx<'_>, id: &BrowserSessionId) -> Done<Option<BrowserSession>> {
    tx.row(concat!("SELECT ", columns!(), " FROM browser_session b WHERE b.id = ?1"), [id.as_str()], browser)
}

/// Ends all of this user's but `keep`; answers how many.
pub(crate) fn end_all(tx: &Tx<'_>, user: &UserId, keep: Option<&BrowserSessionId>) -> Done<usize> {
    tx.count(
        "UPDATE browser_session SET ended_at = ?3, expires_at = min(expires_at, ?3)
         WHERE user_id = ?1 AND id IS NOT ?2 AND ended_at IS NULL AND expires_at > ?3",
        params![user.as_str(), keep.map(|k| k.as_str()), tx.now.millis()],
    )
}

/// Ends this one if it is live and `whose` says so of its user, and the client sessions under it.
fn end_one(
    tx: &Tx<'_>,
    id: &BrowserSessionId,
    whose: impl FnOnce(&UserId) -> bool,
    until: Duration,
) -> Done<Option<(UserId, Vec<Rule>)>> {
    let owner = tx.row(
        "SELECT user_id FROM browser_session WHERE id = ?1 AND ended_at IS NULL AND expires_at > ?2",
        params![id.as_str(), tx.now.millis()],
        |r| user_id(r, 0),
    )?;
    let Some(owner) = owner.filter(|owner| whose(owner)) else { return Ok(None) };
    tx.one(
        "UPDATE browser_session SET ended_at = ?2, expires_at = ?2 WHERE id = ?1",
        params![id.as_str(), tx.now.millis()],
    )?;
    let ended = client_session::end_under(tx, id)?;
    let rules = revocation::sessions(tx, &owner, ended, until)?;
    Ok(Some((owner, rules)))
}

fn continues(tx: &Tx<'_>, id: &BrowserSessionId, with: &SignIn) -> Done<bool> {
    let Some(before) = load(tx, id)? else { return Ok(false) };
    tx.guarded(
        "UPDATE browser_session SET previous = cookie, previous_until = ?3, cookie = ?4, auth_time = ?10,
             acr = ?6, amr = ?7, seen_at = ?5, expires_at = ?8, device = ?9, proven = ?11, previous_as = ?12
         WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL AND expires_at > ?5",
        params![
            id.as_str(),
            with.user.as_str(),
            (tx.now + PREVIOUS_COOKIE).millis(),
            with.cookie.0,
            tx.now.millis(),
            with.authentication.acr,
            serde_json::to_string(&with.authentication.amr)?,
            (tx.now + with.life).millis(),
            with.device,
            with.authentication.auth_time.millis(),
            serde_json::to_string(&with.authentication.proven)?,
            serde_json::to_string(&before.authentication)?,
        ],
    )
}

fn begins(tx: &Tx<'_>, with: &SignIn) -> Done<()> {
    tx.one(
        "INSERT INTO browser_session (id, user_id, cookie, auth_time, acr, amr, created_at, seen_at,
                                      expires_at, device, proven)
         VALUES (?1, ?2, ?3, ?9, ?5, ?6, ?4, ?4, ?7, ?8, ?10)",
        params![
            with.id.as_str(),
            with.user.as_str(),
            with.cookie.0,
            tx.now.millis(),
            with.authentication.acr,
            serde_json::to_string(&with.authentication.amr)?,
            (tx.now + with.life).millis(),
            with.device,
            with.authentication.auth_time.millis(),
            serde_json::to_string(&with.authentication.proven)?,
        ],
    )
}

fn sign_in(
    tx: &Tx<'_>,
    with: &SignIn,
    ends: Option<&BrowserSessionId>,
    until: Duration,
    event: EventDraft,
) -> Done<SignedIn> {
    let person = user::load(tx, &with.user)?.map(|s| s.user);
    if !person.is_some_and(|u| u.is_active() && u.credential_version == with.credential_version) {
        return Ok(SignedIn::Refused);
    }
    let continued = match &with.continues {
        Some(id) if continues(tx, id, with)? => Some(id),
        _ => None,
    };
    // A session is made of an id once: what led to one that ended leads to no other.
    if continued.is_none() && load(tx, &with.id)?.is_some() {
        return Ok(SignedIn::Refused);
    }
    let mut rules = Vec::new();
    if let Some(other) = ends
        && let Some((owner, ended)) = end_one(tx, other, |owner| *owner != with.user, until)?
    {
        let gone = EventDraft { kind: EventKind::BrowserSessionEnded, messages: Vec::new(), ..event.clone() };
        event::write(tx, &gone.user(&owner).browser(other))?;
        rules = ended;
    }
    // Before the session begins, which would count as one elsewhere.
    let new_device = match &with.seen {
        Some(seen) => account::note_device(tx, with, seen)?,
        None => false,
    };
    let id = match continued {
        Some(id) => id,
        None => {
            begins(tx, with)?;
            &with.id
        }
    };
    event::write(tx, &event.user(&with.user).browser(id))?;
    if let Some(news) = with.seen.as_ref().and_then(|seen| seen.news.as_ref())
        && new_device
        && continued.is_none()
    {
        event::write(tx, news)?;
    }
    let row = load(tx, id)?.ok_or_else(|| Fault::Broken("a sign-in just made is not there".to_owned()))?;
    Ok(SignedIn::Done(Box::new(row), rules))
}

#[async_trait]
impl BrowserSessions for SqliteStore {
    async fn sign_in(
        &self,
        with: SignIn,
        ends: Option<BrowserSessionId>,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<SignedIn> {
        self.write(move |tx| sign_in(tx, &with, ends.as_ref(), until, event)).await
    }

    async fn live_browser(&self, cookie: &Digest) -> StoreResult<At<Option<LiveBrowser>>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            ", ",
            subject_columns!(),
            ", b.previous_as FROM browser_session b JOIN user u ON u.id = b.user_id
             WHERE (b.cookie = ?1
                    OR (b.previous = ?1 AND b.previous_until > ?2 AND b.previous_as IS NOT NULL))
               AND b.ended_at IS NULL AND b.expires_at > ?2 AND u.disabled_at IS NULL"
        );
        const { assert!(SUBJECT == 11 && COLUMNS == 13, "columns and their readers go together") };
        self.read(|tx| {
            let it = tx.row(sql, params![cookie.0, tx.now.millis()], |r| {
                let mut session = browser(r)?;
                if session.cookie != *cookie {
                    // Whoever has the value of before a step-up has not what was proven since.
                    session.authentication = json(r, COLUMNS + SUBJECT)?;
                }
                Ok(LiveBrowser { session, subject: user::subject(r, COLUMNS)? })
            })?;
            Ok(At { now: tx.now, it })
        })
    }

    async fn touch_browser(&self, id: &BrowserSessionId, seen_at: Timestamp) -> StoreResult<()> {
        const DUE: &str =
            "SELECT 1 FROM browser_session WHERE id = ?1 AND ended_at IS NULL AND seen_at <= ?2";
        let (before, key) = ((seen_at - SEEN_EVERY).millis(), id.clone());
        if self.read(|tx| tx.row(DUE, params![id.as_str(), before], |_| Ok(())))?.is_none() {
            return Ok(());
        }
        self.write(move |tx| {
            // Another request of the same minute may have been first.
            tx.guarded(
                "UPDATE browser_session SET seen_at = ?3 WHERE id = ?1 AND ended_at IS NULL AND seen_at <= ?2",
                params![key.as_str(), before, seen_at.millis()],
            )
        })
        .await
        .map(drop)
    }

    async fn list_browsers(&self, user: &UserId) -> StoreResult<Vec<BrowserSession>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM browser_session b WHERE b.user_id = ?1 AND b.ended_at IS NULL AND b.expires_at > ?2
             ORDER BY b.created_at DESC, b.id"
        );
        self.read(|tx| tx.rows(sql, params![user.as_str(), tx.now.millis()], browser))
    }

    async fn end_browser(
        &self,
        user: &UserId,
        id: &BrowserSessionId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let (user, id) = (user.clone(), id.clone());
        self.write(move |tx| {
            let Some((_, rules)) = end_one(tx, &id, |owner| *owner == user, until)? else { return Ok(None) };
            event::write(tx, &event.user(&user).browser(&id))?;
            Ok(Some(rules))
        })
        .await
    }

    async fn end_other_browsers(
        &self,
        user: &UserId,
        keep: &BrowserSessionId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Vec<Rule>> {
        let (user, keep) = (user.clone(), keep.clone());
        self.write(move |tx| {
            let browsers = end_all(tx, &user, Some(&keep))?;
            let ended = client_session::end_all(tx, &user, Some(&keep))?;
            if browsers > 0 || !ended.is_empty() {
                event::write(tx, &event.user(&user))?;
            }
            revocation::sessions(tx, &user, ended, until)
        })
        .await
    }

    async fn browser_authentication(&self, id: &BrowserSessionId) -> StoreResult<Option<Authentication>> {
        self.read(|tx| {
            tx.row(
                "SELECT auth_time, acr, amr, proven FROM browser_session
                 WHERE id = ?1 AND ended_at IS NULL AND expires_at > ?2",
                params![id.as_str(), tx.now.millis()],
                |r| authentication(r, 0, 3),
            )
        })
    }
}
