//! `role add/list/show/remove/assign/unassign`.

use super::{not_found, settled, shown, users};
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::model::{Actor, EventDraft, EventKind, Role, Scopes, User};
use crate::port::{ChangedUser, UserChange};
use std::collections::BTreeMap;

/// The form of a role's name.
pub(super) fn check_name(name: &str) -> Result<()> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
    match (1..=Role::MAX_NAME).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(rejected(
            Code::InvalidRequest,
            format!(
                "A role name is 1 to 64 letters, digits, dots, colons, dashes and underscores; {} is not.",
                shown(name)
            ),
        )),
    }
}

/// Creates or replaces a role. Resources and scopes must exist.
pub async fn apply(
    issuer: &Issuer,
    name: &str,
    description: &str,
    grants: BTreeMap<String, Scopes>,
) -> Result<Role> {
    check_name(name)?;
    if description.len() > 500 || description.chars().any(char::is_control) {
        return Err(rejected(
            Code::InvalidRequest,
            "A description is at most 500 bytes without control characters.",
        ));
    }
    let resources = issuer.store.list_resources().await?;
    for (id, scopes) in &grants {
        let resource = resources.iter().find(|r| r.resource == *id);
        let resource = resource.ok_or_else(|| not_found("resource", id))?;
        if let Some(stray) = scopes.iter().find(|s| !resource.scopes.contains(s)) {
            return Err(rejected(
                Code::InvalidScope,
                format!("Resource {} has no scope {}.", shown(id), shown(stray)),
            ));
        }
    }
    let role = Role { name: name.to_owned(), description: description.to_owned(), grants };
    put(issuer, role.clone()).await?;
    settled(issuer).await?;
    Ok(role)
}

async fn put(issuer: &Issuer, role: Role) -> Result<()> {
    let event = EventDraft::new(EventKind::RoleApplied, Actor::Operator).with("role", role.name.as_str());
    Ok(issuer.store.apply_role(role, event).await?)
}

/// Makes those that do not exist, without scopes.
pub(super) async fn ensure(issuer: &Issuer, names: &[String]) -> Result<()> {
    names.iter().try_for_each(|name| check_name(name))?;
    let there = issuer.store.list_roles().await?;
    for name in names.iter().filter(|name| !there.iter().any(|r| r.name == **name)) {
        put(issuer, Role { name: name.clone(), description: String::new(), grants: BTreeMap::new() }).await?;
    }
    Ok(())
}

/// All.
pub async fn list(issuer: &Issuer) -> Result<Vec<Role>> {
    Ok(issuer.store.list_roles().await?)
}

/// Removes it, from everybody too.
pub async fn remove(issuer: &Issuer, name: &str) -> Result<()> {
    let event = EventDraft::new(EventKind::RoleRemoved, Actor::Operator).with("role", name);
    if !issuer.store.remove_role(name, event).await? {
        return Err(not_found("role", name));
    }
    settled(issuer).await
}

/// Gives a role to a person (`user`: id, e-mail or user name).
pub async fn assign(issuer: &Issuer, user: &str, role: &str) -> Result<()> {
    let user = users::find(issuer, user).await?.user;
    let mut roles = user.roles.clone();
    if !roles.iter().any(|r| r == role) {
        roles.push(role.to_owned());
        roles.sort();
    }
    change(issuer, &user, roles).await
}

/// Takes it away.
pub async fn unassign(issuer: &Issuer, user: &str, role: &str) -> Result<()> {
    let user = users::find(issuer, user).await?.user;
    let roles = user.roles.iter().filter(|r| *r != role).cloned().collect();
    change(issuer, &user, roles).await
}

async fn change(issuer: &Issuer, user: &User, roles: Vec<String>) -> Result<()> {
    if roles == user.roles {
        return Ok(());
    }
    let event = EventDraft::new(EventKind::UserChanged, Actor::Operator)
        .user(&user.id)
        .with("roles", roles.join(" "));
    let change = UserChange { roles: Some(roles), ..UserChange::default() };
    match issuer.store.change_user(&user.id, change, event).await? {
        ChangedUser::Changed => settled(issuer).await,
        ChangedUser::NoSuchUser => Err(not_found("user", user.id.as_str())),
        ChangedUser::NoSuchRole(role) => Err(not_found("role", &role)),
    }
}
