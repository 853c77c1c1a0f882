//! The passkey factor (WebAuthn Level 3): discoverable credentials that verify their user come first or
//! second, other keys second only.
//!
//! A challenge is good for one answer, of one browser, for five minutes. What stops a second use is the
//! store's note of the challenge: most passkeys have no counter. One that goes back is refused and told.

pub(crate) mod ceremony;

pub use ceremony::{Answer, Options, available};

use self::ceremony::{Kind, Waiting, handle, read, relying_party, same_origin};
use super::throttle::Attempt;
use super::{Caller, Proof, Purpose};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::message::Noticed;
use crate::model::{Account, Actor, Answered, EventDraft, EventKind, Factor, Passkey, UserId};
use crate::outbox;
use crate::port::{At, UsedPasskey};
use countersign_token::{Timestamp, base64url};
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AuthenticationResult, AuthenticationState, Credential, PublicKeyCredential, UserVerificationPolicy,
};

/// A challenge. `user`: known already, and their keys are named to the browser; `None`: whoever has a passkey
/// for this issuer, and nothing tells who has.
pub async fn options(
    issuer: &Issuer,
    user: Option<&UserId>,
    purpose: Purpose,
    flow: &str,
) -> Result<Options> {
    let party = relying_party(issuer)?;
    let At { now, it: keys } = match user {
        Some(user) => issuer.store.list_passkeys(user).await?,
        None => At { now: issuer.store.cached_now(), it: Vec::new() },
    };
    if user.is_some() && keys.is_empty() {
        return Err(rejected(Code::MethodUnavailable, "This account has no passkey or security key."));
    }
    // Where one of them cannot, asking for it would keep that one out.
    let verify = match keys.iter().all(|k| k.verifies_user) {
        true => UserVerificationPolicy::Required,
        false => UserVerificationPolicy::Preferred,
    };
    let credentials = keys.iter().map(credential).collect::<Result<Vec<_>>>()?;
    let challenge = party.new_challenge_authenticate_builder(credentials, Some(verify)).map_err(bug)?;
    let (options, mut state) = party.generate_challenge_authenticate(challenge).map_err(bug)?;
    // The keys are read again with the answer.
    state.set_allowed_credentials(Vec::new());
    let waiting = Waiting::new(issuer, purpose, user, state);
    Ok(Options {
        options: serde_json::to_value(options).map_err(|e| Failure::Bug(e.to_string()))?,
        state: waiting.seal(issuer, Kind::Get, flow, now)?,
    })
}

/// Checks an answer to [`options`] of the same user, purpose and flow. `invalid_credentials`, for all reasons
/// alike: unknown key, another's, replayed, too old, from elsewhere, wrong signature, user not verified,
/// counter gone back, account disabled. `too_many_attempts` with `retry_after`.
pub async fn prove(
    issuer: &Issuer,
    user: Option<&UserId>,
    answer: Answer<'_>,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    let party = relying_party(issuer)?;
    let answered: Result<PublicKeyCredential, String> = read(answer.credential);
    // A key has its own bucket: who fills the account's with passwords does not lock the owner's key out.
    let name = answered.as_ref().map(|a| base64url::encode(&a.raw_id)).unwrap_or_default();
    let (mark, now) = (issuer.sealer.mark("passkey", &name), issuer.store.cached_now());
    let attempt = issuer.throttle.admit_factor(Factor::Passkey, mark, caller.ip, now)?;
    let asked = Asked { user, purpose, flow, state: answer.state };
    let judged = match answered {
        Ok(answer) => judge(issuer, &party, &asked, &answer, caller).await?,
        Err(why) => Err(Refused { why, user: None, now }),
    };
    match judged {
        Ok(proof) => {
            attempt.succeeded();
            Ok(proof)
        }
        Err(refused) => Err(refuse(issuer, attempt, user, refused, caller).await),
    }
}

/// What an answer is held against.
struct Asked<'a> {
    user: Option<&'a UserId>,
    purpose: Purpose,
    flow: &'a str,
    state: &'a str,
}

/// Why an answer is none; for the log only.
struct Refused {
    why: String,
    user: Option<UserId>,
    now: Timestamp,
}

async fn judge(
    issuer: &Issuer,
    party: &WebauthnCore,
    asked: &Asked<'_>,
    answer: &PublicKeyCredential,
    caller: &Caller,
) -> Result<Result<Proof, Refused>> {
    let At { now, it } = issuer.store.passkey(&answer.raw_id).await?;
    let no = |why: &str, of: Option<&Passkey>| {
        Ok(Err(Refused { why: why.to_owned(), user: of.map(|k| k.user.clone()), now }))
    };
    let expects = (asked.purpose, asked.user);
    let Some((state, answered)) =
        Waiting::<AuthenticationState>::open(issuer, Kind::Get, asked.flow, expects, asked.state, now)
    else {
        return no("no such challenge waits", None);
    };
    let Some(key) = it else { return no("unknown key", None) };
    if let Err(why) = fits(&key, asked.user, answer)? {
        return no(why, Some(&key));
    }
    if let Err(why) = same_origin(issuer, &answer.response.client_data_json) {
        return no(&why, Some(&key));
    }
    let mut credential = credential(&key)?;
    let done = match party.authenticate_single_credential(answer, &state, &credential) {
        Ok(done) => done,
        Err(WebauthnError::CredentialPossibleCompromise) => {
            suspect(issuer, &key, answered, caller, now).await?;
            return no("the counter went back", Some(&key));
        }
        Err(e) => return no(&e.to_string(), Some(&key)),
    };
    let account = issuer.store.account(&key.user).await?.it;
    let Some(account) = account.filter(|a| a.subject.user.is_active()) else {
        return no("disabled", Some(&key));
    };
    note(&mut credential, &done);
    let used = UsedPasskey {
        id: key.id,
        answered,
        counter_before: key.counter,
        counter: done.counter(),
        backed_up: done.backup_state(),
        credential: serde_json::to_value(&credential).map_err(|e| Failure::Bug(e.to_string()))?,
    };
    if !issuer.store.use_passkey(used).await? {
        return no("answered before", Some(&key));
    }
    Ok(Ok(proof(&key, account, asked, now)))
}

fn proof(key: &Passkey, account: Account, asked: &Asked<'_>, now: Timestamp) -> Proof {
    let factor = if key.verifies_user { Factor::Passkey } else { Factor::SecurityKey };
    let mut proof = Proof::new(factor, account.subject, asked.purpose, asked.flow, now);
    proof.proven.hardware = !key.backup_eligible;
    proof
}

/// Is it a key that may answer here, and does it say whose it is (WebAuthn 7.2 step 6)?
fn fits(
    key: &Passkey,
    user: Option<&UserId>,
    answer: &PublicKeyCredential,
) -> Result<Result<(), &'static str>> {
    let own = handle(&key.user)?;
    // Keys that are not discoverable keep no handle.
    let said = answer.get_user_unique_id().filter(|handle| !handle.is_empty());
    Ok(match (user, said) {
        (Some(user), _) if *user != key.user => Err("another's key"),
        (_, Some(said)) if said != own => Err("another's user handle"),
        (None, None) => Err("no user handle"),
        (None, _) if !key.verifies_user => Err("good as a second factor only"),
        _ => Ok(()),
    })
}

/// Tells the log and the person, unless the answer is one used before: then it shows nothing.
async fn suspect(
    issuer: &Issuer,
    key: &Passkey,
    answered: Answered,
    caller: &Caller,
    now: Timestamp,
) -> Result<()> {
    let Some(account) = issuer.store.account(&key.user).await?.it else { return Ok(()) };
    let from = Some(caller.asked_from());
    let user = &account.subject.user;
    let notice =
        outbox::notice(issuer, user, Noticed::PasskeyCloned, now, from, Some(key.name.clone())).await?;
    let event = EventDraft::new(EventKind::PasskeyCloned, Actor::Anonymous)
        .user(&key.user)
        .with("passkey", key.id.to_string())
        .with("ip", caller.ip.to_string())
        .telling(notice);
    if issuer.store.suspect_passkey(answered, event).await? {
        tracing::warn!(passkey = %key.id, "a signature counter went back");
    }
    Ok(())
}

/// Counts and notes a failure; one answer for all reasons.
async fn refuse(
    issuer: &Issuer,
    attempt: Attempt<'_>,
    known: Option<&UserId>,
    refused: Refused,
    caller: &Caller,
) -> Failure {
    attempt.failed(refused.now);
    let kind = if known.is_some() { EventKind::FactorFailed } else { EventKind::LoginFailed };
    let mut event = EventDraft::new(kind, Actor::Anonymous)
        .with("factor", Factor::Passkey.name())
        .with("ip", caller.ip.to_string())
        .with("device", caller.device.as_str());
    event.user = known.cloned().or(refused.user);
    if let Err(e) = issuer.store.note(event).await {
        tracing::warn!(error = %e, "a failed sign-in could not be written to the log");
    }
    match rejected(Code::InvalidCredentials, "That passkey did not work here.") {
        Failure::Rejected(r) => Failure::Rejected(r.because(refused.why)),
        other => other,
    }
}

/// What the library keeps of a key.
fn credential(key: &Passkey) -> Result<Credential> {
    serde_json::from_value(key.credential.clone())
        .map_err(|e| Failure::Bug(format!("passkey {} does not read: {e}", key.id)))
}

/// What changes with a use. That a key may be backed up never does.
fn note(credential: &mut Credential, done: &AuthenticationResult) {
    credential.counter = done.counter();
    credential.backup_state = done.backup_state();
}

pub(crate) fn bug(e: WebauthnError) -> Failure {
    Failure::Bug(format!("webauthn: {e}"))
}
