//! Revocation rules.

use crate::column::{parsed, time};
use crate::fault::Done;
use crate::feed::until;
use crate::tx::Tx;
use crate::{SqliteStore, event};
use async_trait::async_trait;
use countersign_issuer::model::{ClientSessionId, Cutoff, EventDraft, Rule, RuleKind, UserId};
use countersign_issuer::port::{At, Revocations, StoreError, StoreResult, Written};
use countersign_token::Timestamp;
use rusqlite::params;
use std::time::Duration;

/// Of a rule: buckets cover it, and it waits to be swept.
macro_rules! covered {
    () => {
        "(kind IN ('jti', 'sid', 'sub') AND sub IS NOT NULL
          AND seq <= coalesce((SELECT f.coarse_row FROM feed f), 0))"
    };
}
pub(crate) use covered;

/// How far ahead of the store's clock a finite cutoff is set, and how long its commit may take: a token
/// minted from a read before the commit has an `iat` at or below the cutoff then.
const AHEAD_SECONDS: i64 = 2;
const COMMIT_WITHIN: Duration = Duration::from_secs(1);
/// A disk whose every commit takes longer than that is no disk to rely on.
const TRIES: usize = 8;

/// A cutoff for everything up to now.
pub(crate) fn cutoff(tx: &Tx<'_>) -> Cutoff {
    Cutoff(tx.now.seconds().saturating_add(AHEAD_SECONDS))
}

/// Writes a rule; `sub`: of the tokens it covers, where one is known.
pub(crate) fn write(tx: &Tx<'_>, rule: Rule, sub: Option<&str>) -> Done<Rule> {
    tx.one(
        "INSERT INTO rule (kind, id, cutoff, until, sub, written_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![rule.kind.name(), rule.id, rule.cutoff.0, rule.until.millis(), sub, tx.now.millis()],
    )?;
    Ok(rule)
}

/// Writes a rule that covers every token of `id`.
pub(crate) fn always(
    tx: &Tx<'_>,
    kind: RuleKind,
    id: String,
    sub: Option<&str>,
    life: Duration,
) -> Done<Rule> {
    write(tx, Rule { kind, id, cutoff: Cutoff::ALWAYS, until: until(tx, life)? }, sub)
}

/// Writes a rule that covers every token of `id` up to now.
pub(crate) fn before_now(tx: &Tx<'_>, kind: RuleKind, id: String, life: Duration) -> Done<Rule> {
    let rule = Rule { kind, id, cutoff: cutoff(tx), until: until(tx, life)? };
    let sub = (kind == RuleKind::Sub).then(|| rule.id.clone());
    write(tx, rule, sub.as_deref())
}

/// A `sid` rule each, all of one person's sessions.
pub(crate) fn sessions(
    tx: &Tx<'_>,
    user: &UserId,
    ended: Vec<ClientSessionId>,
    life: Duration,
) -> Done<Vec<Rule>> {
    let rule = |sid: ClientSessionId| always(tx, RuleKind::Sid, sid.to_string(), Some(user.as_str()), life);
    ended.into_iter().map(rule).collect()
}

/// Reads a stored name.
pub(crate) fn kind(name: &str) -> Option<RuleKind> {
    RuleKind::ALL.into_iter().find(|k| k.name() == name)
}

impl SqliteStore {
    /// After the commit of a rule with a finite cutoff: as long as the commit came too late for it, writes
    /// a later one. Adds what it wrote to `rules`.
    pub(crate) async fn settle(
        &self,
        mut written: Timestamp,
        rule: Rule,
        life: Duration,
        rules: &mut Vec<Rule>,
    ) -> StoreResult<()> {
        for _ in 0..TRIES {
            if self.clock.now().since(written) <= COMMIT_WITHIN {
                return Ok(());
            }
            let (kind, id) = (rule.kind, rule.id.clone());
            let (at, later) = self
                .write(move |tx| {
                    if kind == RuleKind::Sub {
                        // No row: the person was removed meanwhile, which wrote a rule of its own.
                        tx.guarded("UPDATE user SET cutoff = ?2 WHERE id = ?1", params![id, cutoff(tx).0])?;
                    }
                    Ok((tx.now, before_now(tx, kind, id, life)?))
                })
                .await?;
            written = at;
            rules.push(later);
        }
        Err(StoreError::Unavailable("commits take longer than a second".to_owned()))
    }
}

#[async_trait]
impl Revocations for SqliteStore {
    async fn revoke_token(
        &self,
        jti: &str,
        sub: Option<&str>,
        until: Timestamp,
        event: EventDraft,
    ) -> StoreResult<Rule> {
        let sub = sub.map(str::to_owned);
        let rule = Rule { kind: RuleKind::Jti, id: jti.to_owned(), cutoff: Cutoff::ALWAYS, until };
        self.write(move |tx| {
            let there = tx.row(
                "SELECT until FROM rule WHERE kind = 'jti' AND id = ?1 AND until >= ?2 LIMIT 1",
                params![rule.id, until.millis()],
                |r| time(r, 0),
            )?;
            if let Some(until) = there {
                return Ok(Rule { until, ..rule });
            }
            event::write(tx, &event)?;
            write(tx, rule, sub.as_deref())
        })
        .await
    }

    async fn revoke_before_now(
        &self,
        kind: RuleKind,
        id: &str,
        life: Duration,
        event: EventDraft,
    ) -> StoreResult<Rule> {
        let id = id.to_owned();
        let (at, rule) = self
            .write(move |tx| {
                if kind == RuleKind::Sub {
                    // A machine's `sub` is a client and has no row here.
                    tx.guarded("UPDATE user SET cutoff = ?2 WHERE id = ?1", params![id, cutoff(tx).0])?;
                }
                event::write(tx, &event)?;
                Ok((tx.now, before_now(tx, kind, id, life)?))
            })
            .await?;
        let mut rules = vec![rule.clone()];
        self.settle(at, rule.clone(), life, &mut rules).await?;
        Ok(rules.pop().unwrap_or(rule))
    }

    async fn rules_after(&self, after: i64, limit: u32) -> StoreResult<At<(Vec<Rule>, i64)>> {
        self.read(|tx| {
            let rows = tx.rows(
                concat!(
                    "SELECT seq, kind, id, cutoff, until FROM rule WHERE seq > ?1 AND until > ?2 AND NOT ",
                    covered!(),
                    " ORDER BY seq LIMIT ?3"
                ),
                params![after, tx.now.millis(), limit],
                |r| {
                    let rule = Rule {
                        kind: parsed(r, 1, kind)?,
                        id: r.get(2)?,
                        cutoff: Cutoff(r.get(3)?),
                        until: time(r, 4)?,
                    };
                    Ok((r.get(0)?, rule))
                },
            )?;
            let last = rows.last().map_or(after, |(seq, _)| *seq);
            Ok(At { now: tx.now, it: (rows.into_iter().map(|(_, rule)| rule).collect(), last) })
        })
    }

    async fn rules_of(&self, kind: RuleKind, id: &str) -> StoreResult<At<Vec<Written>>> {
        let id = id.to_owned();
        self.read(move |tx| {
            let it = tx.rows(
                "SELECT cutoff, until, written_at, feed_seq FROM rule
                 WHERE kind = ?1 AND id = ?2 AND until > ?3 ORDER BY seq",
                params![kind.name(), id, tx.now.millis()],
                |r| {
                    let rule = Rule { kind, id: id.clone(), cutoff: Cutoff(r.get(0)?), until: time(r, 1)? };
                    let number: Option<i64> = r.get(3)?;
                    Ok(Written { rule, at: time(r, 2)?, number: number.and_then(|n| u64::try_from(n).ok()) })
                },
            )?;
            Ok(At { now: tx.now, it })
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, SqliteStore};
    use countersign_issuer::model::{Actor, Cutoff, EventDraft, EventKind, RuleKind};
    use countersign_issuer::port::{Revocations, StoreError};
    use countersign_token::Timestamp;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    /// Every reading of the clock is `step` later than the one before, `slow` times; then it stands still.
    fn store(step: i64, slow: i64) -> SqliteStore {
        let readings = AtomicI64::new(0);
        let clock = move || {
            Timestamp::from_millis(readings.fetch_add(1, Ordering::SeqCst).min(slow).saturating_mul(step))
        };
        SqliteStore::open(None, Arc::new(clock), &Options::default()).unwrap()
    }

    async fn revoke(store: &SqliteStore) -> Result<Vec<Cutoff>, StoreError> {
        let event = EventDraft::new(EventKind::Revoked, Actor::Operator);
        let last = store.revoke_before_now(RuleKind::Iss, "iss", Duration::from_secs(60), event).await?;
        let all: Vec<_> = store.rules_after(0, 100).await?.it.0.iter().map(|r| r.cutoff).collect();
        assert_eq!(all.last(), Some(&last.cutoff), "the latest is answered");
        Ok(all)
    }

    #[tokio::test]
    async fn a_commit_in_time_writes_one_cutoff() {
        assert_eq!(revoke(&store(1000, i64::MAX)).await.unwrap(), [Cutoff(2)]);
    }

    #[tokio::test]
    async fn a_late_commit_writes_later_cutoffs_until_one_is_in_time() {
        // Read at 0 s and 3 s: late. At 6 s and 9 s: late. At 12 s and 12 s: in time.
        assert_eq!(revoke(&store(3000, 4)).await.unwrap(), [Cutoff(2), Cutoff(8), Cutoff(14)]);
    }

    #[tokio::test]
    async fn a_disk_that_is_always_late_is_not_acknowledged() {
        let refused = revoke(&store(3000, i64::MAX)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    }
}
