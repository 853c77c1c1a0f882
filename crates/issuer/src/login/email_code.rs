//! The e-mail code factor: six digits to the account's address.

use super::challenge::{self, Addressee, Answered, Ask, SIGN_IN_PAGE, Says};
use super::{Caller, Look, Proof, Purpose};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::message::{About, To};
use crate::model::user::is_address;
use crate::model::{Account, Factor, Secret};
use crate::port::At;

/// A sign-in by mail to be: who may have an account at that address.
#[derive(Clone, Copy, Debug)]
pub struct FirstStep<'a> {
    /// As typed.
    pub address: &'a str,
    /// What for.
    pub purpose: Purpose,
    /// The flow that asks.
    pub flow: &'a str,
    /// Where the sign-in leads (the sealed authorization request); comes back with a link.
    pub then: Option<&'a str>,
    /// How the mail looks.
    pub look: &'a Look,
    /// Who asks.
    pub caller: &'a Caller,
}

/// First step: sends a code to the address typed, whose account is known or not: the same answer, the same
/// work, one mail either way. `invalid_request`: no address; `method_unavailable`: not in this house;
/// `too_many_attempts`: this network asked for too many, whoever for.
pub async fn request(
    issuer: &Issuer,
    address: &str,
    purpose: Purpose,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    ask(issuer, FirstStep { address, purpose, flow, then: None, look, caller }).await
}

/// As [`request`].
pub async fn ask(issuer: &Issuer, step: FirstStep<'_>) -> Result<()> {
    first_step(issuer, Factor::EmailCode, Says::Code(About::SignInCode), step).await
}

/// A further step: sends a code to the account's address. It is good for [`prove_further`] in the sign-in of
/// that purpose and flow, and never begins one.
pub async fn send(
    issuer: &Issuer,
    account: &Account,
    purpose: Purpose,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    if !account.enrolled.has(Factor::EmailCode, issuer.settings.login.mail) {
        return Err(unavailable());
    }
    let ask = Ask {
        of: Addressee::Person(account),
        purpose: Purpose::FurtherStep,
        factor: Factor::EmailCode,
        flow: &further(purpose, flow),
        to: To::Mail(account.subject.user.email.clone()),
        says: Says::Code(About::SignInCode),
        page: SIGN_IN_PAGE,
        payload: None,
        look,
        caller,
    };
    challenge::start(issuer, ask).await
}

/// Checks the code of a further step. Nothing is voided for it: whoever types it had proven the first one.
/// Refuses as [`prove`] does.
pub async fn prove_further(
    issuer: &Issuer,
    account: &Account,
    code: &Secret,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    let (of, asked_in) = (Addressee::Person(account), further(purpose, flow));
    let (step, factor) = (Purpose::FurtherStep, Factor::EmailCode);
    let Answered { now, .. } =
        challenge::answer(issuer, of, step, factor, Some(&asked_in), code, caller).await?;
    Ok(Proof::new(factor, account.subject.clone(), purpose, flow, now))
}

/// The flow of a further step's code: pages and direct API may share a flow cookie, and not a code.
fn further(purpose: Purpose, flow: &str) -> String {
    format!("{purpose:?} {flow}")
}

/// First step: checks a code, also one that came beside a link. `flow`: which asked; `None`: the newest that did.
/// `invalid_code`: wrong; `code_expired`: none waits, known address or not; `too_many_attempts`.
pub async fn prove(
    issuer: &Issuer,
    address: &str,
    code: &Secret,
    purpose: Purpose,
    flow: Option<&str>,
    caller: &Caller,
) -> Result<Proof> {
    let address = typed(address)?;
    let account = issuer.store.find_account(address).await?.it;
    let of = Addressee::of(account.as_ref(), address);
    let Answered { challenge, now, .. } =
        challenge::answer(issuer, of, purpose, Factor::EmailCode, flow, code, caller).await?;
    let account = account.ok_or_else(|| Failure::Bug("a code without a person was right".into()))?;
    let subject = challenge::claim(issuer, account, caller).await?;
    Ok(Proof::new(challenge.factor, subject, purpose, flow.unwrap_or_default(), now))
}

/// A code or link to whoever may have an account at that address.
pub(super) async fn first_step(
    issuer: &Issuer,
    factor: Factor,
    says: Says,
    step: FirstStep<'_>,
) -> Result<()> {
    let FirstStep { purpose, flow, then, look, caller, .. } = step;
    let policy = &issuer.settings.login;
    if !(policy.mail && policy.first.contains(&factor)) {
        return Err(unavailable());
    }
    let address = typed(step.address)?;
    let At { it: account, .. } = issuer.store.find_account(address).await?;
    let of = Addressee::of(account.as_ref(), address);
    let (to, says) = match of {
        Addressee::Person(account) => (account.subject.user.email.clone(), says),
        Addressee::Mailbox(address) => (address.to_owned(), Says::Nothing(About::NoAccount)),
    };
    let (to, payload) = (To::Mail(to), then.map(str::as_bytes));
    let ask = Ask { of, purpose, factor, flow, to, says, page: SIGN_IN_PAGE, payload, look, caller };
    challenge::start(issuer, ask).await
}

/// An address, or none: a user name is refused, known or not, since only an address can be written to.
fn typed(address: &str) -> Result<&str> {
    let address = address.trim();
    if is_address(address) {
        return Ok(address);
    }
    Err(rejected(Code::InvalidRequest, "Enter an e-mail address, written as name@domain."))
}

fn unavailable() -> Failure {
    rejected(Code::MethodUnavailable, "Codes and links by e-mail are not offered here.")
}
