//! `countersign user`.

use super::Context;
use crate::input;
use crate::output::{table, time};
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::admin::users;
use countersign_runtime::issuer::model;
use countersign_runtime::issuer::port::Page;
use serde_json::{Value, json};

/// People
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign user list --json")]
pub(crate) enum User {
    /// Add a person
    Add(Add),
    /// List people
    #[command(after_help = "Example:\n  countersign user list")]
    List,
    /// Show a person
    #[command(after_help = "Example:\n  countersign user show ada@example.com --json")]
    Show(Who),
    /// Disable: no sign-in, sessions ended, tokens revoked
    #[command(after_help = "Example:\n  countersign user disable ada@example.com")]
    Disable(Who),
    /// Enable again
    #[command(after_help = "Example:\n  countersign user enable ada@example.com")]
    Enable(Who),
    /// Remove for good
    #[command(after_help = "Example:\n  countersign user remove ada@example.com")]
    Remove(Who),
    /// Remove what the person proves a second step by (a lost phone or key); every session of theirs ends
    #[command(after_help = "Example:\n  countersign user reset-factors ada@example.com")]
    ResetFactors(Who),
    /// Set the password; every session of the person ends
    #[command(
        after_help = "Example:\n  echo 'a new good password' | countersign user set-password ada@example.com"
    )]
    SetPassword(SetPassword),
}

/// A person.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// E-mail, user name or id
    user: String,
}

/// Add a person
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo 'a good password' | countersign user add ada@example.com --name Ada --role editor --password-stdin"
)]
pub(crate) struct Add {
    /// E-mail address
    email: String,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// Another name to sign in with
    #[arg(long)]
    username: Option<String>,
    /// Read the password from one line of standard input (asked for on a terminal)
    #[arg(long)]
    password_stdin: bool,
    /// The address is known to be theirs
    #[arg(long)]
    email_verified: bool,
    /// A role to hold; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
}

/// Set the password
#[derive(Debug, Args)]
pub(crate) struct SetPassword {
    /// E-mail, user name or id
    user: String,
    /// Read it from one line of standard input; what happens anyway, for symmetry with `user add`
    #[arg(long)]
    password_stdin: bool,
}

impl User {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let out = context.out;
        match self {
            Self::Add(add) => return add.run(context).await,
            Self::List => return list(context).await,
            Self::Show(who) => {
                let account = users::account(&context.node().await?.issuer, &who.user).await?;
                let mut json = shown(&account.subject.user);
                if let Some(members) = json.as_object_mut() {
                    members.insert("enrolled".to_owned(), enrolled(&account.enrolled));
                }
                out.data(&json, || described(&account.subject.user) + &ways(&account.enrolled))?;
            }
            Self::Disable(who) => {
                users::disable(&context.node().await?.issuer, &who.user).await?;
                out.done(format_args!("disabled {}: sessions ended, tokens revoked", who.user));
            }
            Self::Enable(who) => {
                users::enable(&context.node().await?.issuer, &who.user).await?;
                out.done(format_args!("enabled {}", who.user));
            }
            Self::Remove(who) => {
                users::remove(&context.node().await?.issuer, &who.user).await?;
                out.done(format_args!("removed {}", who.user));
            }
            Self::ResetFactors(who) => {
                users::reset_factors(&context.node().await?.issuer, &who.user).await?;
                out.done(format_args!(
                    "removed the second factors of {}; their sessions ended, and they are told",
                    who.user
                ));
            }
            Self::SetPassword(set) => {
                let node = context.node().await?;
                // Before the password is asked for: is there such a person?
                users::find(&node.issuer, &set.user).await?;
                let password = input::secret_line("new password")?;
                users::set_password(&node.issuer, &set.user, password).await?;
                out.done(format_args!("set the password of {}; their sessions ended", set.user));
            }
        }
        Ok(true)
    }
}

impl Add {
    async fn run(self, context: &Context) -> Result<bool> {
        let password = self.password_stdin.then(|| input::secret_line("password")).transpose()?;
        let no_password = password.is_none();
        let add = users::Add {
            email: self.email,
            email_verified: self.email_verified,
            username: self.username,
            name: self.name,
            roles: self.roles,
            password,
        };
        let user = users::add(&context.node().await?.issuer, add).await?;
        context.out.data(&shown(&user), || user.id.to_string())?;
        context.out.done(format_args!("added {}", user.email));
        if no_password {
            context.out.done(format_args!(
                "without a password; set one with: countersign user set-password {}",
                user.email
            ));
        }
        Ok(true)
    }
}

async fn list(context: &Context) -> Result<bool> {
    let node = context.node().await?;
    let mut people: Vec<model::User> = Vec::new();
    loop {
        let after = people.last().map(|user| user.id.to_string());
        let page = users::list(&node.issuer, Page { after, limit: 1_000 }).await?;
        let last = page.len() < 1_000;
        people.extend(page);
        if last {
            break;
        }
    }
    let json: Value = people.iter().map(shown).collect();
    context.out.data(&json, || {
        let row = |user: &model::User| {
            let name = user.username.clone().unwrap_or_default();
            vec![user.id.to_string(), user.email.clone(), name, state(user).to_owned(), user.roles.join(",")]
        };
        table(&["ID", "EMAIL", "USERNAME", "STATE", "ROLES"], &people.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(true)
}

fn state(user: &model::User) -> &'static str {
    if user.is_active() { "active" } else { "disabled" }
}

fn shown(user: &model::User) -> Value {
    json!({
        "id": user.id, "email": user.email, "email_verified": user.email_verified,
        "username": user.username, "name": user.name, "roles": user.roles, "state": state(user),
        "created_at": time(user.created_at), "updated_at": time(user.updated_at),
    })
}

fn enrolled(enrolled: &model::Enrolled) -> Value {
    json!({
        "password": enrolled.password, "passkeys": enrolled.passkeys, "security_keys": enrolled.security_keys,
        "totp": enrolled.totp, "phone": enrolled.phone, "recovery_codes": enrolled.recovery_codes,
        "providers": enrolled.upstreams,
    })
}

/// What the person can sign in with.
fn ways(enrolled: &model::Enrolled) -> String {
    let keys = enrolled.passkeys.saturating_add(enrolled.security_keys);
    let ways = [
        enrolled.password.then(|| "password".to_owned()),
        (keys > 0).then(|| format!("passkeys ({keys})")),
        enrolled.totp.then(|| "authenticator app".to_owned()),
        enrolled.phone.as_ref().map(|number| format!("phone {number}")),
        (enrolled.recovery_codes > 0).then(|| format!("recovery codes ({})", enrolled.recovery_codes)),
        (!enrolled.upstreams.is_empty()).then(|| enrolled.upstreams.join(", ")),
    ];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    format!("enrolled  {}\n", if ways.is_empty() { "-".to_owned() } else { ways.join(", ") })
}

fn described(user: &model::User) -> String {
    let verified = if user.email_verified { "" } else { " (not verified)" };
    format!(
        "id        {}\nemail     {}{verified}\nusername  {}\nname      {}\nroles     {}\nstate     {}\ncreated   {}\nupdated   {}\n",
        user.id,
        user.email,
        user.username.as_deref().unwrap_or("-"),
        user.name.as_deref().unwrap_or("-"),
        if user.roles.is_empty() { "-".to_owned() } else { user.roles.join(", ") },
        state(user),
        time(user.created_at),
        time(user.updated_at),
    )
}
