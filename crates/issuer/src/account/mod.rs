//! The life of an account as its owner sees it.

pub mod enrol;
pub mod factors;
pub mod sessions;

use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::Account;
use crate::port::At;
use crate::port::browser_session::LiveBrowser;

/// The person with what is enrolled, as it is now.
pub async fn load(issuer: &Issuer, me: &LiveBrowser) -> Result<At<Account>> {
    let At { now, it } = issuer.store.account(&me.subject.user.id).await?;
    Ok(At { now, it: it.ok_or_else(gone)? })
}

fn gone() -> Failure {
    rejected(Code::InvalidCredentials, "Please sign in again.")
}
