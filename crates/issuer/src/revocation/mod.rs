//! Revocation: the live rules this node judges by, and the feed that tells every verifier.
//!
//! `rules` is the set asked for every token this issuer is shown. `sequence` numbers what transactions wrote
//! and extends the chain; `head` signs, `publish` answers what the feed's endpoints serve; `coarsen` and
//! `snapshot` keep memory and start-up bounded; `receipt` counts who has it in force; `found` says which rule
//! covers a token, and who made it.

mod coarsen;
mod found;
mod head;
pub mod publish;
pub mod receipt;
mod ring;
mod rules;
pub mod sequence;
mod snapshot;

pub use found::{Found, found};
pub use publish::{Feed, Published};
pub use receipt::Receipt;
pub use rules::{Facts, RuleSet};

use crate::Issuer;
use crate::error::{Failure, Result};
use crate::model::{Actor, EventDraft, EventKind, Rule};
use crate::port::Position;
use countersign_feed::head::FeedId;
use countersign_feed::{Chain, Salt};

/// What every flow calls after a transaction that revokes, before it answers: the rules are in force on this
/// node, have a number, and are published. Also when there is nothing new to revoke: what was revoked before
/// may still wait for its number. Answers where the log stood then.
pub(crate) async fn enforce(issuer: &Issuer, rules: &[Rule]) -> Result<Position> {
    issuer.directory.learn(rules);
    sequence::numbered(issuer).await
}

/// First load: the feed, begun if there is none.
pub(crate) async fn start(issuer: &Issuer) -> Result<()> {
    if issuer.store.feed().await?.it.is_none() {
        let id = FeedId(issuer.entropy.bytes());
        let salt = Salt(issuer.entropy.bytes());
        // `false`: another process began it first.
        issuer.store.begin_feed(id, salt, Chain::genesis(&id.0, 1)).await?;
    }
    let state = issuer.store.feed().await?.it.ok_or_else(no_feed)?;
    issuer.feed.begin(&state);
    issuer.directory.rules().name_with(state.salt, &issuer.settings.issuer);
    Ok(())
}

fn no_feed() -> Failure {
    Failure::Bug("the store has no revocation feed after the first start".to_owned())
}

/// One turn: numbers what others left behind, signs a head when one is due, writes acknowledgements down.
pub(crate) async fn follow(issuer: &Issuer) -> Result<()> {
    sequence::turn(issuer).await?;
    receipt::write_down(issuer).await
}

/// What may wait: fewer rules, a new snapshot.
pub(crate) async fn tend(issuer: &Issuer) -> Result<()> {
    coarsen::tend(issuer).await?;
    snapshot::tend(issuer).await
}

/// For a node that noted what it last published: if the store's log is behind that, the store was put back
/// from a backup and has forgotten revocations. Then a new epoch begins, in which every token made so far is
/// revoked. `true`: that was so.
pub async fn check_not_rolled_back(issuer: &Issuer, epoch: u64, seq: u64) -> Result<bool> {
    let state = issuer.store.feed().await?.it.ok_or_else(no_feed)?;
    if (state.at.epoch, state.at.seq) >= (epoch, seq) {
        return Ok(false);
    }
    begin_epoch(issuer, state.id, state.at, epoch.max(state.at.epoch).saturating_add(1)).await?;
    sequence::settle(issuer).await?;
    Ok(true)
}

/// The log contradicts what was published: nothing that was acknowledged since is known, so nothing made
/// before counts.
async fn begin_epoch(issuer: &Issuer, feed: FeedId, seen: Position, epoch: u64) -> Result<()> {
    let everything = Some((issuer.settings.issuer.clone(), issuer.longest_token_life().await?));
    let event = EventDraft::new(EventKind::Revoked, Actor::System).with("feed_epoch", epoch);
    let genesis = Chain::genesis(&feed.0, epoch);
    // `false`: another node was first, or the log went on; the next turn looks again.
    if issuer.store.begin_epoch(seen, epoch, genesis, everything, event).await? {
        tracing::error!(
            epoch,
            "the store is older than what was published: every token made so far is revoked, a new epoch begins"
        );
    }
    Ok(())
}
