//! Signing up: nothing is kept of an account before its mailbox answers, and the form says the same whether
//! the address has an account or not.

use crate::error::{Code, Failure, Reason, Rejected, Result, rejected};
use crate::login::challenge::{self, Addressee, Answered, Ask, Says};
use crate::login::password::{self, Chooser};
use crate::login::{Caller, Look, Policy, Proof, Purpose};
use crate::model::message::{About, To};
use crate::model::{Actor, EventDraft, EventKind, Factor, Secret, Subject, UserId};
use crate::port::{CreateUser, NewUser};
use crate::{Issuer, admin};
use serde::{Deserialize, Serialize};

/// The page of the links.
pub const PAGE: &str = "/signup/confirm";

/// Who may sign up.
#[derive(Clone, Debug, Default)]
pub struct SignUp {
    /// Anybody at all.
    pub enabled: bool,
    /// Only with an address of one of these domains, lower case; empty: of any.
    pub domains: Vec<String>,
}

impl SignUp {
    /// May this address sign up?
    fn takes(&self, address: &str) -> bool {
        self.enabled && self.fits(address)
    }

    /// Is it of a domain that accounts are made with, by whichever way?
    pub(crate) fn fits(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
        self.domains.is_empty() || domain.is_some_and(|d| self.domains.contains(&d))
    }
}

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Address.
    pub email: String,
    /// Display name.
    pub name: Option<String>,
    /// Password; may be left out where one can sign in without ([`without_password`]).
    pub password: Option<Secret>,
    /// Where the person was going (a sealed authorization request); comes back with the answer.
    pub resume: Option<String>,
}

/// The account to be, sealed in its challenge.
#[derive(Serialize, Deserialize)]
struct Pending {
    email: String,
    name: Option<String>,
    /// PHC string: hashed when it was typed.
    password: Option<String>,
    lang: String,
    resume: Option<String>,
}

/// An account just made.
#[derive(Debug)]
pub struct Made {
    /// The mailbox, proven: the first proof of its first sign-in.
    pub proof: Proof,
    /// Where the person was going.
    pub resume: Option<String>,
}

/// Can one sign in here without a password, by mail?
pub fn without_password(policy: &Policy) -> bool {
    policy.mail && [Factor::MagicLink, Factor::EmailCode].iter().any(|f| policy.first.contains(f))
}

/// Judges the form, hashes the password, and sends a link: one mail, the same work and the same answer
/// whether the address has an account or not. `sign_up_closed`: not here, or not with that address;
/// `weak_password`; `invalid_request`: what the fields must be; `too_many_attempts`: of this network.
pub async fn request(issuer: &Issuer, form: Form, flow: &str, look: &Look, caller: &Caller) -> Result<()> {
    let email = form.email.trim();
    let name = form.name.as_deref().map(str::trim).filter(|n| !n.is_empty());
    let address = admin::users::Add { email: email.to_owned(), ..admin::users::Add::default() };
    let add = admin::users::Add { name: name.map(str::to_owned), ..address.clone() };
    for (typed, reason) in [(&address, Reason::Address), (&add, Reason::Name)] {
        admin::users::check(typed).map_err(|why| Rejected::of(reason, why))?;
    }
    open_to(issuer, email)?;
    let password = match form.password {
        Some(typed) => {
            let by = Chooser::Stranger(caller);
            let about: Vec<&str> = [Some(email), name].into_iter().flatten().collect();
            Some(password::prepare(issuer, typed, &about, by).await?.expose().to_owned())
        }
        None if without_password(&issuer.settings.login) => None,
        None => return Err(Rejected::of(Reason::PasswordNone, "Choose a password.").into()),
    };
    let known = issuer.store.find_account(email).await?.it;
    let (to, says) = match &known {
        // As its owner wrote it: letters that only look alike would lead to another mailbox.
        Some(known) => (known.subject.user.email.clone(), Says::Nothing(About::AlreadySignedUp)),
        None => (email.to_owned(), Says::Link(About::SignUp)),
    };
    let pending = Pending {
        email: email.to_owned(),
        name: add.name,
        password,
        lang: look.lang.clone(),
        resume: form.resume,
    };
    let payload = serde_json::to_vec(&pending).map_err(|e| Failure::Bug(e.to_string()))?;
    let ask = Ask {
        of: Addressee::Mailbox(email),
        purpose: Purpose::SignUp,
        factor: Factor::MagicLink,
        flow,
        to: To::Mail(to),
        says,
        page: PAGE,
        payload: Some(&payload),
        look,
        caller,
    };
    challenge::start(issuer, ask).await
}

fn open_to(issuer: &Issuer, email: &str) -> Result<()> {
    let sign_up = &issuer.settings.sign_up;
    if sign_up.takes(email) {
        return Ok(());
    }
    let (reason, public) = match sign_up.enabled {
        true => (Reason::Domain, "Accounts here are made with addresses of certain domains only."),
        false => (Reason::SignUpOff, "Accounts are not made here by oneself. Ask whoever runs this service."),
    };
    Err(Rejected::of(reason, public).into())
}

/// Makes the account by its link, in the browser that asked for it.
pub async fn open(issuer: &Issuer, token: &str, flow: &str, caller: &Caller) -> Result<Made> {
    let opened = challenge::open(issuer, token, &[Purpose::SignUp], flow, caller).await?;
    make(issuer, opened.answered, flow, caller).await
}

/// Makes it by the code beside the link.
pub async fn answer(
    issuer: &Issuer,
    email: &str,
    code: &Secret,
    flow: &str,
    caller: &Caller,
) -> Result<Made> {
    let of = Addressee::Mailbox(email.trim());
    let (purpose, factor) = (Purpose::SignUp, Factor::MagicLink);
    let answered = challenge::answer(issuer, of, purpose, factor, Some(flow), code, caller).await?;
    make(issuer, answered, flow, caller).await
}

/// The challenge is spent; of two for one address the store takes the first.
async fn make(issuer: &Issuer, answered: Answered, flow: &str, caller: &Caller) -> Result<Made> {
    let plain = answered.payload.ok_or_else(|| Failure::Bug("a sign-up without its form".into()))?;
    let pending: Pending = serde_json::from_slice(&plain).map_err(|e| Failure::Bug(e.to_string()))?;
    open_to(issuer, &pending.email)?;
    let id = UserId::mint(&*issuer.entropy);
    let event = EventDraft::new(EventKind::SignedUp, Actor::User(id.clone()))
        .user(&id)
        .with("ip", caller.ip.to_string());
    let new = NewUser {
        id,
        email: pending.email,
        email_verified: true,
        username: None,
        name: pending.name,
        roles: Vec::new(),
        password: pending.password.map(Secret::new),
    };
    let user = match issuer.store.create_user(new, event).await? {
        CreateUser::Created(user) => user,
        CreateUser::EmailTaken | CreateUser::UsernameTaken => {
            return Err(rejected(Code::Conflict, "This address has an account by now. Sign in to it."));
        }
        CreateUser::NoSuchRole(role) => return Err(Failure::Bug(format!("a sign-up with the role {role}"))),
    };
    if !pending.lang.is_empty() {
        issuer.store.set_locale(&user.id, &pending.lang).await?;
    }
    let subject = Subject { user, roles: Vec::new() };
    let proof = Proof::new(Factor::MagicLink, subject, Purpose::Browser, flow, answered.now);
    Ok(Made { proof, resume: pending.resume })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_compared_whole_and_without_case() {
        let some = SignUp { enabled: true, domains: vec!["example.test".to_owned()] };
        for (address, fits) in [
            ("ada@example.test", true),
            ("ada@EXAMPLE.test", true),
            ("ada@sub.example.test", false),
            ("ada@notexample.test", false),
            ("ada@example.test.evil", false),
            ("ada@example.test@evil", false),
            ("example.test", false),
            ("", false),
        ] {
            assert_eq!(some.takes(address), fits, "{address}");
        }
        assert!(SignUp { enabled: true, domains: Vec::new() }.takes("ada@any.test"));
        assert!(!SignUp { enabled: false, ..some }.takes("ada@example.test"));
    }
}
