//! Waiting for a receipt: who has a revocation in force.

use countersign_issuer::admin::revoke::Done;
use countersign_issuer::revocation::receipt::{Receipt, receipt};
use countersign_issuer::{Issuer, Result};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// Between two looks at the store: servers write what verifiers say once a second.
const LOOK: Duration = Duration::from_millis(100);
/// A revocation makes every verifier that authenticates speak at once, and what it says is written within a
/// second: before this has passed, nobody there may mean nobody yet.
const NOBODY: Duration = Duration::from_secs(2);

/// Waits until every connected verifier that authenticates has said so, at most `longest`; answers what is
/// known then.
pub async fn wait(issuer: &Issuer, done: &Done, longest: Duration) -> Result<Receipt> {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut began: Option<Instant> = None;
    loop {
        let now = looks.tick().await;
        let waited = now - *began.get_or_insert(now);
        let known = receipt(issuer, done.epoch, done.seq, done.at).await?;
        let everywhere = known.in_force >= known.connected && (known.connected > 0 || waited >= NOBODY);
        if everywhere || waited >= longest {
            return Ok(known);
        }
    }
}
