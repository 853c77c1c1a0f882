//! The SMS code factor: six digits to the account's confirmed number.

use super::challenge::{self, Addressee, Answered, Ask, SIGN_IN_PAGE, Says};
use super::{Caller, Look, Proof, Purpose};
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::model::message::{About, To};
use crate::model::{Account, Factor, Secret};

/// Sends a code to the account's number. `method_unavailable`: it has none, or no SMS can be sent here.
pub async fn send(
    issuer: &Issuer,
    account: &Account,
    purpose: Purpose,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    let number = account.enrolled.phone.clone().filter(|_| issuer.settings.login.sms);
    let number = number
        .ok_or_else(|| rejected(Code::MethodUnavailable, "No code can be sent by SMS to this account."))?;
    let ask = Ask {
        of: Addressee::Person(account),
        purpose,
        factor: Factor::SmsCode,
        flow,
        to: To::Sms(number),
        says: Says::Code(About::SignInCode),
        page: SIGN_IN_PAGE,
        payload: None,
        look,
        caller,
    };
    challenge::start(issuer, ask).await
}

/// Checks a code sent in this flow. `invalid_code`: wrong; `code_expired`: none waits; `too_many_attempts`.
pub async fn prove(
    issuer: &Issuer,
    account: &Account,
    code: &Secret,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    let of = Addressee::Person(account);
    let Answered { now, .. } =
        challenge::answer(issuer, of, purpose, Factor::SmsCode, Some(flow), code, caller).await?;
    Ok(Proof::new(Factor::SmsCode, account.subject.clone(), purpose, flow, now))
}
