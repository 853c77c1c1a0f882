//! Setting up and removing what one proves oneself by, one file a factor. That the person has just proven who
//! they are is for the caller to see to.

pub mod passkey;
pub mod phone;
pub mod recovery_code;
pub mod totp;

use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Caller, Proof, Purpose, Transaction};
use crate::model::message::Noticed;
use crate::model::{Account, Actor, BrowserSessionId, EventDraft, EventKind, Factor, User};
use crate::port::{At, CredentialChange};
use crate::{Issuer, outbox};

/// Who sets something up, and where. Made where it was decided that they may: signed in and proven lately
/// ([`super::factors::fresh_enough`]), or on the way in with a second factor demanded and none set up.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The person, as read when it was decided.
    pub user: &'a User,
    /// The browser session it is done in; it goes on.
    pub session: Option<&'a BrowserSessionId>,
    /// The flow cookie's value.
    pub flow: &'a str,
    /// Address and device, for the notice.
    pub caller: &'a Caller,
}

/// Whose sign-in under way lacks a factor, as they were when it was decided that they may set one up: a change of
/// theirs is guarded by that version. `invalid_credentials`: their credentials changed since.
pub async fn lacking(issuer: &Issuer, transaction: &Transaction) -> Result<At<Account>> {
    let user = transaction.user().ok_or_else(again)?;
    let At { now, it } = issuer.store.account(user).await?;
    let same = |a: &Account| transaction.credential_version() == Some(a.subject.user.credential_version);
    Ok(At { now, it: it.filter(same).ok_or_else(again)? })
}

/// A sign-in under way goes on after the person set up what it lacked: the proofs it had, made against the
/// credentials from before, and the new factor's first one. Only right after that factor was confirmed, by
/// whoever made those proofs and in their flow. `changes`: how often that raised the account's version;
/// `invalid_credentials` when anything else changed it meanwhile. `hardware`: as in
/// [`crate::model::Proven::hardware`].
pub async fn on_the_way(
    issuer: &Issuer,
    transaction: &Transaction,
    factor: Factor,
    hardware: bool,
    changes: u32,
) -> Result<Transaction> {
    let user = transaction.user().ok_or_else(again)?;
    let before = transaction.credential_version().ok_or_else(again)?;
    let At { now, it } = issuer.store.account(user).await?;
    let subject = it.ok_or_else(again)?.subject;
    let version = before.saturating_add(changes);
    if subject.user.credential_version != version {
        return Err(again());
    }
    let mut on = transaction.clone().signing_in(version);
    let flow = on.flow().to_owned();
    let mut proof = Proof::new(factor, subject, Purpose::Browser, &flow, now);
    proof.proven.hardware = hardware;
    on.add(proof)?;
    Ok(on)
}

fn again() -> Failure {
    rejected(Code::InvalidCredentials, "Please sign in again.")
}

/// The account as it stands now.
async fn load(issuer: &Issuer, me: &User) -> Result<Account> {
    issuer.store.account(&me.id).await?.it.ok_or_else(gone)
}

fn gone() -> Failure {
    rejected(Code::NotFound, "This account is gone.")
}

/// A change the person makes to their credentials, with the notice that goes with it. `me` is the person as they
/// were read with the session or the proofs that allow it: after a reset by the owner or the operator, which ends
/// those, nothing is written. `keep`: the browser it is made in; every other session ends.
pub(crate) async fn change(
    issuer: &Issuer,
    me: &User,
    (kind, what): (EventKind, Noticed),
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<CredentialChange> {
    let now = issuer.store.cached_now();
    let notice = outbox::notice(issuer, me, what, now, Some(caller.asked_from()), None).await?;
    let event = EventDraft::new(kind, Actor::User(me.id.clone()))
        .user(&me.id)
        .with("ip", caller.ip.to_string())
        .telling(notice);
    let until = issuer.longest_token_life().await?;
    let version = Some(me.credential_version);
    Ok(CredentialChange { user: me.id.clone(), version, keep: keep.cloned(), until, event })
}
