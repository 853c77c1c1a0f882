//! Recovery codes: ten on paper, one use each, for whoever lost the other second factor.

use super::{Caller, Proof, Purpose, guess};
use crate::error::{Code, Result, rejected};
use crate::model::message::Noticed;
use crate::model::{Account, Actor, Digest, EventDraft, EventKind, Factor, Secret, UserId};
use crate::port::At;
use crate::{Issuer, outbox};

/// Characters of a code. 32 of them, so that each is five bits of a random byte; none that looks like another.
pub(crate) const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters: 60 bits.
pub(crate) const LENGTH: usize = 12;
/// Longest text that is looked at, in bytes.
const LONGEST_TYPED: usize = 64;

/// Keyed digest of a code as typed: case, blanks and dashes are the person's.
pub(crate) fn digest(issuer: &Issuer, user: &UserId, typed: &Secret) -> Digest {
    let code: String = typed.expose().chars().filter(char::is_ascii_alphanumeric).collect();
    let code = Secret::new(code.to_ascii_uppercase());
    issuer.sealer.code(&format!("recovery_code/{user}"), &code)
}

/// Could that be one, short of looking it up?
pub(crate) fn looks_like(typed: &Secret) -> bool {
    let typed = typed.expose();
    typed.len() <= LONGEST_TYPED && typed.chars().filter(char::is_ascii_alphanumeric).count() == LENGTH
}

/// Spends a recovery code of this account. `invalid_code`: wrong, or used before; `method_unavailable`: there
/// are none; `too_many_attempts` with `retry_after`. The person is told, with how many are left.
pub async fn prove(
    issuer: &Issuer,
    account: &Account,
    code: &Secret,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    let user = &account.subject.user;
    let attempt = guess::admit(issuer, user, Factor::RecoveryCode, caller)?;
    if account.enrolled.recovery_codes == 0 {
        return Err(rejected(Code::MethodUnavailable, "This account has no recovery codes left."));
    }
    let now = issuer.store.cached_now();
    if !looks_like(code) {
        return Err(guess::refuse(issuer, attempt, user, Factor::RecoveryCode, caller, now).await);
    }
    let left = account.enrolled.recovery_codes.saturating_sub(1);
    let (what, from) = (Noticed::RecoveryCodeUsed, Some(caller.asked_from()));
    let notice = outbox::notice(issuer, user, what, now, from, Some(left.to_string())).await?;
    let event = EventDraft::new(EventKind::RecoveryCodeUsed, Actor::User(user.id.clone()))
        .with("ip", caller.ip.to_string())
        .telling(notice);
    let digest = digest(issuer, &user.id, code);
    let At { now, it } = issuer.store.use_recovery_code(&user.id, &digest, event).await?;
    if it.is_none() {
        return Err(guess::refuse(issuer, attempt, user, Factor::RecoveryCode, caller, now).await);
    }
    attempt.succeeded();
    Ok(Proof::new(Factor::RecoveryCode, account.subject.clone(), purpose, flow, now))
}
