//! A new password for who lost theirs: a sign-in at the strength of the account's strongest factor, begun by
//! its mailbox. Mail alone never goes past a second factor; a recovery code stands in for a lost one.

use super::enrol::change;
use super::gone;
use super::password::about;
use crate::error::{Failure, Reason, Rejected, Result};
use crate::login::challenge::{self, Addressee, Answered, Ask, Says};
use crate::login::password::{self, Chooser};
use crate::login::{Asked, Caller, Look, Mfa, Policy, Proof, Purpose, Step, Transaction, next};
use crate::model::message::{About, Noticed, To};
use crate::model::user::is_address;
use crate::model::{Account, Acr, EventKind, Factor, Secret};
use crate::port::At;
use crate::{Issuer, revocation};

/// The page of the links.
pub const PAGE: &str = "/recover/confirm";

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// One of these is still due.
    NeedFactor(Vec<Factor>),
    /// A new password may be chosen, for the account of this address.
    Choose(String),
}

/// Sends a link to the address typed, whose account is known or not: the same answer, the same work, one
/// mail either way. `resume`: where the person was going; comes back with the answer. `invalid_request`: no address; `method_unavailable`: there is no mail here.
pub async fn request(
    issuer: &Issuer,
    address: &str,
    flow: &str,
    look: &Look,
    resume: Option<&str>,
    caller: &Caller,
) -> Result<()> {
    if !issuer.settings.login.mail {
        let why = "Passwords are not reset by mail here. Ask whoever runs this service.";
        return Err(Rejected::of(Reason::NoMail, why).into());
    }
    let address = typed(address)?;
    let account = issuer.store.find_account(address).await?.it;
    let of = Addressee::of(account.as_ref(), address);
    let (to, says) = match of {
        Addressee::Person(account) => (account.subject.user.email.clone(), Says::Link(About::Recover)),
        Addressee::Mailbox(address) => (address.to_owned(), Says::Nothing(About::NoAccount)),
    };
    let ask = Ask {
        of,
        purpose: Purpose::Recover,
        factor: Factor::MagicLink,
        flow,
        to: To::Mail(to),
        says,
        page: PAGE,
        payload: resume.map(str::as_bytes),
        look,
        caller,
    };
    challenge::start(issuer, ask).await
}

fn typed(address: &str) -> Result<&str> {
    let address = address.trim();
    match is_address(address) {
        true => Ok(address),
        false => {
            Err(Rejected::of(Reason::Address, "Enter an e-mail address, written as name@domain.").into())
        }
    }
}

/// Proves the mailbox by the link, in the browser that asked for it.
pub async fn open(
    issuer: &Issuer,
    token: &str,
    flow: &str,
    caller: &Caller,
) -> Result<(Proof, Option<String>)> {
    let opened = challenge::open(issuer, token, &[Purpose::Recover], flow, caller).await?;
    let account = opened.account.ok_or_else(|| Failure::Bug("a recovery of nobody".into()))?;
    proven(issuer, account, opened.answered, flow, caller).await
}

/// Proves it by the code beside the link.
pub async fn answer(
    issuer: &Issuer,
    address: &str,
    code: &Secret,
    flow: &str,
    caller: &Caller,
) -> Result<(Proof, Option<String>)> {
    let address = typed(address)?;
    let account = issuer.store.find_account(address).await?.it;
    let of = Addressee::of(account.as_ref(), address);
    let (purpose, factor) = (Purpose::Recover, Factor::MagicLink);
    let answered = challenge::answer(issuer, of, purpose, factor, Some(flow), code, caller).await?;
    let account = account.ok_or_else(|| Failure::Bug("a recovery of nobody".into()))?;
    proven(issuer, account, answered, flow, caller).await
}

async fn proven(
    issuer: &Issuer,
    account: Account,
    answered: Answered,
    flow: &str,
    caller: &Caller,
) -> Result<(Proof, Option<String>)> {
    let resume = answered.payload.and_then(|plain| String::from_utf8(plain.to_vec()).ok());
    let subject = challenge::claim(issuer, account, caller).await?;
    Ok((Proof::new(Factor::MagicLink, subject, Purpose::Recover, flow, answered.now), resume))
}

/// What a recovery demands: the mailbox, then of whoever has a second factor the strongest kind they have,
/// or a recovery code.
fn demands(account: &Account, house: &Policy) -> Policy {
    let strongest: &[Factor] = match account.enrolled.strongest() {
        Acr::PhishingResistant => &[Factor::Passkey, Factor::SecurityKey, Factor::RecoveryCode],
        _ => &[Factor::Totp, Factor::SmsCode, Factor::RecoveryCode],
    };
    Policy {
        first: vec![Factor::MagicLink],
        second: strongest.to_vec(),
        mfa: Mfa::WhenEnrolled,
        acr: Acr::One,
        mail: true,
        ..house.clone()
    }
}

/// Decides what is missing.
pub async fn turn(issuer: &Issuer, transaction: &Transaction, flow: &str) -> Result<Turn> {
    decided(issuer, transaction, flow).await.map(|(turn, _)| turn)
}

async fn decided(issuer: &Issuer, transaction: &Transaction, flow: &str) -> Result<(Turn, Account)> {
    let user = transaction.user().ok_or_else(gone)?;
    let At { now, it } = issuer.store.account(user).await?;
    let account = it.ok_or_else(gone)?;
    let policy = demands(&account, &issuer.settings.login);
    match next(&account, transaction, &Asked::plain(Purpose::Recover, flow), &policy, now) {
        Step::Done(_) => Ok((Turn::Choose(account.subject.user.email.clone()), account)),
        Step::NeedFactor(due) if !due.contains(&Factor::MagicLink) => Ok((Turn::NeedFactor(due), account)),
        Step::NeedFactor(_) | Step::Enrol(_) | Step::Refused(_) => Err(gone()),
    }
}

/// Sets the password when nothing is missing. Every session ends, every device is unknown again, the person
/// is told. Answers the sign-in under way, to go on with. `weak_password`: with what to do;
/// `too_many_attempts`.
pub async fn set(
    issuer: &Issuer,
    transaction: &Transaction,
    flow: &str,
    new: Secret,
    caller: &Caller,
) -> Result<Transaction> {
    let (Turn::Choose(_), account) = decided(issuer, transaction, flow).await? else { return Err(gone()) };
    let user = &account.subject.user;
    let hash = password::prepare(issuer, new, &about(user), Chooser::Person(caller)).await?;
    let what = (EventKind::PasswordChanged, Noticed::PasswordChanged);
    let mut change = change(issuer, user, what, None, caller).await?;
    change.event = change.event.with("recovered", true);
    let rules = issuer.store.reset_password(change, hash).await?.ok_or_else(gone)?;
    revocation::enforce(issuer, &rules).await?;
    Ok(transaction.clone().signing_in(user.credential_version.saturating_add(1)))
}
