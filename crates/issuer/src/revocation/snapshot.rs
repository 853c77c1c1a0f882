//! Snapshots: made when reading the log from the last one would cost more than reading all live rules.

use super::sequence;
use crate::Issuer;
use crate::error::Result;
use crate::model::Digest;
use countersign_feed::follower::MOST_WAITING;
use countersign_feed::snapshot::Snapshot;
use countersign_feed::{BLOCK, Chain};

/// Makes one if the log has grown enough. Reads this node's rules, so no statement runs for it but the last.
pub(super) async fn tend(issuer: &Issuer) -> Result<()> {
    let turn = issuer.feed.turn().await;
    let (state, now) = sequence::number(issuer).await?;
    let live = u64::try_from(issuer.directory.rules().len()).unwrap_or(u64::MAX);
    let last = state.snapshot.map_or(0, |(seq, _)| seq);
    if state.at.seq.saturating_sub(last) <= (live / 2).clamp(BLOCK, MOST_WAITING / 2) {
        return Ok(());
    }
    // Whatever is among the first `seq` rules is in force here, and perhaps more, which does no harm.
    let mut rules = issuer.directory.rules().all();
    drop(turn);
    rules.retain(|rule| !rule.is_over(now));
    let at = state.at;
    let body = Snapshot { feed: state.id, epoch: at.epoch, seq: at.seq, chain: at.chain, rules }.bytes();
    let sha256 = Chain(Digest::of(&body).0);
    // `false`: another node was first; all name its.
    issuer.store.save_snapshot(at.epoch, at.seq, sha256, body).await?;
    Ok(())
}
