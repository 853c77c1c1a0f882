//! The second step: `/auth/mfa/challenge` sends a code, `/auth/mfa/verify` takes one.

use super::finish::{Outcome, UnderWay, finish, missing, proves_something, start_again};
use super::wish::Aim;
use crate::Issuer;
use crate::error::{Failure, Result};
use crate::login::{Caller, Look, Step, typed};
use crate::model::{Account, Client, Factor, Secret};
use crate::port::At;
use std::sync::Arc;

/// What asking for a code came to.
#[derive(Debug)]
pub struct Challenged {
    /// The partial token from here on: it remembers the method.
    pub token: String,
    /// The method.
    pub method: Factor,
    /// A code is on its way; `false`: this method needs none.
    pub sent: bool,
}

/// A sign-in under way, looked at with the account as it is now.
struct Looked {
    under_way: UnderWay,
    aim: Aim,
    account: Account,
    due: Vec<Factor>,
}

/// The client of a partial token, for CORS. `None`: it is good for nothing.
pub async fn client_of(issuer: &Issuer, token: &str) -> Result<Option<Arc<Client>>> {
    let now = issuer.store.cached_now();
    let Ok(under_way) = UnderWay::open(issuer, token, now) else { return Ok(None) };
    match under_way.aim(issuer).await {
        Ok(aim) => Ok(Some(aim.client)),
        Err(Failure::Rejected(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Was cookie mode asked for when it began?
pub fn wants_cookie(issuer: &Issuer, token: &str) -> bool {
    UnderWay::open(issuer, token, issuer.store.cached_now()).is_ok_and(|u| u.wants_cookie())
}

async fn look(issuer: &Issuer, token: &str) -> Result<Looked> {
    let under_way = UnderWay::open(issuer, token, issuer.store.cached_now())?;
    let who = under_way.transaction.user().ok_or_else(start_again)?;
    let At { now, it } = issuer.store.account(who).await?;
    let account = it.ok_or_else(start_again)?;
    if !proves_something(&account, &under_way.transaction) || under_way.is_spent(issuer).await? {
        return Err(start_again());
    }
    let aim = under_way.aim(issuer).await?;
    match missing(issuer, &account, &under_way.transaction, &aim, now) {
        Step::NeedFactor(due) => Ok(Looked { under_way, aim, account, due: typed::of(&due) }),
        Step::Done(_) | Step::Enrol(_) | Step::Refused(_) => Err(start_again()),
    }
}

/// Sends a code by that method, in the language of the account, else in `lang`, the call's (BCP 47). One that
/// needs none is noted and sends nothing.
pub async fn challenge(
    issuer: &Issuer,
    token: &str,
    method: &str,
    lang: &str,
    caller: &Caller,
) -> Result<Challenged> {
    let Looked { mut under_way, aim, account, due } = look(issuer, token).await?;
    let method = typed::named(method, &due)?;
    let own = issuer.store.locale(&account.subject.user.id).await?;
    let look = Look { lang: own.unwrap_or_else(|| lang.to_owned()), client: Some(aim.client.id.clone()) };
    let sent = typed::send(issuer, &account, method, &under_way.transaction, &look, caller).await?;
    under_way.challenged = Some(method);
    Ok(Challenged { token: under_way.seal(issuer)?, method, sent })
}

/// Takes a code and finishes, or asks for more. Without `method`: the one challenged last; else by the form
/// of the code.
pub async fn verify(
    issuer: &Issuer,
    token: &str,
    code: &Secret,
    method: Option<&str>,
    caller: &Caller,
) -> Result<Outcome> {
    let Looked { mut under_way, aim, account, due } = look(issuer, token).await?;
    let tried = match method {
        Some(method) => vec![typed::named(method, &due)?],
        None => typed::likely(&due, under_way.challenged, code),
    };
    let proof = typed::prove(issuer, &account, &tried, code, &under_way.transaction, caller).await?;
    under_way.transaction.add(proof)?;
    under_way.challenged = None;
    finish(issuer, under_way, aim, start_again, caller).await
}
