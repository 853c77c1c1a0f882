//! People and their passwords.

use crate::column::{Read, json, maybe_time, time, user_id};
use crate::fault::{Done, Fault};
use crate::tx::Tx;
use crate::{SqliteStore, browser_session, client_session, event, revocation};
use async_trait::async_trait;
use countersign_issuer::model::{
    Cutoff, EventDraft, Role, Rule, RuleKind, Secret, Subject, User, UserId, UserState,
};
use countersign_issuer::port::user::Found;
use countersign_issuer::port::{
    At, ChangedUser, CreateUser, CredentialChange, NewUser, Page, StoreResult, UserChange, Users,
};
use rusqlite::{Row, params};
use std::sync::Arc;
use std::time::Duration;

/// Columns of a person with roles, of a table named `u`; as many as [`SUBJECT`].
macro_rules! subject_columns {
    () => {
        "u.id, u.email, u.email_verified, u.username, u.name, u.disabled_at, u.credential_version, \
         u.cutoff, u.created_at, u.updated_at, \
         (SELECT json_group_array(json(r.document) ORDER BY r.name) FROM user_role ur \
          JOIN role r ON r.name = ur.role WHERE ur.user_id = u.id)"
    };
}
pub(crate) use subject_columns;

/// How many columns that is.
pub(crate) const SUBJECT: usize = 11;

/// Reads them from column `at` on.
pub(crate) fn subject(row: &Row<'_>, at: usize) -> Read<Subject> {
    let roles: Vec<Arc<Role>> = match row.get_ref(at + 10)?.as_str()? {
        "[]" => Vec::new(),
        _ => json(row, at + 10)?,
    };
    let user = User {
        id: user_id(row, at)?,
        email: row.get(at + 1)?,
        email_verified: row.get(at + 2)?,
        username: row.get(at + 3)?,
        name: row.get(at + 4)?,
        roles: roles.iter().map(|r| r.name.clone()).collect(),
        state: match maybe_time(row, at + 5)? {
            None => UserState::Active,
            Some(at) => UserState::Disabled { at },
        },
        credential_version: row.get(at + 6)?,
        cutoff: row.get::<_, Option<i64>>(at + 7)?.map(Cutoff),
        created_at: time(row, at + 8)?,
        updated_at: time(row, at + 9)?,
    };
    Ok(Subject { user, roles })
}

/// By id, in a transaction or from a snapshot.
pub(crate) fn load(tx: &Tx<'_>, id: &UserId) -> Done<Option<Subject>> {
    let sql = concat!("SELECT ", subject_columns!(), " FROM user u WHERE u.id = ?1");
    tx.row(sql, [id.as_str()], |r| subject(r, 0))
}

/// As addresses and names are compared.
pub(crate) fn key(text: &str) -> String {
    text.to_lowercase()
}

fn first_unknown_role(tx: &Tx<'_>, roles: &[String]) -> Done<Option<String>> {
    for role in roles {
        if tx.row("SELECT 1 FROM role WHERE name = ?1", [role], |_| Ok(()))?.is_none() {
            return Ok(Some(role.clone()));
        }
    }
    Ok(None)
}

fn hold(tx: &Tx<'_>, id: &UserId, roles: &[String]) -> Done<()> {
    for role in roles {
        // A role named twice is held once.
        tx.guarded("INSERT OR IGNORE INTO user_role (user_id, role) VALUES (?1, ?2)", [id.as_str(), role])?;
    }
    Ok(())
}

/// The row, its roles and its password.
pub(crate) fn create(tx: &Tx<'_>, new: &NewUser) -> Done<CreateUser> {
    let email_key = key(&new.email);
    let username_key = new.username.as_deref().map(key);
    if tx.row("SELECT 1 FROM user WHERE email_key = ?1", [&email_key], |_| Ok(()))?.is_some() {
        return Ok(CreateUser::EmailTaken);
    }
    if tx.row("SELECT 1 FROM user WHERE username_key = ?1", [&username_key], |_| Ok(()))?.is_some() {
        return Ok(CreateUser::UsernameTaken);
    }
    if let Some(role) = first_unknown_role(tx, &new.roles)? {
        return Ok(CreateUser::NoSuchRole(role));
    }
    tx.one(
        "INSERT INTO user (id, email, email_key, email_verified, username, username_key, name,
                           credential_version, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8)",
        params![
            new.id.as_str(),
            new.email,
            email_key,
            new.email_verified,
            new.username,
            username_key,
            new.name,
            tx.now.millis(),
        ],
    )?;
    hold(tx, &new.id, &new.roles)?;
    if let Some(phc) = &new.password {
        put_password(tx, &new.id, phc)?;
    }
    load(tx, &new.id)?
        .map(|s| CreateUser::Created(s.user))
        .ok_or_else(|| crate::fault::Fault::Broken("a person just made is not there".to_owned()))
}

pub(crate) fn put_password(tx: &Tx<'_>, id: &UserId, phc: &Secret) -> Done<()> {
    tx.one(
        "INSERT INTO password (user_id, phc, set_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, set_at = excluded.set_at",
        params![id.as_str(), phc.expose(), tx.now.millis()],
    )
}

fn change(tx: &Tx<'_>, id: &UserId, change: &UserChange) -> Done<ChangedUser> {
    if let Some(role) = first_unknown_role(tx, change.roles.as_deref().unwrap_or_default())? {
        return Ok(ChangedUser::NoSuchRole(role));
    }
    let there = tx.guarded(
        "UPDATE user SET name = CASE WHEN ?2 THEN ?3 ELSE name END,
                         email_verified = coalesce(?4, email_verified), updated_at = ?5
         WHERE id = ?1",
        params![
            id.as_str(),
            change.name.is_some(),
            change.name.clone().flatten(),
            change.email_verified,
            tx.now.millis(),
        ],
    )?;
    if !there {
        return Ok(ChangedUser::NoSuchUser);
    }
    if let Some(roles) = &change.roles {
        tx.count("DELETE FROM user_role WHERE user_id = ?1", [id.as_str()])?;
        hold(tx, id, roles)?;
    }
    Ok(ChangedUser::Changed)
}

/// What every change of a credential does: the version goes up, every session but `keep`'s ends, the event
/// and its notice are written. `None`: no such person. Decided by another version: everything the operation
/// did so far is undone.
pub(crate) fn credential_changed(tx: &Tx<'_>, change: &CredentialChange) -> Done<Option<Vec<Rule>>> {
    let id = &change.user;
    let version: Option<u32> =
        tx.row("SELECT credential_version FROM user WHERE id = ?1", [id.as_str()], |r| r.get(0))?;
    match (version, change.version) {
        (None, _) => return Ok(None),
        (Some(now), Some(seen)) if now != seen => return Err(Fault::Outrun),
        _ => {}
    }
    tx.one(
        "UPDATE user SET credential_version = credential_version + 1, updated_at = ?2 WHERE id = ?1",
        params![id.as_str(), tx.now.millis()],
    )?;
    browser_session::end_all(tx, id, change.keep.as_ref())?;
    let ended = client_session::end_all(tx, id, change.keep.as_ref())?;
    event::write(tx, &about(change.event.clone(), id))?;
    revocation::sessions(tx, id, ended, change.until).map(Some)
}

/// The event, about this person.
fn about(event: EventDraft, id: &UserId) -> EventDraft {
    event.user(id)
}

/// Everything of the person signed out, with one `sub` rule up to now. The row must be there.
fn sign_out(tx: &Tx<'_>, id: &UserId, until: Duration) -> Done<Rule> {
    let cutoff = revocation::cutoff(tx);
    tx.one("UPDATE user SET cutoff = ?2 WHERE id = ?1", params![id.as_str(), cutoff.0])?;
    browser_session::end_all(tx, id, None)?;
    client_session::end_all(tx, id, None)?;
    revocation::before_now(tx, RuleKind::Sub, id.to_string(), until)
}

#[async_trait]
impl Users for SqliteStore {
    async fn create_user(&self, new: NewUser, event: EventDraft) -> StoreResult<CreateUser> {
        self.write(move |tx| {
            let created = create(tx, &new)?;
            if let CreateUser::Created(user) = &created {
                event::write(tx, &about(event, &user.id))?;
            }
            Ok(created)
        })
        .await
    }

    async fn subject(&self, id: &UserId) -> StoreResult<At<Option<Subject>>> {
        self.read(|tx| Ok(At { now: tx.now, it: load(tx, id)? }))
    }

    async fn find_login(&self, login: &str) -> StoreResult<At<Option<Found>>> {
        // No name holds an `@`, so at most one of the two matches.
        let sql = concat!(
            "SELECT ",
            subject_columns!(),
            ", p.phc FROM user u LEFT JOIN password p ON p.user_id = u.id
             WHERE u.email_key = ?1 OR u.username_key = ?1"
        );
        self.read(|tx| {
            let it = tx.row(sql, [key(login)], |r| {
                let password = r.get::<_, Option<String>>(SUBJECT)?.map(Secret::new);
                Ok(Found { subject: subject(r, 0)?, password })
            })?;
            Ok(At { now: tx.now, it })
        })
    }

    async fn list_users(&self, page: Page) -> StoreResult<Vec<User>> {
        let sql =
            concat!("SELECT ", subject_columns!(), " FROM user u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2");
        self.read(|tx| {
            let after = page.after.as_deref().unwrap_or("");
            tx.rows(sql, params![after, page.limit.clamp(1, 1000)], |r| Ok(subject(r, 0)?.user))
        })
    }

    async fn change_user(
        &self,
        id: &UserId,
        wish: UserChange,
        event: EventDraft,
    ) -> StoreResult<ChangedUser> {
        let id = id.clone();
        self.write(move |tx| {
            let changed = change(tx, &id, &wish)?;
            if changed == ChangedUser::Changed {
                event::write(tx, &about(event, &id))?;
            }
            Ok(changed)
        })
        .await
    }

    async fn set_password(
        &self,
        change: CredentialChange,
        password: Secret,
    ) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            let Some(rules) = credential_changed(tx, &change)? else { return Ok(None) };
            put_password(tx, &change.user, &password)?;
            Ok(Some(rules))
        })
        .await
    }

    async fn renew_hash(
        &self,
        id: &UserId,
        old: &Secret,
        new: Secret,
        event: EventDraft,
    ) -> StoreResult<bool> {
        let (id, old) = (id.clone(), old.clone());
        self.write(move |tx| {
            let renewed = tx.guarded(
                "UPDATE password SET phc = ?3 WHERE user_id = ?1 AND phc = ?2",
                [id.as_str(), old.expose(), new.expose()],
            )?;
            if renewed {
                event::write(tx, &about(event, &id))?;
            }
            Ok(renewed)
        })
        .await
    }

    async fn disable_user(
        &self,
        id: &UserId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let id = id.clone();
        let done = self
            .write(move |tx| {
                let disabled = tx.guarded(
                    "UPDATE user SET disabled_at = ?2, updated_at = ?2 WHERE id = ?1 AND disabled_at IS NULL",
                    params![id.as_str(), tx.now.millis()],
                )?;
                if !disabled {
                    return Ok(None);
                }
                event::write(tx, &about(event, &id))?;
                Ok(Some((tx.now, sign_out(tx, &id, until)?)))
            })
            .await?;
        let Some((at, rule)) = done else { return Ok(None) };
        let mut rules = vec![rule.clone()];
        self.settle(at, rule, until, &mut rules).await?;
        Ok(Some(rules))
    }

    async fn enable_user(&self, id: &UserId, event: EventDraft) -> StoreResult<bool> {
        let id = id.clone();
        self.write(move |tx| {
            let enabled = tx.guarded(
                "UPDATE user SET disabled_at = NULL, updated_at = ?2 WHERE id = ?1 AND disabled_at IS NOT NULL",
                params![id.as_str(), tx.now.millis()],
            )?;
            if enabled {
                event::write(tx, &about(event, &id))?;
            }
            Ok(enabled)
        })
        .await
    }

    async fn remove_user(
        &self,
        id: &UserId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let id = id.clone();
        self.write(move |tx| {
            // Password, roles, consents, codes and sessions go with the row.
            if !tx.guarded("DELETE FROM user WHERE id = ?1", [id.as_str()])? {
                return Ok(None);
            }
            event::write(tx, &about(event, &id))?;
            let sub = Some(id.as_str());
            Ok(Some(vec![revocation::always(tx, RuleKind::Sub, id.to_string(), sub, until)?]))
        })
        .await
    }

    async fn sign_out_user(
        &self,
        id: &UserId,
        until: Duration,
        event: EventDraft,
    ) -> StoreResult<Option<(Cutoff, Vec<Rule>)>> {
        let id = id.clone();
        let done = self
            .write(move |tx| {
                if load(tx, &id)?.is_none() {
                    return Ok(None);
                }
                event::write(tx, &about(event, &id))?;
                Ok(Some((tx.now, sign_out(tx, &id, until)?)))
            })
            .await?;
        let Some((at, rule)) = done else { return Ok(None) };
        let mut rules = vec![rule.clone()];
        self.settle(at, rule.clone(), until, &mut rules).await?;
        Ok(Some((rules.last().map_or(rule.cutoff, |r| r.cutoff), rules)))
    }
}
