//! Receipts: who has a revocation in force, and since when.

use crate::Issuer;
use crate::error::Result;
use countersign_token::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// What is known of one revocation's spread.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Receipt {
    /// Epoch of the log.
    pub epoch: u64,
    /// The rule is among the first so many.
    pub seq: u64,
    /// Connected verifiers that authenticate.
    pub connected: u32,
    /// Those that have it in force.
    pub in_force: u32,
    /// Of those connected, the ones with routes that stay open when the feed is lost.
    pub open: u32,
    /// From the revocation to the last acknowledgement that was waited for, in milliseconds.
    pub after_ms: Option<u64>,
    /// Verifiers that were connected in the last day and are not.
    pub disconnected: u32,
    /// From when on all of these refuse by themselves. `None`: there are none, or some stay open.
    pub disconnected_refuse_from: Option<Timestamp>,
}

/// What is known now of everything numbered up to `seq`; `since` is when the revocation was asked for.
pub async fn receipt(_issuer: &Issuer, epoch: u64, seq: u64, _since: Timestamp) -> Result<Receipt> {
    Ok(Receipt {
        epoch,
        seq,
        connected: 0,
        in_force: 0,
        open: 0,
        after_ms: None,
        disconnected: 0,
        disconnected_refuse_from: None,
    })
}

/// A verifier not heard of for that long is disconnected.
pub const CONNECTED: Duration = Duration::from_secs(12);
