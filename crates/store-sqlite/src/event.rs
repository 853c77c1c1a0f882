//! The event log. Rows are written by the operations they tell of, in their transaction.

use crate::column::{Read, browser_id, client_id, json, session_id, time, user_id};
use crate::fault::Done;
use crate::tx::Tx;
use crate::{SqliteStore, outbox};
use async_trait::async_trait;
use countersign_issuer::model::{Event, EventDraft, EventKind, UserId};
use countersign_issuer::port::{At, Events, StoreResult};
use rusqlite::{Row, params};

/// Numbers, dates and writes it, and queues the messages that go with it.
pub(crate) fn write(tx: &Tx<'_>, draft: &EventDraft) -> Done<()> {
    let data = (!draft.data.is_empty()).then(|| serde_json::to_string(&draft.data)).transpose()?;
    tx.one(
        "INSERT INTO event (at, kind, actor, user_id, client_id, session_id, browser_id, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            tx.now.millis(),
            draft.kind.name(),
            serde_json::to_string(&draft.actor)?,
            draft.user.as_ref().map(|id| id.as_str()),
            draft.client.as_ref().map(|id| id.as_str()),
            draft.session.map(|id| id.0),
            draft.browser.as_ref().map(|id| id.as_str()),
            data,
        ],
    )?;
    draft.messages.iter().try_for_each(|job| outbox::put(tx, job))
}

/// `None`: of a kind that a newer version writes.
fn event(row: &Row<'_>) -> Read<Option<Event>> {
    let Some(kind) = EventKind::parse(row.get_ref(2)?.as_str()?) else { return Ok(None) };
    let maybe = |at: usize| Ok::<_, rusqlite::Error>(row.get_ref(at)? != rusqlite::types::ValueRef::Null);
    let what = EventDraft {
        kind,
        actor: json(row, 3)?,
        user: if maybe(4)? { Some(user_id(row, 4)?) } else { None },
        client: if maybe(5)? { Some(client_id(row, 5)?) } else { None },
        session: if maybe(6)? { Some(session_id(row, 6)?) } else { None },
        browser: if maybe(7)? { Some(browser_id(row, 7)?) } else { None },
        data: if maybe(8)? { json(row, 8)? } else { serde_json::Map::new() },
        messages: Vec::new(),
    };
    Ok(Some(Event { seq: row.get(0)?, at: time(row, 1)?, what }))
}

#[async_trait]
impl Events for SqliteStore {
    async fn events_after(&self, seq: i64, limit: u32) -> StoreResult<At<Vec<Event>>> {
        self.read(|tx| {
            let mut it = Vec::new();
            let mut after = seq;
            // A page may hold kinds that only a newer version knows: those are left out and the next page
            // is read, since an empty answer means the end of the log.
            while it.is_empty() {
                let page = tx.rows(
                    "SELECT seq, at, kind, actor, user_id, client_id, session_id, browser_id, data
                     FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                    params![after, limit],
                    |row| Ok((row.get(0)?, event(row)?)),
                )?;
                let Some((last, _)) = page.last() else { break };
                after = *last;
                it.extend(page.into_iter().filter_map(|(_, event)| event));
            }
            Ok(At { now: tx.now, it })
        })
    }

    async fn last_event(&self) -> StoreResult<i64> {
        self.read(|tx| tx.value("SELECT coalesce(max(seq), 0) FROM event", []))
    }

    async fn events_of(&self, user: &UserId, limit: u32) -> StoreResult<Vec<Event>> {
        let sql = "SELECT seq, at, kind, actor, user_id, client_id, session_id, browser_id, data
                   FROM event WHERE user_id = ?1 ORDER BY seq DESC LIMIT ?2";
        let found = self.read(|tx| tx.rows(sql, params![user.as_str(), limit], event))?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn note(&self, event: EventDraft) -> StoreResult<()> {
        self.write(move |tx| write(tx, &event)).await
    }
}
