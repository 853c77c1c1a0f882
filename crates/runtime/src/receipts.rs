//! Waiting for a receipt: who has a revocation in force.

use countersign_issuer::admin::revoke::Done;
use countersign_issuer::revocation::receipt::{Receipt, receipt};
use countersign_issuer::{Issuer, Result};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// Between two looks at the store: servers write what verifiers say once a second.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until every connected verifier that authenticates has said so, at most `longest`; answers what is
/// known then.
pub async fn wait(issuer: &Issuer, done: &Done, longest: Duration) -> Result<Receipt> {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut until: Option<Instant> = None;
    loop {
        let now = looks.tick().await;
        let until = *until.get_or_insert(now + longest);
        let known = receipt(issuer, done.epoch, done.seq, done.at).await?;
        if known.in_force >= known.connected || now >= until {
            return Ok(known);
        }
    }
}
