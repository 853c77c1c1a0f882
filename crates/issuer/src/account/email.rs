//! The account's address: showing that it is one's own, and changing it for another that is.
//!
//! Whoever asks for an address that somebody has is answered as everybody: only its mailbox is told.

use super::enrol::change;
use super::{by, changed, gone, load};
use crate::error::{Code, Failure, Reason, Rejected, Result, rejected};
use crate::login::challenge::{self, Addressee, Answered, Ask, Says};
use crate::login::{Caller, Look, Purpose};
use crate::model::message::{About, Noticed, To};
use crate::model::{Account, Digest, EventKind, Factor, Secret, Whose};
use crate::port::ChangedEmail;
use crate::port::browser_session::LiveBrowser;
use crate::{Issuer, admin, outbox};

/// The page of the links.
pub const PAGE: &str = "/account/email/confirm";
/// What an answer here may be for.
pub const PURPOSES: [Purpose; 2] = [Purpose::VerifyEmail, Purpose::ChangeEmail];

/// What was shown to be theirs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// The account's address.
    Verified,
    /// Another one, which is the account's now.
    Changed,
}

/// Sends link and code to the account's address.
pub async fn ask_to_verify(
    issuer: &Issuer,
    me: &LiveBrowser,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    let account = load(issuer, me).await?.it;
    let to = account.subject.user.email.clone();
    ask(issuer, &account, Purpose::VerifyEmail, Says::Link(About::VerifyEmail), to, flow, look, caller).await
}

/// Sends link and code to another address. That the person has just proven who they are is for the caller to
/// see to. `invalid_request`: it cannot be an address.
pub async fn ask_to_change(
    issuer: &Issuer,
    me: &LiveBrowser,
    to: &str,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    let to = to.trim();
    let typed = admin::users::Add { email: to.to_owned(), ..admin::users::Add::default() };
    admin::users::check(&typed).map_err(|why| Rejected::of(Reason::Address, why))?;
    let account = load(issuer, me).await?.it;
    let taken = issuer.store.find_account(to).await?.it;
    let others = taken.filter(|a| a.subject.user.id != account.subject.user.id);
    let (to, says) = match others {
        // As its owner wrote it: letters that only look alike would lead to another mailbox.
        Some(others) => (others.subject.user.email, Says::Nothing(About::AlreadySignedUp)),
        None => (to.to_owned(), Says::Link(About::VerifyEmail)),
    };
    ask(issuer, &account, Purpose::ChangeEmail, says, to, flow, look, caller).await
}

#[expect(clippy::too_many_arguments, reason = "what both ask for and what they differ by")]
async fn ask(
    issuer: &Issuer,
    account: &Account,
    purpose: Purpose,
    says: Says,
    to: String,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    let ask = Ask {
        of: Addressee::Person(account),
        purpose,
        factor: Factor::MagicLink,
        flow,
        to: To::Mail(to),
        says,
        page: PAGE,
        payload: None,
        look,
        caller,
    };
    challenge::start(issuer, ask).await
}

/// Uses a link, in the browser that asked and while the person who asked is signed in there.
pub async fn open(
    issuer: &Issuer,
    me: &LiveBrowser,
    token: &str,
    flow: &str,
    caller: &Caller,
) -> Result<Shown> {
    let seen = issuer.store.link(&Digest::of(token)).await?.it;
    let mine = Whose::Person(me.subject.user.id.clone());
    if seen.is_none_or(|challenge| challenge.whose != mine) {
        return Err(rejected(Code::CodeExpired, "This link is for another account, used, or too old."));
    }
    let opened = challenge::open(issuer, token, &PURPOSES, flow, caller).await?;
    shown(issuer, me, opened.answered, caller).await
}

/// Takes the code beside the link.
pub async fn answer(
    issuer: &Issuer,
    me: &LiveBrowser,
    purpose: Purpose,
    code: &Secret,
    flow: &str,
    caller: &Caller,
) -> Result<Shown> {
    if !PURPOSES.contains(&purpose) {
        return Err(Failure::Bug(format!("a code for {purpose:?} is not about an address")));
    }
    let account = load(issuer, me).await?.it;
    let of = Addressee::Person(&account);
    let answered =
        challenge::answer(issuer, of, purpose, Factor::MagicLink, Some(flow), code, caller).await?;
    shown(issuer, me, answered, caller).await
}

async fn shown(issuer: &Issuer, me: &LiveBrowser, answered: Answered, caller: &Caller) -> Result<Shown> {
    let user = &me.subject.user;
    let target = answered.challenge.target.as_str();
    if answered.challenge.purpose == Purpose::VerifyEmail {
        let event = by(user, EventKind::EmailVerified, caller);
        return match issuer.store.verify_email(&user.id, target, event).await? {
            true => Ok(Shown::Verified),
            false => Err(gone()),
        };
    }
    // Both mailboxes are told; the log keeps neither address.
    let mut change =
        change(issuer, user, (EventKind::EmailChanged, Noticed::EmailChanged), Some(&me.session.id), caller)
            .await?;
    let mut there = user.clone();
    target.clone_into(&mut there.email);
    let from = Some(caller.asked_from());
    let told =
        outbox::notice(issuer, &there, Noticed::EmailChanged, answered.now, from, Some(target.to_owned()));
    change.event = change.event.telling(told.await?);
    match issuer.store.change_email(change, target).await? {
        ChangedEmail::Changed(rules) => {
            changed(issuer, Some(rules)).await?;
            Ok(Shown::Changed)
        }
        ChangedEmail::Taken => Err(rejected(Code::Conflict, "Another account has this address by now.")),
        ChangedEmail::NoSuchUser => Err(gone()),
    }
}
