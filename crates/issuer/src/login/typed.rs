//! Factors proven by typing a code, for callers that show pages of their own: which of those due there are,
//! sending one, trying one.

use super::{Caller, Look, Proof, Transaction, email_code, recovery_code, sms_code, totp};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{Account, Factor, Secret};

/// Of these factors, those proven by typing a code.
pub(crate) fn of(due: &[Factor]) -> Vec<Factor> {
    let by_code = [Factor::Totp, Factor::SmsCode, Factor::EmailCode, Factor::RecoveryCode];
    by_code.into_iter().filter(|f| due.contains(f)).collect()
}

/// The one of that name.
pub(crate) fn named(method: &str, due: &[Factor]) -> Result<Factor> {
    let found = Factor::parse(method).filter(|f| due.contains(f));
    found.ok_or_else(|| rejected(Code::MethodUnavailable, "This method is not one of mfa_methods."))
}

/// Which methods a code may be of, when it comes without one.
pub(crate) fn likely(due: &[Factor], challenged: Option<Factor>, code: &Secret) -> Vec<Factor> {
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

/// Sends a code by that method. `false`: it needs none sent.
pub(crate) async fn send(
    issuer: &Issuer,
    account: &Account,
    method: Factor,
    transaction: &Transaction,
    look: &Look,
    caller: &Caller,
) -> Result<bool> {
    let (purpose, flow) = (transaction.purpose(), transaction.flow());
    match method {
        Factor::SmsCode => sms_code::send(issuer, account, purpose, flow, look, caller).await?,
        Factor::EmailCode => email_code::send(issuer, account, purpose, flow, look, caller).await?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The first of these methods that fits; when none does, what the first one said. `method_unavailable`:
/// there are none.
pub(crate) async fn prove(
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
    Err(first.map_or_else(unavailable, Failure::Rejected))
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
        Factor::EmailCode => email_code::prove_further(issuer, account, code, purpose, flow, caller).await,
        _ => Err(unavailable()),
    }
}

fn unavailable() -> Failure {
    rejected(Code::MethodUnavailable, "This method is not proven by a code.")
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
