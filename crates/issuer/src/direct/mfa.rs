//! The second step: `/auth/mfa/challenge` sends a code, `/auth/mfa/verify` takes one.

use super::finish::{Outcome, UnderWay, finish, missing, proves_something, start_again, typed};
use super::wish::Aim;
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Caller, Look, Proof, Step, Transaction, email_code, recovery_code, sms_code, totp};
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
        Step::NeedFactor(due) => Ok(Looked { under_way, aim, account, due: typed(&due) }),
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
    let method = named(method, &due)?;
    let own = issuer.store.locale(&account.subject.user.id).await?;
    let look = Look { lang: own.unwrap_or_else(|| lang.to_owned()), client: Some(aim.client.id.clone()) };
    let (purpose, flow) = (under_way.transaction.purpose(), under_way.transaction.flow());
    let sent = match method {
        Factor::SmsCode => {
            sms_code::send(issuer, &account, purpose, flow, &look, caller).await?;
            true
        }
        Factor::EmailCode => {
            email_code::send(issuer, &account, purpose, flow, &look, caller).await?;
            true
        }
        _ => false,
    };
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
        Some(method) => vec![named(method, &due)?],
        None => likely(&due, under_way.challenged, code),
    };
    let proof = prove(issuer, &account, &tried, code, &under_way.transaction, caller).await?;
    under_way.transaction.add(proof)?;
    under_way.challenged = None;
    finish(issuer, under_way, aim, start_again, caller).await
}

fn named(method: &str, due: &[Factor]) -> Result<Factor> {
    let found = Factor::parse(method).filter(|f| due.contains(f));
    found.ok_or_else(|| rejected(Code::MethodUnavailable, "This method is not one of mfa_methods."))
}

/// Which methods a code may be of.
fn likely(due: &[Factor], challenged: Option<Factor>, code: &Secret) -> Vec<Factor> {
    if due.contains(&Factor::RecoveryCode) && recovery_code::looks_like(code) {
        return vec![Factor::RecoveryCode];
    }
    if let Some(method) = challenged.filter(|f| due.contains(f)) {
        return vec![method];
    }
    let digits = due.iter().copied().filter(|f| *f != Factor::RecoveryCode);
    let all: Vec<Factor> = digits.collect();
    if all.is_empty() { due.to_vec() } else { all }
}

/// The first that fits; when none does, what the first one said.
async fn prove(
    issuer: &Issuer,
    account: &Account,
    tried: &[Factor],
    code: &Secret,
    transaction: &Transaction,
    caller: &Caller,
) -> Result<Proof> {
    let mut first = None;
    for factor in tried {
        match prove_one(issuer, account, *factor, code, transaction, caller).await {
            Ok(proof) => return Ok(proof),
            Err(Failure::Rejected(refused)) => first = first.or(Some(refused)),
            Err(failure) => return Err(failure),
        }
    }
    Err(first.map_or_else(start_again, Failure::Rejected))
}

async fn prove_one(
    issuer: &Issuer,
    account: &Account,
    factor: Factor,
    code: &Secret,
    transaction: &Transaction,
    caller: &Caller,
) -> Result<Proof> {
    let (purpose, flow) = (transaction.purpose(), transaction.flow());
    match factor {
        Factor::Totp => totp::prove(issuer, account, code, purpose, flow, caller).await,
        Factor::RecoveryCode => recovery_code::prove(issuer, account, code, purpose, flow, caller).await,
        Factor::SmsCode => sms_code::prove(issuer, account, code, purpose, flow, caller).await,
        Factor::EmailCode => {
            let address = &account.subject.user.email;
            email_code::prove(issuer, address, code, purpose, Some(flow), caller).await
        }
        _ => Err(rejected(Code::MethodUnavailable, "This method is not proven by a code.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_method_is_tried_by_its_form() {
        use Factor::{EmailCode, RecoveryCode, SmsCode, Totp};
        let all = [Totp, SmsCode, RecoveryCode];
        let (digits, paper) = (Secret::new("123456"), Secret::new("abcd-efgh-jklm"));
        for (due, challenged, code, tried) in [
            (&all[..], None, &digits, vec![Totp, SmsCode]),
            (&all[..], Some(SmsCode), &digits, vec![SmsCode]),
            (&all[..], Some(EmailCode), &digits, vec![Totp, SmsCode]),
            (&all[..], Some(SmsCode), &paper, vec![RecoveryCode]),
            (&all[..2], Some(SmsCode), &paper, vec![SmsCode]),
            (&all[2..], None, &digits, vec![RecoveryCode]),
            (&[], Some(SmsCode), &digits, vec![]),
        ] {
            assert_eq!(likely(due, challenged, code), tried, "{due:?} {challenged:?}");
        }
    }

    #[test]
    fn methods_are_those_that_are_due() {
        let due = [Factor::Totp, Factor::SmsCode];
        assert_eq!(named("sms", &due).unwrap(), Factor::SmsCode);
        assert_eq!(named("sms_code", &due).unwrap(), Factor::SmsCode);
        for other in ["", "email", "password", "recovery_code", "passkey", "TOTP", "sms "] {
            assert!(named(other, &due).is_err(), "{other:?}");
        }
    }
}
