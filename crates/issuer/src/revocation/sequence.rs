//! Numbering: rules as transactions wrote them become entries of the log.
//!
//! Load what has no number, decide names, numbers and chain, append guarded by the position it was decided
//! on. Any node may do it at any time; the guard lets one of two win, and the other finds its rules numbered.

use super::{begin_epoch, no_feed, rules};
use crate::Issuer;
use crate::error::{Failure, Result, Unavailable};
use crate::model::Cutoff;
use crate::port::feed::{FeedState, Load, Numbered, Waiting};
use crate::port::{Append, At, Position};
use countersign_feed::{BLOCK, page};
use countersign_token::Timestamp;
use futures_util::lock::MutexGuard;
use std::time::Duration;

/// Rules numbered in one transaction.
const BATCH: u32 = 4_096;
/// How often another node may be first before the asker is told to come again.
const TRIES: usize = 64;
/// A commit within that of its writing is one that its cutoff, two seconds ahead, covers.
const COMMIT_WITHIN: Duration = Duration::from_secs(1);
/// How long after a commit a node may still issue from what it knew before, in whole seconds.
const KNOWN_LATE: i64 = 2;

/// Numbers everything that was written before this call, and publishes it. A revocation is acknowledged only
/// after this has answered.
pub async fn settle(issuer: &Issuer) -> Result<()> {
    numbered(issuer).await.map(drop)
}

/// As [`settle`]; where the log stood afterwards.
pub(super) async fn numbered(issuer: &Issuer) -> Result<Position> {
    let asked = issuer.feed.begun();
    let turn = issuer.feed.turn().await;
    // Whoever waited for a turn that began after this call is served by it.
    if *turn > asked {
        return Ok(issuer.feed.end());
    }
    take(issuer, turn).await
}

/// One turn, whether something waits or not.
pub(super) async fn turn(issuer: &Issuer) -> Result<Position> {
    let turn = issuer.feed.turn().await;
    take(issuer, turn).await
}

async fn take(issuer: &Issuer, mut turn: MutexGuard<'_, u64>) -> Result<Position> {
    let mine = issuer.feed.begin_turn();
    let (state, _) = number(issuer).await?;
    *turn = mine;
    Ok(state.at)
}

/// Numbers and publishes; the feed as it is then, and the store's clock. Only by whoever has its turn.
pub(super) async fn number(issuer: &Issuer) -> Result<(FeedState, Timestamp)> {
    let mut lost = 0;
    while lost < TRIES {
        let At { now, it: load } = issuer.store.waiting(BATCH).await?;
        let load = load.ok_or_else(no_feed)?;
        if !catch_up(issuer, &load.state).await? {
            let epoch = load.state.at.epoch.max(issuer.feed.end().epoch).saturating_add(1);
            begin_epoch(issuer, load.state.id, load.state.at, epoch).await?;
            lost += 1;
            continue;
        }
        let state = match load.waiting.is_empty() {
            true => load.state,
            false => {
                let append = plan(&load, now, &issuer.settings.issuer);
                if !issuer.store.append(append.clone()).await? {
                    lost += 1;
                    continue;
                }
                extend(issuer, &append.rules);
                FeedState { at: append.end(), ..load.state }
            }
        };
        if !load.more {
            issuer.feed.publish(issuer, &state, now)?;
            return Ok((state, now));
        }
    }
    Err(Failure::Unavailable(Unavailable {
        what: "the revocation feed",
        detail: "other nodes keep extending it".to_owned(),
        retry_after: Duration::from_secs(1),
    }))
}

/// Reads what other nodes appended. `false`: the log is not the one this node has published from.
async fn catch_up(issuer: &Issuer, state: &FeedState) -> Result<bool> {
    loop {
        let here = issuer.feed.end();
        let there = state.at;
        if here == there {
            return Ok(true);
        }
        if here.epoch < there.epoch {
            return restart(issuer, there).await.map(|()| true);
        }
        if (here.epoch, here.seq) >= (there.epoch, there.seq) {
            return Ok(false);
        }
        match issuer.store.log_after(here.epoch, here.seq, page::MOST_RULES).await? {
            Some(page) if page.chain != here.chain => return Ok(false),
            Some(mut page) if !page.rules.is_empty() => {
                // What came after this state was read belongs to the next one.
                let due = usize::try_from(there.seq.saturating_sub(here.seq)).unwrap_or(usize::MAX);
                page.rules.truncate(due);
                extend(issuer, &page.rules);
            }
            // Swept, or a new epoch began meanwhile: this node has a gap, which its followers see and fill.
            _ => restart(issuer, there).await?,
        }
    }
}

/// What was published is in force here as published.
pub(super) fn extend(issuer: &Issuer, rules: &[countersign_feed::Rule]) {
    issuer.directory.rules().extend(rules);
    issuer.feed.extend(rules);
}

/// Goes on at `there` without what is before in the log; the rules themselves are read from their rows.
async fn restart(issuer: &Issuer, there: Position) -> Result<()> {
    issuer.directory.read_all_rules().await?;
    issuer.feed.restart(there);
    Ok(())
}

/// Numbers, names and chain of what waits.
fn plan(load: &Load, now: Timestamp, issuer: &str) -> Append {
    let state = &load.state;
    let mut append = Append {
        after: state.at,
        read_at: now,
        rules: Vec::with_capacity(load.waiting.len()),
        rows: Vec::with_capacity(load.waiting.len()),
        fills: Vec::new(),
        chain: state.at.chain,
    };
    for waiting in &load.waiting {
        let cutoff = published(waiting, now);
        let rule = crate::model::Rule { cutoff, ..waiting.rule.clone() };
        let seq = put(&mut append, rules::named(&rule, &state.salt, issuer));
        append.rows.push(Numbered { row: waiting.row, seq, cutoff });
    }
    append
}

/// Puts one more at the end; answers its number.
pub(super) fn put(append: &mut Append, rule: countersign_feed::Rule) -> u64 {
    append.rules.push(rule);
    append.chain = append.chain.then(&rule);
    let seq = append.end().seq;
    if seq.is_multiple_of(BLOCK) {
        append.fills.push(append.chain);
    }
    seq
}

/// The cutoff to publish. A commit that was late, or that nobody saw in time (a process died after it), may
/// have been preceded by tokens younger than the cutoff it was written with: all up to now are covered then.
fn published(waiting: &Waiting, now: Timestamp) -> Cutoff {
    let late = waiting.written_at.is_some_and(|at| now.since(at) > COMMIT_WITHIN);
    match late {
        true => waiting.rule.cutoff.max(up_to(now)),
        false => waiting.rule.cutoff,
    }
}

/// Covers everything that was made without knowing of a rule that was there at `found`.
pub(super) fn up_to(found: Timestamp) -> Cutoff {
    Cutoff(found.seconds().saturating_add(KNOWN_LATE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Rule, RuleKind};
    use countersign_feed::head::FeedId;
    use countersign_feed::{Chain, Salt};

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn waiting(row: i64, cutoff: Cutoff, age: Option<u64>) -> Waiting {
        let until = NOW + Duration::from_secs(60);
        let rule = Rule { kind: RuleKind::Sub, id: format!("u_{row}"), cutoff, until };
        Waiting { row, rule, written_at: age.map(|ms| NOW - Duration::from_millis(ms)) }
    }

    #[test]
    fn a_cutoff_that_came_late_covers_everything_until_it_was_found() {
        let table = [
            ("in time", Cutoff(1_001), Some(1_000), Cutoff(1_001)),
            ("late", Cutoff(1_000), Some(1_001), Cutoff(1_002)),
            ("found by another", Cutoff(902), Some(100_000), Cutoff(1_002)),
            ("final already", Cutoff(902), None, Cutoff(902)),
            ("all of them", Cutoff::ALWAYS, Some(100_000), Cutoff::ALWAYS),
        ];
        for (name, written, age, due) in table {
            assert_eq!(published(&waiting(1, written, age), NOW), due, "{name}");
        }
    }

    #[test]
    fn numbers_follow_the_log_and_blocks_end_where_they_should() {
        let chain = Chain([9; 32]);
        let at = Position { epoch: 4, seq: BLOCK - 2, chain };
        let state = FeedState { id: FeedId([1; 16]), salt: Salt([2; 16]), at, snapshot: None };
        let rows = (1..=4).map(|row| waiting(row, Cutoff::ALWAYS, Some(0))).collect();
        let made = plan(&Load { state, waiting: rows, more: false }, NOW, "https://id.example");
        assert_eq!(
            made.rows.iter().map(|r| (r.row, r.seq)).collect::<Vec<_>>(),
            [(1, BLOCK - 1), (2, BLOCK), (3, BLOCK + 1), (4, BLOCK + 2)]
        );
        assert_eq!(made.fills, [chain.over(&made.rules[..2])]);
        assert_eq!(made.end(), Position { epoch: 4, seq: BLOCK + 2, chain: chain.over(&made.rules) });
        let name = state.salt.name(countersign_feed::Kind::Sub, "https://id.example", "u_3");
        assert_eq!(made.rules[2].h, name);
    }
}
