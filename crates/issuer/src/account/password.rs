//! Changing or removing one's own password. That the person has just proven who they are is for the caller
//! to see to; where they have no more than this password, the old one is as good.

use super::enrol::change;
use super::{changed, factors, load};
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::login::password::{self, Chooser};
use crate::login::{Caller, Purpose};
use crate::model::message::Noticed;
use crate::model::{Acr, EventKind, Secret, User};
use crate::port::browser_session::LiveBrowser;

/// May the old password stand in for a fresh sign-in? Only of an account that has nothing stronger.
pub async fn old_will_do(issuer: &Issuer, me: &LiveBrowser) -> Result<bool> {
    let account = load(issuer, me).await?.it;
    let alone = factors::due(&account.enrolled) == Acr::One;
    Ok(alone && account.enrolled.password)
}

/// Checks the old password, under the limits of every sign-in. `invalid_credentials`: wrong.
pub async fn prove_old(
    issuer: &Issuer,
    me: &LiveBrowser,
    old: Secret,
    flow: &str,
    caller: &Caller,
) -> Result<()> {
    let login = &me.subject.user.email;
    let proof = password::prove(issuer, login, old, Purpose::Browser, flow, caller).await?;
    match proof.subject().user.id == me.subject.user.id {
        true => Ok(()),
        false => Err(rejected(Code::InvalidCredentials, "The old password is wrong.")),
    }
}

/// Sets it, if the credentials are still those that `me` was read with. Every other session ends, and the person
/// is told. `weak_password`: with what to do; `too_many_attempts`.
pub async fn set(issuer: &Issuer, me: &LiveBrowser, new: Secret, caller: &Caller) -> Result<()> {
    let user = &me.subject.user;
    let hash = password::prepare(issuer, new, &about(user), Chooser::Person(caller)).await?;
    let what = (EventKind::PasswordChanged, Noticed::PasswordChanged);
    let change = change(issuer, user, what, Some(&me.session.id), caller).await?;
    changed(issuer, issuer.store.set_password(change, hash).await?).await
}

/// Removes it, from an account that can be signed in to otherwise.
pub async fn remove(issuer: &Issuer, me: &LiveBrowser, caller: &Caller) -> Result<()> {
    let account = load(issuer, me).await?.it;
    let mut left = account.enrolled.clone();
    left.password = false;
    factors::may_leave(issuer, &account, &left)?;
    let what = (EventKind::PasswordRemoved, Noticed::PasswordChanged);
    let change = change(issuer, &me.subject.user, what, Some(&me.session.id), caller).await?;
    changed(issuer, issuer.store.remove_password(change).await?).await
}

/// What a password must not be.
pub(super) fn about(user: &User) -> Vec<&str> {
    [Some(user.email.as_str()), user.username.as_deref(), user.name.as_deref()]
        .into_iter()
        .flatten()
        .collect()
}
