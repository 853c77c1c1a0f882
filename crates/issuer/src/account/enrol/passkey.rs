//! Passkeys and security keys of a person: register, name, remove.
//!
//! Asked for: discoverable and verifying its user, so that it is good as a first factor. A key that can
//! neither is kept as a second factor.

mod provider;

use super::Owner;
use crate::Issuer;
use crate::account::factors::may_leave;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::Purpose;
use crate::login::passkey::ceremony::{Kind, Waiting, handle, host, read, relying_party, same_origin};
use crate::login::passkey::{Answer, Options, bug};
use crate::model::message::Noticed;
use crate::model::passkey::{LONGEST_PASSKEY_NAME, MOST_PASSKEYS};
use crate::model::{Actor, EventDraft, EventKind, Passkey, PasskeyId, UserId};
use crate::port::{AddedPasskey, At, CredentialChange};
use crate::{outbox, revocation};
use countersign_token::Timestamp;
use webauthn_rs_core::proto::{
    Credential, ExtnState, PublicKeyCredentialDescriptor, RegisterPublicKeyCredential, RegistrationState,
    RequestRegistrationExtensions, ResidentKeyRequirement, UserVerificationPolicy,
};

/// What a registration is for: nothing else takes its answer.
const PURPOSE: Purpose = Purpose::EnrolPasskey;
/// The name of who gave none.
const UNNAMED: &str = "Passkey";

/// The person's keys, oldest first.
pub async fn list(issuer: &Issuer, user: &UserId) -> Result<Vec<Passkey>> {
    Ok(issuer.store.list_passkeys(user).await?.it)
}

/// A challenge for a new key. `conflict`: there are as many as there may be.
pub async fn options(issuer: &Issuer, owner: Owner<'_>) -> Result<Options> {
    let party = relying_party(issuer)?;
    let At { now, it: keys } = issuer.store.list_passkeys(&owner.user.id).await?;
    if keys.len() >= MOST_PASSKEYS {
        return Err(full());
    }
    let (user, id) = (owner.user, handle(&owner.user.id)?);
    let shown = user.name.as_deref().filter(|n| !n.trim().is_empty()).unwrap_or(&user.email);
    let asked = RequestRegistrationExtensions { uvm: None, ..RequestRegistrationExtensions::default() };
    let challenge = party
        .new_challenge_register_builder(&id, &user.email, shown)
        .map_err(bug)?
        .user_verification_policy(UserVerificationPolicy::Preferred)
        .extensions(Some(asked));
    let (mut options, state) = party.generate_challenge_register(challenge).map_err(bug)?;
    // The library knows "required" and "discouraged"; nor need the keys there are travel sealed.
    if let Some(selection) = &mut options.public_key.authenticator_selection {
        selection.resident_key = Some(ResidentKeyRequirement::Preferred);
    }
    let known = |k: Passkey| PublicKeyCredentialDescriptor {
        type_: "public-key".to_owned(),
        id: k.credential_id,
        transports: None,
    };
    options.public_key.exclude_credentials = Some(keys.into_iter().map(known).collect());
    let waiting = Waiting::new(issuer, PURPOSE, Some(&user.id), state);
    Ok(Options {
        options: serde_json::to_value(options).map_err(|e| Failure::Bug(e.to_string()))?,
        state: waiting.seal(issuer, Kind::Create, owner.flow, now)?,
    })
}

/// Keeps the key that answered. A change of credentials: other sessions end, the person is told.
/// `invalid_credentials`: no answer to a challenge that waits; `conflict`: known already, or too many;
/// `invalid_request`: a name of more than 60 characters.
pub async fn add(issuer: &Issuer, owner: Owner<'_>, answer: Answer<'_>, name: &str) -> Result<Passkey> {
    let name = checked(name)?;
    let now = issuer.store.list_passkeys(&owner.user.id).await?.now;
    let (credential, answered) = match judge(issuer, owner, answer, now)? {
        Ok(judged) => judged,
        Err(why) => return Err(refused(why)),
    };
    // Unsigned: who lies about it cannot sign in with the key alone.
    let discoverable = is_discoverable(&credential);
    let passkey = Passkey {
        id: PasskeyId::mint(&*issuer.entropy),
        user: owner.user.id.clone(),
        credential_id: credential.cred_id.clone(),
        name,
        verifies_user: credential.user_verified && discoverable,
        backup_eligible: credential.backup_eligible,
        backed_up: credential.backup_state,
        counter: credential.counter,
        credential: serde_json::to_value(&credential).map_err(|e| Failure::Bug(e.to_string()))?,
        created_at: now,
        used_at: None,
    };
    let change = change(issuer, owner, EventKind::PasskeyAdded, Noticed::PasskeyAdded, &passkey, now).await?;
    match issuer.store.add_passkey(change, passkey.clone(), answered).await? {
        AddedPasskey::Added(rules) => {
            revocation::enforce(issuer, &rules).await?;
            Ok(passkey)
        }
        AddedPasskey::Known => Err(rejected(Code::Conflict, "This passkey is registered already.")),
        AddedPasskey::Full => Err(full()),
        AddedPasskey::Stale => Err(refused("answered before".to_owned())),
        AddedPasskey::NoSuchUser => Err(refused("no such user".to_owned())),
    }
}

/// Who keeps the key that an answer is about, such as a password manager: a name for it where the person gave
/// none. Taken from the answer before it is judged, by nobody's word but the browser's.
pub fn provider(issuer: &Issuer, answer: Answer<'_>) -> Option<&'static str> {
    let credential: RegisterPublicKeyCredential = read(answer.credential).ok()?;
    let (_, host) = host(issuer)?;
    provider::name_of(&credential.response.attestation_object, &host)
}

/// Gives one another name. `not_found`: there is none of that id that is theirs.
pub async fn rename(issuer: &Issuer, owner: Owner<'_>, id: PasskeyId, name: &str) -> Result<()> {
    let (user, name) = (&owner.user.id, checked(name)?);
    let event = EventDraft::new(EventKind::PasskeyRenamed, Actor::User(user.clone()))
        .user(user)
        .with("passkey", id.to_string());
    match issuer.store.rename_passkey(user, id, &name, event).await? {
        true => Ok(()),
        false => Err(unknown()),
    }
}

/// Removes one. `not_found`: there is none of that id that is theirs; `conflict`: it is the last way to sign
/// in, or the last second factor where one is demanded of everybody, or another change was faster.
pub async fn remove(issuer: &Issuer, owner: Owner<'_>, id: PasskeyId) -> Result<()> {
    let user = &owner.user.id;
    let At { now, it } = issuer.store.account(user).await?;
    let account = it.ok_or_else(unknown)?;
    let keys = issuer.store.list_passkeys(user).await?.it;
    let key = keys.iter().find(|k| k.id == id).ok_or_else(unknown)?;
    let mut left = account.enrolled.clone();
    let counted = if key.verifies_user { &mut left.passkeys } else { &mut left.security_keys };
    *counted = counted.saturating_sub(1);
    may_leave(issuer, &account, &left)?;
    let change = change(issuer, owner, EventKind::PasskeyRemoved, Noticed::PasskeyRemoved, key, now).await?;
    let rules = issuer.store.remove_passkey(change, id).await?.ok_or_else(unknown)?;
    revocation::enforce(issuer, &rules).await?;
    Ok(())
}

type Judged = (Credential, crate::model::Answered);

fn judge(
    issuer: &Issuer,
    owner: Owner<'_>,
    answer: Answer<'_>,
    now: Timestamp,
) -> Result<Result<Judged, String>> {
    let party = relying_party(issuer)?;
    let credential: RegisterPublicKeyCredential = match read(answer.credential) {
        Ok(read) => read,
        Err(why) => return Ok(Err(why)),
    };
    let expects = (PURPOSE, Some(&owner.user.id));
    let waiting =
        Waiting::<RegistrationState>::open(issuer, Kind::Create, owner.flow, expects, answer.state, now);
    let Some((state, answered)) = waiting else {
        return Ok(Err("no such challenge waits".to_owned()));
    };
    if let Err(why) = same_origin(issuer, &credential.response.client_data_json) {
        return Ok(Err(why));
    }
    match party.register_credential(&credential, &state, None) {
        // The page sends the id beside the signed data: what counts is what was signed.
        Ok(made) if made.cred_id != credential.raw_id => Ok(Err("two credential ids".to_owned())),
        Ok(made) => Ok(Ok((made, answered))),
        Err(e) => Ok(Err(e.to_string())),
    }
}

/// A key that says nothing is taken for one: a browser that does not know the extension.
fn is_discoverable(credential: &Credential) -> bool {
    match &credential.extensions.cred_props {
        ExtnState::Set(props) | ExtnState::Unsolicited(props) | ExtnState::Unsigned(props) => {
            props.rk != Some(false)
        }
        ExtnState::NotRequested | ExtnState::Ignored => true,
    }
}

async fn change(
    issuer: &Issuer,
    owner: Owner<'_>,
    kind: EventKind,
    what: Noticed,
    key: &Passkey,
    now: Timestamp,
) -> Result<CredentialChange> {
    let user = owner.user;
    let from = Some(owner.caller.asked_from());
    let notice = outbox::notice(issuer, user, what, now, from, Some(key.name.clone())).await?;
    let event = EventDraft::new(kind, Actor::User(user.id.clone()))
        .user(&user.id)
        .with("passkey", key.id.to_string())
        .with("ip", owner.caller.ip.to_string())
        .telling(notice);
    Ok(CredentialChange {
        user: user.id.clone(),
        version: Some(user.credential_version),
        keep: owner.session.cloned(),
        until: issuer.longest_token_life().await?,
        event,
    })
}

fn checked(name: &str) -> Result<String> {
    let name = name.trim();
    if name.chars().count() > LONGEST_PASSKEY_NAME || name.chars().any(char::is_control) {
        return Err(rejected(Code::InvalidRequest, "A name has 60 characters or fewer, on one line."));
    }
    Ok(if name.is_empty() { UNNAMED } else { name }.to_owned())
}

fn full() -> Failure {
    rejected(Code::Conflict, "There are as many passkeys as an account may have. Remove one first.")
}

fn unknown() -> Failure {
    rejected(Code::NotFound, "There is no such passkey any more.")
}

fn refused(why: String) -> Failure {
    match rejected(Code::InvalidCredentials, "That passkey could not be registered.") {
        Failure::Rejected(r) => Failure::Rejected(r.because(why)),
        other => other,
    }
}
