//! What every guessed secret of a known account goes through, passwords apart: the limiter before, the count
//! and the log after.

use super::Caller;
use super::throttle::Attempt;
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{Actor, EventDraft, EventKind, Factor, User};
use countersign_token::Timestamp;

/// Lets a try of a second factor through, or says when to come back. Each factor counts for itself: who
/// guesses at the app's codes does not shut the owner off from those on paper.
pub(super) fn admit<'a>(
    issuer: &'a Issuer,
    user: &User,
    factor: Factor,
    caller: &Caller,
) -> Result<Attempt<'a>> {
    let mark = issuer.sealer.mark("factor", user.id.as_str());
    Ok(issuer.throttle.admit_factor(factor, mark, caller.ip, issuer.store.cached_now())?)
}

/// Counts and notes a wrong code.
pub(super) async fn refuse(
    issuer: &Issuer,
    attempt: Attempt<'_>,
    user: &User,
    factor: Factor,
    caller: &Caller,
    now: Timestamp,
) -> Failure {
    attempt.failed(now);
    let event = EventDraft::new(EventKind::FactorFailed, Actor::Anonymous)
        .user(&user.id)
        .with("factor", factor.name())
        .with("ip", caller.ip.to_string())
        .with("device", caller.device.as_str());
    if let Err(e) = issuer.store.note(event).await {
        tracing::warn!(error = %e, "a failed step of a sign-in could not be written to the log");
    }
    rejected(Code::InvalidCode, "The code is wrong, or was used before.")
}
