//! The event log. Rows are written by the operations they tell of, in their transaction, each linked to the one
//! before it.

use crate::column::{Read, browser_id, client_id, json, session_id, time, unreadable, user_id};
use crate::fault::Done;
use crate::tx::Tx;
use crate::{SqliteStore, outbox};
use async_trait::async_trait;
use countersign_issuer::model::{Event, EventDraft, EventKind, EventLink, KeptEvent, UserId};
use countersign_issuer::port::{At, EventFilter, Events, Going, StoreResult};
use countersign_issuer::seal::LogKey;
use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Row, params, params_from_iter};

/// Numbers, dates, links and writes it, and queues the messages that go with it.
pub(crate) fn write(tx: &Tx<'_>, draft: &EventDraft) -> Done<()> {
    let data = (!draft.data.is_empty()).then(|| serde_json::to_string(&draft.data)).transpose()?;
    let actor = serde_json::to_string(&draft.actor)?;
    let (user, client) = (draft.user.as_ref().map(|u| u.as_str()), draft.client.as_ref().map(|c| c.as_str()));
    let (session, browser) = (draft.session.map(|s| s.0), draft.browser.as_ref().map(|b| b.as_str()));
    let (seq, before) = place(tx)?;
    let link = tx.log_key.map(|key| {
        let fields = [
            Some(draft.kind.name().as_bytes()),
            Some(actor.as_bytes()),
            user.map(str::as_bytes),
            client.map(str::as_bytes),
            session.as_ref().map(<[u8; 16]>::as_slice),
            browser.map(str::as_bytes),
            data.as_deref().map(str::as_bytes),
        ];
        key.link(before.as_ref(), seq, tx.now, fields).0
    });
    tx.one(
        "INSERT INTO event (seq, at, kind, actor, user_id, client_id, session_id, browser_id, data, link)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![seq, tx.now.millis(), draft.kind.name(), actor, user, client, session, browser, data, link,],
    )?;
    draft.messages.iter().try_for_each(|job| outbox::put(tx, job))
}

/// The position of the next one, as `AUTOINCREMENT` would give it, and the link it follows.
fn place(tx: &Tx<'_>) -> Done<(i64, Option<EventLink>)> {
    let sql = "SELECT 1 + max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0),
                              coalesce((SELECT max(seq) FROM event), 0)),
                      (SELECT link FROM event ORDER BY seq DESC LIMIT 1)";
    let found = tx.row(sql, [], |row| Ok((row.get(0)?, row.get::<_, Option<_>>(1)?.map(EventLink))))?;
    Ok(found.unwrap_or((1, None)))
}

/// `None`: of a kind that a newer version writes.
fn event(row: &Row<'_>) -> Read<Option<Event>> {
    let Some(kind) = EventKind::parse(row.get_ref(2)?.as_str()?) else { return Ok(None) };
    let maybe = |at: usize| Ok::<_, rusqlite::Error>(row.get_ref(at)? != ValueRef::Null);
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

/// With its position, which a kind that is not known has too.
fn placed(row: &Row<'_>) -> Read<(i64, Option<Event>)> {
    Ok((row.get(0)?, event(row)?))
}

/// Nothing is judged: what somebody wrote over is to be found, not to be an error.
fn kept(row: &Row<'_>) -> Read<KeptEvent> {
    let mut fields: [Option<Vec<u8>>; 7] = Default::default();
    for (at, field) in (2..).zip(&mut fields) {
        *field =
            row.get_ref(at)?.as_bytes_or_null().map_err(|e| unreadable(at, Type::Text, e))?.map(Vec::from);
    }
    let link = row.get::<_, Option<_>>(9)?.map(EventLink);
    Ok(KeptEvent { seq: row.get(0)?, at: time(row, 1)?, fields, link })
}

/// The statement of a search, with its parameters.
fn search(filter: &EventFilter, limit: u32) -> Done<(String, Vec<Value>)> {
    let mut terms: Vec<&str> = Vec::new();
    let mut with: Vec<Value> = Vec::new();
    let mut term = |sql, value: Option<Value>| {
        if let Some(value) = value {
            terms.push(sql);
            with.push(value);
        }
    };
    let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.name()).collect();
    let kinds = (!kinds.is_empty()).then(|| serde_json::to_string(&kinds)).transpose()?;
    let text = |text: &str| Value::Text(text.to_owned());
    term("kind IN (SELECT value FROM json_each(?))", kinds.map(Value::Text));
    term("user_id = ?", filter.user.as_ref().map(|id| text(id.as_str())));
    term("client_id = ?", filter.client.as_ref().map(|id| text(id.as_str())));
    term("session_id = ?", filter.session.map(|id| Value::Blob(id.0.to_vec())));
    term("browser_id = ?", filter.browser.as_ref().map(|id| text(id.as_str())));
    term("at >= ?", filter.since.map(|at| Value::Integer(at.millis())));
    term("at < ?", filter.until.map(|at| Value::Integer(at.millis())));
    let order = match filter.going {
        Going::On(after) => {
            term("seq > ?", Some(Value::Integer(after)));
            "seq"
        }
        Going::Back(before) => {
            term("seq < ?", Some(Value::Integer(before.unwrap_or(i64::MAX))));
            "seq DESC"
        }
    };
    with.push(Value::Integer(limit.into()));
    let terms = terms.join(" AND ");
    let sql = format!(
        "SELECT seq, at, kind, actor, user_id, client_id, session_id, browser_id, data
         FROM event WHERE {terms} ORDER BY {order} LIMIT ?"
    );
    Ok((sql, with))
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
                    placed,
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

    async fn find_events(&self, filter: &EventFilter, limit: u32) -> StoreResult<Vec<Event>> {
        let mut filter = filter.clone();
        let mut found = Vec::new();
        loop {
            let due = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            if due == 0 {
                return Ok(found);
            }
            let page = self.read(|tx| {
                let (sql, with) = search(&filter, due)?;
                tx.rows(&sql, params_from_iter(with), placed)
            })?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            filter.going = match filter.going {
                Going::On(_) => Going::On(*last),
                Going::Back(_) => Going::Back(Some(*last)),
            };
            let short = page.len() < usize::try_from(due).unwrap_or(usize::MAX);
            found.extend(page.into_iter().filter_map(|(_, event)| event));
            if short {
                return Ok(found);
            }
        }
    }

    async fn note(&self, event: EventDraft) -> StoreResult<()> {
        self.write(move |tx| write(tx, &event)).await
    }

    async fn link_with(&self, key: LogKey) -> StoreResult<()> {
        self.log_key.get_or_init(|| key);
        Ok(())
    }

    async fn kept_events(&self, after: i64, limit: u32) -> StoreResult<Vec<KeptEvent>> {
        let sql = "SELECT seq, at, kind, actor, user_id, client_id, session_id, browser_id, data, link
                   FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.read(|tx| tx.rows(sql, params![after, limit], kept))
    }
}
