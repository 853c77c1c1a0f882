//! Status lists: entries given away, and which of them rules cover.

use crate::column::time;
use crate::fault::{Done, Fault};
use crate::tx::Tx;
use crate::{SqliteStore, revocation};
use async_trait::async_trait;
use countersign_issuer::model::status::{BLOCKS, LEASED, StatusEntry};
use countersign_issuer::model::{ClientId, ClientSessionId, RuleKind};
use countersign_issuer::port::status_list::{StatusHit, StatusMember, StatusPage, StatusScan};
use countersign_issuer::port::{At, StatusLists, StoreResult};
use countersign_token::Timestamp;
use rusqlite::{Row, params};

/// Rules looked at in one page.
const RULES: usize = 500;

fn entry(row: &Row<'_>, at: usize) -> rusqlite::Result<StatusEntry> {
    let number = row.get(at)?;
    StatusEntry::from_number(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(at, number))
}

fn block(row: &Row<'_>) -> rusqlite::Result<StatusEntry> {
    Ok(StatusEntry::of_block(row.get(0)?, row.get(1)?))
}

/// The oldest list with room, or a new one.
fn roomy(tx: &Tx<'_>) -> Done<u32> {
    let there =
        tx.row("SELECT list FROM status_list WHERE taken < ?1 ORDER BY list LIMIT 1", [BLOCKS], |r| {
            r.get(0)
        })?;
    match there {
        Some(list) => Ok(list),
        None => tx.value("INSERT INTO status_list (taken, until) VALUES (0, 0) RETURNING list", []),
    }
}

/// The free block that `pick` means.
fn free(tx: &Tx<'_>, list: u32, pick: u32) -> Done<u32> {
    let taken: Vec<u32> =
        tx.rows("SELECT block FROM status_block WHERE list = ?1 ORDER BY block", [list], |r| r.get(0))?;
    let free: Vec<u32> = (0..BLOCKS).filter(|block| taken.binary_search(block).is_err()).collect();
    let nth = usize::try_from(pick).ok().and_then(|pick| pick.checked_rem(free.len()));
    let found = nth.and_then(|nth| free.get(nth)).copied();
    found.ok_or_else(|| Fault::Broken(format!("status list {list} counts too few blocks")))
}

fn lease(tx: &Tx<'_>, client: Option<&str>, since: i64, until: Timestamp, pick: u32) -> Done<StatusEntry> {
    let list = roomy(tx)?;
    let block = free(tx, list, pick)?;
    tx.one(
        "INSERT INTO status_block (list, block, client_id, since) VALUES (?1, ?2, ?3, ?4)",
        params![list, block, client, since],
    )?;
    tx.one(
        "UPDATE status_list SET taken = taken + 1, until = max(until, ?2) WHERE list = ?1",
        params![list, until.millis()],
    )?;
    let first = StatusEntry::of_block(list, block);
    if let Some(client) = client {
        // A machine is its own subject.
        late(tx, first, LEASED, since, None, client, client)?;
    }
    Ok(first)
}

/// Tells followers of entries whose rules are written already.
fn late(
    tx: &Tx<'_>,
    first: StatusEntry,
    count: u32,
    since: i64,
    sid: Option<&str>,
    sub: &str,
    client: &str,
) -> Done<()> {
    let until: Option<i64> = tx.value(
        "SELECT max(until) FROM (
             SELECT until FROM rule WHERE kind = 'sid' AND id = ?1
             UNION ALL SELECT until FROM rule WHERE kind = 'sub' AND id = ?2 AND cutoff >= ?4
             UNION ALL SELECT until FROM rule WHERE kind = 'cid' AND id = ?3 AND cutoff >= ?4
             UNION ALL SELECT until FROM rule WHERE kind = 'iss' AND cutoff >= ?4)
         WHERE until > ?5",
        params![sid, sub, client, since, tx.now.millis()],
    )?;
    let Some(until) = until else { return Ok(()) };
    tx.one(
        "INSERT INTO status_late (first, count, until) VALUES (?1, ?2, ?3)",
        params![first.number(), count, until],
    )
}

fn held(tx: &Tx<'_>, sid: &str) -> Done<Option<(StatusEntry, i64)>> {
    let sql = "SELECT entry, since FROM status_entry WHERE sid = ?1 ORDER BY since DESC LIMIT 1";
    tx.row(sql, [sid], |r| Ok((entry(r, 0)?, r.get(1)?)))
}

fn assign(
    tx: &Tx<'_>,
    member: &StatusMember,
    new: StatusEntry,
    before: Option<StatusEntry>,
) -> Done<StatusEntry> {
    let sid = member.sid.to_string();
    let there = held(tx, &sid)?.map(|(entry, _)| entry);
    if let Some(there) = there.filter(|_| there != before) {
        return Ok(there);
    }
    tx.one(
        "INSERT INTO status_entry (entry, sid, user_id, client_id, since, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            new.number(),
            sid,
            member.user.as_str(),
            member.client.as_str(),
            member.since,
            member.until.millis(),
        ],
    )?;
    // One row: the list is still there, and now stays as long as this member.
    tx.one(
        "UPDATE status_list SET until = max(until, ?2) WHERE list = ?1",
        params![new.list, member.until.millis()],
    )?;
    late(tx, new, 1, member.since, Some(&sid), member.user.as_str(), member.client.as_str())?;
    Ok(new)
}

/// A rule as far as entries go.
struct Covering {
    row: i64,
    kind: RuleKind,
    id: String,
    cutoff: i64,
    until: Timestamp,
}

/// Sessions' entries that it covers, after an entry, at most so many.
fn members(tx: &Tx<'_>, rule: &Covering, after: i64, limit: u32) -> Done<Vec<StatusEntry>> {
    let sql = match rule.kind {
        RuleKind::Sid => {
            "SELECT entry FROM status_entry WHERE sid = ?1 AND since <= ?2 AND entry > ?3 ORDER BY entry LIMIT ?4"
        }
        RuleKind::Sub => {
            "SELECT entry FROM status_entry WHERE user_id = ?1 AND since <= ?2 AND entry > ?3 ORDER BY entry LIMIT ?4"
        }
        RuleKind::Cid => {
            "SELECT entry FROM status_entry WHERE client_id = ?1 AND since <= ?2 AND entry > ?3 ORDER BY entry LIMIT ?4"
        }
        RuleKind::Iss => {
            "SELECT entry FROM status_entry WHERE ?1 <> '' AND since <= ?2 AND entry > ?3 ORDER BY entry LIMIT ?4"
        }
        _ => return Ok(Vec::new()),
    };
    tx.rows(sql, params![rule.id, rule.cutoff, after, limit], |r| entry(r, 0))
}

/// Machines' entries that it covers, in stretches.
fn machines(tx: &Tx<'_>, rule: &Covering) -> Done<Vec<(StatusEntry, u32)>> {
    let stretches = match rule.kind {
        RuleKind::Sub | RuleKind::Cid => tx.rows(
            "SELECT list, block FROM status_block WHERE client_id = ?1 AND since <= ?2",
            params![rule.id, rule.cutoff],
            block,
        )?,
        RuleKind::Iss => tx.rows(
            "SELECT list, block FROM status_block WHERE client_id IS NOT NULL AND since <= ?1",
            [rule.cutoff],
            block,
        )?,
        RuleKind::Jti => {
            return Ok(StatusEntry::of_jti(&rule.id).map(|entry| (entry, 1)).into_iter().collect());
        }
        _ => return Ok(Vec::new()),
    };
    Ok(stretches.into_iter().map(|first| (first, LEASED)).collect())
}

fn scan(tx: &Tx<'_>, from: StatusScan, limit: u32) -> Done<StatusPage> {
    // First: what is settled later than this is read again, which is harmless.
    let unsettled =
        tx.value("SELECT min(seq) FROM rule WHERE feed_seq IS NULL AND numbered_at IS NULL", [])?;
    let mut page = StatusPage { next: from, unsettled, ..StatusPage::default() };
    let room =
        |page: &StatusPage| limit.saturating_sub(u32::try_from(page.hits.len()).unwrap_or(u32::MAX)).max(1);
    let rules = tx.rows(
        "SELECT seq, kind, id, cutoff, until FROM rule WHERE seq >= ?1 AND until > ?2 ORDER BY seq LIMIT ?3",
        params![from.rule, tx.now.millis(), RULES],
        |r| {
            Ok(Covering {
                row: r.get(0)?,
                kind: crate::column::parsed(r, 1, revocation::kind)?,
                id: r.get(2)?,
                cutoff: r.get(3)?,
                until: time(r, 4)?,
            })
        },
    )?;
    let hit = |first, count, until| StatusHit { first, count, until };
    for rule in &rules {
        let after = if rule.row == page.next.rule { page.next.entry } else { 0 };
        if after == 0 {
            page.hits
                .extend(machines(tx, rule)?.into_iter().map(|(first, count)| hit(first, count, rule.until)));
        }
        let room = room(&page);
        let found = members(tx, rule, after, room)?;
        page.hits.extend(found.iter().map(|first| hit(*first, 1, rule.until)));
        page.next = match found.last() {
            Some(last) if found.len() >= room as usize => {
                StatusScan { rule: rule.row, entry: last.number(), ..page.next }
            }
            _ => StatusScan { rule: rule.row + 1, entry: 0, ..page.next },
        };
        if page.hits.len() >= limit as usize {
            return Ok(page);
        }
    }
    let lates = tx.rows(
        "SELECT seq, first, count, until FROM status_late WHERE seq > ?1 AND until > ?2 ORDER BY seq LIMIT ?3",
        params![from.late, tx.now.millis(), room(&page)],
        |r| Ok((r.get(0)?, hit(entry(r, 1)?, r.get(2)?, time(r, 3)?))),
    )?;
    page.end = rules.len() < RULES && lates.len() < room(&page) as usize;
    page.next.late = lates.last().map_or(from.late, |(seq, _)| *seq);
    page.hits.extend(lates.into_iter().map(|(_, hit)| hit));
    Ok(page)
}

fn sweep(tx: &Tx<'_>, limit: u32) -> Done<usize> {
    let over = params![tx.now.millis(), limit];
    let mut swept = tx.count(
        "DELETE FROM status_entry WHERE entry IN
             (SELECT entry FROM status_entry WHERE until <= ?1 ORDER BY until LIMIT ?2)",
        over,
    )?;
    swept += tx.count(
        "DELETE FROM status_late WHERE seq IN
             (SELECT seq FROM status_late WHERE until <= ?1 ORDER BY until LIMIT ?2)",
        over,
    )?;
    let dead: Vec<u32> = tx.rows(
        "SELECT list FROM status_list l WHERE until <= ?1
           AND NOT EXISTS (SELECT 1 FROM status_entry
                           WHERE entry >= l.list << 20 AND entry < (l.list + 1) << 20) LIMIT ?2",
        over,
        |r| r.get(0),
    )?;
    for list in dead {
        swept += tx.count("DELETE FROM status_block WHERE list = ?1", [list])?;
        swept += tx.count("DELETE FROM status_list WHERE list = ?1", [list])?;
    }
    Ok(swept)
}

#[async_trait]
impl StatusLists for SqliteStore {
    async fn status_lists(&self) -> StoreResult<At<Vec<u32>>> {
        self.read(|tx| {
            let it = tx.rows("SELECT list FROM status_list ORDER BY list", [], |r| r.get(0))?;
            Ok(At { now: tx.now, it })
        })
    }

    async fn lease_status(
        &self,
        client: Option<&ClientId>,
        since: i64,
        until: Timestamp,
        pick: u32,
    ) -> StoreResult<StatusEntry> {
        let client = client.cloned();
        self.write(move |tx| lease(tx, client.as_ref().map(ClientId::as_str), since, until, pick)).await
    }

    async fn session_status(&self, sid: ClientSessionId) -> StoreResult<Option<(StatusEntry, i64)>> {
        self.read(|tx| held(tx, &sid.to_string()))
    }

    async fn assign_status(
        &self,
        member: StatusMember,
        entry: StatusEntry,
        before: Option<StatusEntry>,
    ) -> StoreResult<StatusEntry> {
        self.write(move |tx| assign(tx, &member, entry, before)).await
    }

    async fn status_hits(&self, from: StatusScan, limit: u32) -> StoreResult<StatusPage> {
        self.read(|tx| scan(tx, from, limit.max(1)))
    }

    async fn sweep_status(&self, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Ok(u64::try_from(sweep(tx, limit)?).unwrap_or(u64::MAX))).await
    }
}
