//! `user add/list/show/disable/enable/remove/set-password`. A person is named by id, e-mail or user name.

use super::{invisible, not_found, revoked, roles, settled};
use crate::Issuer;
use crate::account::factors;
use crate::error::{Code, Result, rejected};
use crate::login::password::{self, Chooser};
use crate::model::message::Noticed;
use crate::model::user::is_address;
use crate::model::{Account, Actor, Enrolled, EventDraft, EventKind, Secret, Subject, User, UserId};
use crate::outbox;
use crate::port::{CreateUser, CredentialChange, NewUser};

/// Of somebody else.
pub(super) const USERNAME_TAKEN: &str = "Somebody has this user name.";

/// A person to be.
#[derive(Clone, Debug, Default)]
pub struct Add {
    /// E-mail.
    pub email: String,
    /// Shown to be theirs.
    pub email_verified: bool,
    /// User name.
    pub username: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Roles; one that does not exist is made, without scopes.
    pub roles: Vec<String>,
    /// Password.
    pub password: Option<Secret>,
}

/// Adds. `conflict` when address or name is taken.
pub async fn add(issuer: &Issuer, add: Add) -> Result<User> {
    check(&add).map_err(|why| rejected(Code::InvalidRequest, why))?;
    let about: Vec<&str> = [Some(add.email.as_str()), add.username.as_deref(), add.name.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let password = match add.password.clone() {
        Some(typed) => Some(password::prepare(issuer, typed, &about, Chooser::Operator).await?),
        None => None,
    };
    match add_hashed(issuer, add, password).await? {
        CreateUser::Created(user) => Ok(user),
        CreateUser::EmailTaken => Err(rejected(Code::Conflict, "Somebody has this e-mail address.")),
        CreateUser::UsernameTaken => Err(rejected(Code::Conflict, USERNAME_TAKEN)),
        CreateUser::NoSuchRole(role) => Err(not_found("role", &role)),
    }
}

/// As [`add`], with the password hashed already; the one in `add` is not looked at.
pub(super) async fn add_hashed(issuer: &Issuer, add: Add, password: Option<Secret>) -> Result<CreateUser> {
    check(&add).map_err(|why| rejected(Code::InvalidRequest, why))?;
    roles::ensure(issuer, &add.roles).await?;
    let mut roles = add.roles;
    roles.sort();
    roles.dedup();
    let new = NewUser {
        id: UserId::mint(&*issuer.entropy),
        email: add.email,
        email_verified: add.email_verified,
        username: add.username,
        name: add.name,
        roles,
        password,
    };
    let event = EventDraft::new(EventKind::UserCreated, Actor::Operator).user(&new.id);
    let created = issuer.store.create_user(new, event).await?;
    if matches!(created, CreateUser::Created(_)) {
        settled(issuer).await?;
    }
    Ok(created)
}

/// What address, user name and display name must be.
pub(crate) fn check(add: &Add) -> Result<(), String> {
    use invisible::{Joiners, refuse};
    refuse("The e-mail address", &add.email, Joiners::Refused)?;
    refuse("The user name", add.username.as_deref().unwrap_or_default(), Joiners::Refused)?;
    refuse("The display name", add.name.as_deref().unwrap_or_default(), Joiners::Fine)?;
    let fits =
        |text: &str, max: usize| (1..=max).contains(&text.len()) && !text.contains(char::is_whitespace);
    if !is_address(&add.email) {
        return Err("The e-mail address must be written as name@domain, at most 254 bytes.".to_owned());
    }
    // `@` tells an address from a name, `u_` an id.
    if add.username.as_deref().is_some_and(|u| !fits(u, 64) || u.contains('@') || u.starts_with("u_")) {
        let what = "A user name is 1 to 64 bytes without spaces and at-signs, and does not begin with u_.";
        return Err(what.to_owned());
    }
    if add.name.as_deref().is_some_and(|n| n.trim().is_empty() || n.len() > 200) {
        return Err("A display name is 1 to 200 bytes.".to_owned());
    }
    Ok(())
}

/// A page of them.
pub async fn list(issuer: &Issuer, page: crate::port::Page) -> Result<Vec<User>> {
    Ok(issuer.store.list_users(page).await?)
}

/// Finds one. `not_found`.
pub async fn find(issuer: &Issuer, user: &str) -> Result<Subject> {
    if user.starts_with("u_")
        && let Some(subject) = issuer.store.subject(&UserId::from_stored(user)).await?.it
    {
        return Ok(subject);
    }
    let found = issuer.store.find_login(user).await?.it;
    found.map(|f| f.subject).ok_or_else(|| not_found("user", user))
}

async fn id(issuer: &Issuer, user: &str) -> Result<UserId> {
    Ok(find(issuer, user).await?.user.id)
}

fn event(kind: EventKind, id: &UserId) -> EventDraft {
    EventDraft::new(kind, Actor::Operator).user(id)
}

/// Disables: no login, sessions ended, tokens revoked. Nothing happens to one that is disabled already.
pub async fn disable(issuer: &Issuer, user: &str) -> Result<()> {
    let id = id(issuer, user).await?;
    let until = issuer.longest_token_life().await?;
    let rules = issuer.store.disable_user(&id, until, event(EventKind::UserDisabled, &id)).await?;
    revoked(issuer, &rules.unwrap_or_default()).await.map(drop)
}

/// Enables again. Nothing happens to one that is not disabled.
pub async fn enable(issuer: &Issuer, user: &str) -> Result<()> {
    let id = id(issuer, user).await?;
    issuer.store.enable_user(&id, event(EventKind::UserEnabled, &id)).await?;
    settled(issuer).await
}

/// Removes.
pub async fn remove(issuer: &Issuer, user: &str) -> Result<()> {
    let id = id(issuer, user).await?;
    let until = issuer.longest_token_life().await?;
    let rules = issuer.store.remove_user(&id, until, event(EventKind::UserRemoved, &id)).await?;
    revoked(issuer, &rules.ok_or_else(|| not_found("user", user))?).await.map(drop)
}

/// With what is enrolled. `not_found`.
pub async fn account(issuer: &Issuer, user: &str) -> Result<Account> {
    let id = id(issuer, user).await?;
    issuer.store.account(&id).await?.it.ok_or_else(|| not_found("user", user))
}

/// Removes every second factor and the recovery codes, of somebody who lost them: passkeys and security keys,
/// authenticator app, phone. All sessions end, and the person is told. Nothing happens where there is none.
/// `conflict`: the person could not sign in any more; set a password first.
pub async fn reset_factors(issuer: &Issuer, user: &str) -> Result<()> {
    let account = account(issuer, user).await?;
    let enrolled = &account.enrolled;
    if !enrolled.two_steps() && enrolled.recovery_codes == 0 {
        return Ok(());
    }
    let left = Enrolled {
        password: enrolled.password,
        upstreams: enrolled.upstreams.clone(),
        ..Enrolled::default()
    };
    if !factors::can_begin(issuer, &account, &left) {
        let why =
            "Nothing to sign in with would be left. Set a password first: countersign user set-password";
        return Err(rejected(Code::Conflict, why));
    }
    let person = &account.subject.user;
    let now = issuer.store.cached_now();
    let lost = [
        (enrolled.totp, Noticed::TotpRemoved),
        (enrolled.phone.is_some(), Noticed::PhoneRemoved),
        (enrolled.passkeys > 0 || enrolled.security_keys > 0, Noticed::PasskeyRemoved),
    ];
    let mut event = event(EventKind::FactorsReset, &person.id);
    for (_, what) in lost.into_iter().filter(|(there, _)| *there) {
        event = event.telling(outbox::notice(issuer, person, what, now, None, None).await?);
    }
    let until = issuer.longest_token_life().await?;
    let version = Some(person.credential_version);
    let change = CredentialChange { user: person.id.clone(), version, keep: None, until, event };
    let rules = issuer.store.reset_factors(change).await?;
    revoked(issuer, &rules.ok_or_else(|| not_found("user", user))?).await.map(drop)
}

/// Sets the password; all sessions end, and no device is known any more.
pub async fn set_password(issuer: &Issuer, user: &str, password: Secret) -> Result<()> {
    let person = find(issuer, user).await?.user;
    let about: Vec<&str> = [Some(person.email.as_str()), person.username.as_deref(), person.name.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let hash = password::prepare(issuer, password, &about, Chooser::Operator).await?;
    let until = issuer.longest_token_life().await?;
    let told =
        outbox::notice(issuer, &person, Noticed::PasswordChanged, issuer.store.cached_now(), None, None);
    let event = event(EventKind::PasswordChanged, &person.id).telling(told.await?);
    let change = CredentialChange { user: person.id, version: None, keep: None, until, event };
    let rules = issuer.store.reset_password(change, hash).await?;
    revoked(issuer, &rules.ok_or_else(|| not_found("user", user))?).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_a_form() {
        let fine = Add { email: "nora@example.test".into(), ..Add::default() };
        assert_eq!(check(&fine), Ok(()));
        for email in ["", "nora", "@x", "nora@", "a b@x.test", "a@b@c", "a\n@x.test"] {
            assert!(check(&Add { email: email.into(), ..fine.clone() }).is_err(), "{email:?}");
        }
        for username in ["", "a@b", "a b", "u_x", "a\u{0}"] {
            assert!(check(&Add { username: Some(username.into()), ..fine.clone() }).is_err(), "{username:?}");
        }
        for name in ["", " ", "a\u{7}"] {
            assert!(check(&Add { name: Some(name.into()), ..fine.clone() }).is_err(), "{name:?}");
        }
        for (c, said) in
            [("\u{202e}", "U+202E"), ("\u{2066}", "U+2066"), ("\u{200b}", "U+200B"), ("\n", "U+000A")]
        {
            let with = |email: String, username: String, name: String| Add {
                email,
                username: Some(username),
                name: Some(name),
                ..fine.clone()
            };
            let plain = |text: &str| text.to_owned();
            let email = with(format!("no{c}ra@example.test"), plain("nora"), plain("Nora"));
            let domain = with(format!("nora@exam{c}ple.test"), plain("nora"), plain("Nora"));
            let username = with(plain("nora@example.test"), format!("no{c}ra"), plain("Nora"));
            let name = with(plain("nora@example.test"), plain("nora"), format!("No{c}ra"));
            let refused =
                [(email, "e-mail"), (domain, "e-mail"), (username, "user name"), (name, "display name")];
            for (add, what) in refused {
                let why = check(&add).unwrap_err();
                assert!(why.contains(what) && why.contains(said) && why.is_ascii(), "{why}");
            }
        }
        let named = Add { username: Some("nora".into()), name: Some("Nora Field".into()), ..fine };
        assert_eq!(check(&named), Ok(()));
    }
}
