//! The life of an account as its owner sees it: from signing up to deleting it.

pub mod consents;
pub mod delete;
pub mod devices;
pub mod email;
pub mod enrol;
pub mod export;
pub mod factors;
pub mod password;
pub mod recover;
pub mod sessions;
pub mod signup;

use crate::error::{Code, Failure, Result, rejected};
use crate::login::Caller;
use crate::model::{Account, Actor, EventDraft, EventKind, Rule, User};
use crate::port::At;
use crate::port::browser_session::LiveBrowser;
use crate::{Issuer, revocation};

/// The person with what is enrolled, as it is now.
pub async fn load(issuer: &Issuer, me: &LiveBrowser) -> Result<At<Account>> {
    let At { now, it } = issuer.store.account(&me.subject.user.id).await?;
    Ok(At { now, it: it.ok_or_else(gone)? })
}

/// After a change: its rules are in force before the person is answered. `not_found`: there was nothing to
/// change.
async fn changed(issuer: &Issuer, rules: Option<Vec<Rule>>) -> Result<()> {
    let rules = rules.ok_or_else(|| rejected(Code::NotFound, "That was gone already."))?;
    revocation::enforce(issuer, &rules).await.map(drop)
}

/// An event of the person, about themself.
fn by(user: &User, kind: EventKind, caller: &Caller) -> EventDraft {
    EventDraft::new(kind, Actor::User(user.id.clone())).user(&user.id).with("ip", caller.ip.to_string())
}

fn gone() -> Failure {
    rejected(Code::InvalidCredentials, "Please sign in again.")
}
