//! The revocation feed: numbers, the log in blocks and a tail, snapshots, acknowledgements.

use crate::column::{Read, client_id, json, parsed, time, unreadable};
use crate::fault::{Done, Fault};
use crate::revocation::covered;
use crate::tx::Tx;
use crate::{SqliteStore, event, revocation};
use async_trait::async_trait;
use countersign_feed::head::FeedId;
use countersign_feed::{BLOCK, Chain, Page, Rule, Salt};
use countersign_issuer::model::{ClientId, Cutoff, EventDraft, Rule as Written, RuleKind};
use countersign_issuer::port::feed::{Acknowledged, FeedState, Finer, Load, Waiting};
use countersign_issuer::port::{Append, At, Feeds, Position, StoreResult};
use countersign_token::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Row, params};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Snapshots kept: the one that heads name, and the one before for whoever holds an older head.
const SNAPSHOTS: u32 = 2;
/// Most verifiers noted of one client, so that one that changes its name each time fills no disk.
const MOST_VERIFIERS: i64 = 10_000;

fn state(tx: &Tx<'_>) -> Done<Option<FeedState>> {
    let read = |r: &Row<'_>| {
        Ok(FeedState {
            id: FeedId(r.get(0)?),
            salt: Salt(r.get(1)?),
            at: Position { epoch: r.get(2)?, seq: r.get(3)?, chain: Chain(r.get(4)?) },
            snapshot: None,
        })
    };
    let Some(state) = tx.row("SELECT id, salt, epoch, seq, chain FROM feed", [], read)? else {
        return Ok(None);
    };
    let newest = "SELECT seq, sha256 FROM feed_snapshot ORDER BY seq DESC LIMIT 1";
    let snapshot = tx.row(newest, [], |r| Ok((r.get(0)?, Chain(r.get(1)?))))?;
    Ok(Some(FeedState { snapshot, ..state }))
}

fn waiting(row: &Row<'_>) -> Read<Waiting> {
    let rule = Written {
        kind: parsed(row, 1, revocation::kind)?,
        id: row.get(2)?,
        cutoff: Cutoff(row.get(3)?),
        until: time(row, 4)?,
    };
    Ok(Waiting {
        row: row.get(0)?,
        rule,
        written_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
    })
}

fn rule(row: &Row<'_>, at: usize) -> Read<Rule> {
    Rule::read(&row.get(at)?).map_err(|e| unreadable(at, Type::Blob, e))
}

/// The end of that block.
fn end_of(block: u64) -> u64 {
    block.saturating_add(1).saturating_mul(BLOCK)
}

fn append(tx: &Tx<'_>, append: &Append) -> Done<bool> {
    let (after, end) = (append.after, append.end());
    let ours = tx.guarded(
        "UPDATE feed SET seq = ?4, chain = ?5 WHERE epoch = ?1 AND seq = ?2 AND chain = ?3",
        params![after.epoch, after.seq, after.chain.0, end.seq, end.chain.0],
    )?;
    if !ours {
        return Ok(false);
    }
    for (seq, rule) in (after.seq.saturating_add(1)..).zip(&append.rules) {
        tx.one("INSERT INTO feed_log (seq, rule) VALUES (?1, ?2)", params![seq, rule.bytes()])?;
    }
    for row in &append.rows {
        // No row: it was over and swept meanwhile. One numbered before is no longer at this place in the log.
        tx.guarded(
            "UPDATE rule SET feed_seq = ?2, cutoff = ?3, numbered_at = coalesce(numbered_at, ?4)
             WHERE seq = ?1 AND feed_seq IS NULL",
            params![row.row, row.seq, row.cutoff.0, append.read_at.millis()],
        )?;
    }
    let full = (after.seq / BLOCK)..(end.seq / BLOCK);
    if usize::try_from(full.end - full.start).ok() != Some(append.fills.len()) {
        return Err(Fault::Broken(format!("{} chains for the blocks {full:?}", append.fills.len())));
    }
    full.zip(&append.fills).try_for_each(|(block, chain)| fill(tx, block, chain))?;
    Ok(true)
}

/// Moves the tail up to the end of this block into it.
fn fill(tx: &Tx<'_>, block: u64, chain: &Chain) -> Done<()> {
    let rules =
        tx.rows("SELECT rule FROM feed_log WHERE seq <= ?1 ORDER BY seq", [end_of(block)], |r| rule(r, 0))?;
    let until = rules.iter().map(|r| r.until).max().unwrap_or_default();
    let bytes: Vec<u8> = rules.iter().flat_map(Rule::bytes).collect();
    tx.one(
        "INSERT INTO feed_block (block, chain, rules, until) SELECT ?1, block_chain, ?2, ?3 FROM feed",
        params![block, bytes, until],
    )?;
    tx.one("UPDATE feed SET block_chain = ?1", [chain.0])?;
    tx.count("DELETE FROM feed_log WHERE seq <= ?1", [end_of(block)]).map(drop)
}

fn block(tx: &Tx<'_>, epoch: u64, block: u64) -> Done<Option<Page>> {
    let read = |r: &Row<'_>| {
        let (bytes, _) = r.get_ref(1)?.as_blob()?.as_chunks::<{ Rule::BYTES }>();
        let rules = bytes.iter().map(Rule::read).collect::<Result<_, _>>();
        let rules = rules.map_err(|e| unreadable(1, Type::Blob, e))?;
        let after = block.saturating_mul(BLOCK);
        Ok(Page { epoch, after, chain: Chain(r.get(0)?), rules, head: None })
    };
    tx.row("SELECT chain, rules FROM feed_block WHERE block = ?1", [block], read)
}

/// What no full block holds.
fn tail(tx: &Tx<'_>, epoch: u64, end: u64) -> Done<Page> {
    let rules = tx.rows("SELECT rule FROM feed_log ORDER BY seq", [], |r| rule(r, 0))?;
    let chain = Chain(tx.value("SELECT block_chain FROM feed", [])?);
    Ok(Page { epoch, after: end / BLOCK * BLOCK, chain, rules, head: None })
}

fn log_after(tx: &Tx<'_>, epoch: u64, after: u64, most: usize) -> Done<Option<Page>> {
    let Some(state) = state(tx)?.filter(|s| s.at.epoch == epoch && after <= s.at.seq) else {
        return Ok(None);
    };
    let page = match after / BLOCK < state.at.seq / BLOCK {
        true => block(tx, epoch, after / BLOCK)?,
        false => Some(tail(tx, epoch, state.at.seq)?),
    };
    Ok(page.map(|mut page| {
        let skip = usize::try_from(after.saturating_sub(page.after)).unwrap_or(usize::MAX);
        let rest = page.rules.split_off(skip.min(page.rules.len()));
        page.chain = page.chain.over(&page.rules);
        page.after = after;
        page.rules = rest;
        page.rules.truncate(most);
        page
    }))
}

fn begin_epoch(
    tx: &Tx<'_>,
    seen: &Position,
    epoch: u64,
    genesis: Chain,
    everything: Option<(String, Duration)>,
    event: EventDraft,
) -> Done<bool> {
    let ours = tx.guarded(
        "UPDATE feed SET epoch = ?4, seq = 0, chain = ?5, block_chain = ?5
         WHERE epoch = ?1 AND seq = ?2 AND chain = ?3 AND ?4 > epoch",
        params![seen.epoch, seen.seq, seen.chain.0, epoch, genesis.0],
    )?;
    if !ours {
        return Ok(false);
    }
    for table in ["DELETE FROM feed_log", "DELETE FROM feed_block", "DELETE FROM feed_snapshot"] {
        tx.count(table, [])?;
    }
    tx.count(concat!("UPDATE rule SET feed_seq = NULL WHERE feed_seq IS NOT NULL AND NOT ", covered!()), [])?;
    if let Some((issuer, life)) = everything {
        // Refresh tokens that are ahead of what was put back are healed, not taken for stolen ones.
        tx.one("UPDATE store_state SET epoch = epoch + 1", [])?;
        revocation::before_now(tx, RuleKind::Iss, issuer, life)?;
    }
    event::write(tx, &event)?;
    Ok(true)
}

fn coarsen(tx: &Tx<'_>, what: &Append, buckets: &[Written], covered: i64) -> Done<bool> {
    if !append(tx, what)? {
        return Ok(false);
    }
    tx.count("DELETE FROM rule WHERE kind = 'subpfx' AND seq <= ?1", [covered])?;
    for (seq, bucket) in (what.after.seq.saturating_add(1)..).zip(buckets) {
        tx.one(
            "INSERT INTO rule (kind, id, cutoff, until, written_at, feed_seq, numbered_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5)",
            params![
                bucket.kind.name(),
                bucket.id,
                bucket.cutoff.0,
                bucket.until.millis(),
                what.read_at.millis(),
                seq
            ],
        )?;
    }
    tx.one("UPDATE feed SET coarse_row = max(coarse_row, ?1)", [covered])?;
    Ok(true)
}

fn finer(row: &Row<'_>) -> Read<Finer> {
    let rule = Written {
        kind: parsed(row, 1, revocation::kind)?,
        id: row.get(2)?,
        cutoff: Cutoff(row.get(3)?),
        until: time(row, 4)?,
    };
    Ok(Finer { row: row.get(0)?, rule, sub: row.get(5)?, numbered_at: time(row, 6)? })
}

fn acknowledged(row: &Row<'_>) -> Read<Acknowledged> {
    Ok(Acknowledged {
        client: client_id(row, 0)?,
        verifier: row.get(1)?,
        epoch: row.get(2)?,
        seq: row.get(3)?,
        reached_at: time(row, 4)?,
        seen_at: time(row, 5)?,
        hard: row.get(6)?,
        modes: json(row, 7)?,
    })
}

/// `counts`: verifiers noted of a client, counted once for all that is written together.
fn acknowledge<'a>(tx: &Tx<'_>, ack: &'a Acknowledged, counts: &mut HashMap<&'a ClientId, i64>) -> Done<()> {
    let known = "SELECT 1 FROM feed_verifier WHERE client_id = ?1 AND verifier = ?2";
    let key = params![ack.client.as_str(), ack.verifier];
    if tx.row(known, key, |_| Ok(()))?.is_none() {
        let count = match counts.get(&ack.client) {
            Some(count) => *count,
            None => {
                tx.value("SELECT count(*) FROM feed_verifier WHERE client_id = ?1", [ack.client.as_str()])?
            }
        };
        let full = count >= MOST_VERIFIERS;
        counts.insert(&ack.client, if full { count } else { count + 1 });
        if full {
            return Ok(());
        }
    }
    tx.guarded(
        "INSERT INTO feed_verifier (client_id, verifier, epoch, seq, reached_at, seen_at, hard, modes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (client_id, verifier) DO UPDATE SET
             reached_at = CASE WHEN epoch = excluded.epoch AND seq = excluded.seq THEN reached_at
                               ELSE excluded.reached_at END,
             epoch = excluded.epoch, seq = excluded.seq, seen_at = excluded.seen_at, hard = excluded.hard,
             modes = excluded.modes
         WHERE excluded.seen_at >= seen_at",
        params![
            ack.client.as_str(),
            ack.verifier,
            ack.epoch,
            ack.seq,
            ack.reached_at.millis(),
            ack.seen_at.millis(),
            ack.hard,
            serde_json::to_string(&ack.modes)?,
        ],
    )
    .map(drop)
}

fn lives(tx: &Tx<'_>) -> Done<(i64, i64)> {
    let read = |r: &Row<'_>| Ok((r.get(0)?, r.get(1)?));
    let row = tx.row("SELECT token_life, lived_until FROM store_state", [], read)?;
    row.ok_or_else(|| Fault::Broken("the store has no state".to_owned()))
}

/// When the last token that can be alive by then is dead: in `given` from now, or later if others live longer.
pub(crate) fn until(tx: &Tx<'_>, given: Duration) -> Done<Timestamp> {
    let (life, lived_until) = lives(tx)?;
    let life = Duration::from_millis(u64::try_from(life).unwrap_or_default());
    Ok((tx.now + given.max(life)).max(Timestamp::from_millis(lived_until)))
}

#[async_trait]
impl Feeds for SqliteStore {
    async fn feed(&self) -> StoreResult<At<Option<FeedState>>> {
        self.read_together(|tx| Ok(At { now: tx.now, it: state(tx)? }))
    }

    async fn begin_feed(&self, id: FeedId, salt: Salt, genesis: Chain) -> StoreResult<bool> {
        self.write(move |tx| {
            tx.guarded(
                "INSERT INTO feed (one, id, salt, epoch, seq, chain, block_chain, coarse_row)
                 VALUES (1, ?1, ?2, 1, 0, ?3, ?3, 0) ON CONFLICT DO NOTHING",
                params![id.0, salt.0, genesis.0],
            )
        })
        .await
    }

    async fn waiting(&self, limit: u32) -> StoreResult<At<Option<Load>>> {
        self.read_together(|tx| {
            let Some(state) = state(tx)? else { return Ok(At { now: tx.now, it: None }) };
            let mut rows = tx.rows(
                "SELECT seq, kind, id, cutoff, until, CASE WHEN numbered_at IS NULL THEN written_at END
                 FROM rule WHERE feed_seq IS NULL ORDER BY seq LIMIT ?1",
                [i64::from(limit) + 1],
                waiting,
            )?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let more = rows.len() > limit;
            rows.truncate(limit);
            Ok(At { now: tx.now, it: Some(Load { state, waiting: rows, more }) })
        })
    }

    async fn append(&self, what: Append) -> StoreResult<bool> {
        self.write(move |tx| append(tx, &what)).await
    }

    async fn finer_rules(&self, after: i64, limit: u32) -> StoreResult<Vec<Finer>> {
        let sql = concat!(
            "SELECT seq, kind, id, cutoff, until, sub, numbered_at FROM rule
             WHERE seq > ?1 AND until > ?2 AND kind IN ('jti', 'sid', 'sub', 'subpfx') AND feed_seq IS NOT NULL
               AND seq < coalesce((SELECT min(w.seq) FROM rule w WHERE w.feed_seq IS NULL), ?3)
               AND NOT ",
            covered!(),
            " ORDER BY seq LIMIT ?4"
        );
        self.read(|tx| tx.rows(sql, params![after, tx.now.millis(), i64::MAX, limit], finer))
    }

    async fn coarsen(&self, what: Append, buckets: Vec<Written>, covered: i64) -> StoreResult<bool> {
        self.write(move |tx| coarsen(tx, &what, &buckets, covered)).await
    }

    async fn log_after(&self, epoch: u64, after: u64, most: usize) -> StoreResult<Option<Page>> {
        self.read_together(|tx| log_after(tx, epoch, after, most))
    }

    async fn block(&self, epoch: u64, number: u64) -> StoreResult<Option<Page>> {
        self.read_together(|tx| match state(tx)? {
            Some(state) if state.at.epoch == epoch && number < state.at.seq / BLOCK => {
                block(tx, epoch, number)
            }
            _ => Ok(None),
        })
    }

    async fn save_snapshot(&self, epoch: u64, seq: u64, sha256: Chain, body: Vec<u8>) -> StoreResult<bool> {
        self.write(move |tx| {
            let saved = tx.guarded(
                "INSERT INTO feed_snapshot (seq, sha256, body) SELECT ?2, ?3, ?4 FROM feed
                 WHERE epoch = ?1 AND seq >= ?2
                   AND NOT EXISTS (SELECT 1 FROM feed_snapshot s WHERE s.seq >= ?2)",
                params![epoch, seq, sha256.0, body],
            )?;
            tx.count(
                "DELETE FROM feed_snapshot WHERE seq NOT IN
                     (SELECT seq FROM feed_snapshot ORDER BY seq DESC LIMIT ?1)",
                [SNAPSHOTS],
            )?;
            Ok(saved)
        })
        .await
    }

    async fn snapshot(&self, epoch: u64, seq: u64) -> StoreResult<Option<Arc<[u8]>>> {
        self.read_together(|tx| match state(tx)? {
            Some(state) if state.at.epoch == epoch && seq <= state.at.seq => {
                let body = "SELECT body FROM feed_snapshot WHERE seq = ?1";
                tx.row(body, [seq], |r| Ok(r.get_ref(0)?.as_blob()?.into()))
            }
            _ => Ok(None),
        })
    }

    async fn begin_epoch(
        &self,
        seen: Position,
        epoch: u64,
        genesis: Chain,
        everything: Option<(String, Duration)>,
        event: EventDraft,
    ) -> StoreResult<bool> {
        self.write(move |tx| begin_epoch(tx, &seen, epoch, genesis, everything, event)).await
    }

    async fn acknowledge(&self, all: Vec<Acknowledged>) -> StoreResult<()> {
        self.write(move |tx| {
            let mut counts = HashMap::new();
            all.iter().try_for_each(|ack| acknowledge(tx, ack, &mut counts))
        })
        .await
    }

    async fn verifiers(&self, since: Timestamp) -> StoreResult<At<Vec<Acknowledged>>> {
        self.read(|tx| {
            let all = tx.rows(
                "SELECT client_id, verifier, epoch, seq, reached_at, seen_at, hard, modes
                 FROM feed_verifier WHERE seen_at >= ?1",
                [since.millis()],
                acknowledged,
            )?;
            Ok(At { now: tx.now, it: all })
        })
    }

    async fn token_life(&self, life: Duration, lower: bool) -> StoreResult<()> {
        let wanted = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        let differs = move |noted: i64| noted < wanted || (lower && noted > wanted);
        if !differs(self.read(|tx| Ok(lives(tx)?.0))?) {
            return Ok(());
        }
        self.write(move |tx| {
            let (noted, _) = lives(tx)?;
            if differs(noted) {
                let dead = if noted > wanted { tx.now.millis().saturating_add(noted) } else { 0 };
                tx.one(
                    "UPDATE store_state SET token_life = ?1, lived_until = max(lived_until, ?2)",
                    [wanted, dead],
                )?;
            }
            Ok(())
        })
        .await
    }
}
