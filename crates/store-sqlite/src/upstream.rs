//! Links between accounts and other providers.

use crate::column::{Read, time, user_id};
use crate::fault::Done;
use crate::tx::Tx;
use crate::user::{create, credential_changed};
use crate::{SqliteStore, event};
use async_trait::async_trait;
use countersign_issuer::model::{EventDraft, Rule, UserId};
use countersign_issuer::port::{
    At, CreateUser, CredentialChange, JoinedUpstream, LinkedUpstream, NewUser, StoreResult, UpstreamLink,
    Upstreams,
};
use rusqlite::{Row, params};

fn link(row: &Row<'_>) -> Read<UpstreamLink> {
    Ok(UpstreamLink {
        provider: row.get(0)?,
        subject: row.get(1)?,
        user: user_id(row, 2)?,
        email: row.get(3)?,
        linked_at: time(row, 4)?,
    })
}

fn owner(tx: &Tx<'_>, provider: &str, subject: &str) -> Done<Option<UserId>> {
    let sql = "SELECT user_id FROM upstream_link WHERE provider = ?1 AND subject = ?2";
    tx.row(sql, [provider, subject], |r| user_id(r, 0))
}

fn put(tx: &Tx<'_>, provider: &str, subject: &str, user: &UserId, email: Option<&str>) -> Done<()> {
    tx.one(
        "INSERT INTO upstream_link (provider, subject, user_id, email, linked_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![provider, subject, user.as_str(), email, tx.now.millis()],
    )
}

fn add(
    tx: &Tx<'_>,
    change: &CredentialChange,
    provider: &str,
    subject: &str,
    email: Option<&str>,
) -> Done<LinkedUpstream> {
    if let Some(owner) = owner(tx, provider, subject)? {
        return Ok(LinkedUpstream::Taken(owner));
    }
    let Some(rules) = credential_changed(tx, change)? else { return Ok(LinkedUpstream::NoSuchUser) };
    put(tx, provider, subject, &change.user, email)?;
    Ok(LinkedUpstream::Linked(rules))
}

fn remove(tx: &Tx<'_>, change: &CredentialChange, provider: &str, subject: &str) -> Done<Option<Vec<Rule>>> {
    let theirs = "DELETE FROM upstream_link WHERE provider = ?1 AND subject = ?2 AND user_id = ?3";
    match tx.guarded(theirs, [provider, subject, change.user.as_str()])? {
        true => credential_changed(tx, change),
        false => Ok(None),
    }
}

fn join(
    tx: &Tx<'_>,
    new: &NewUser,
    provider: &str,
    subject: &str,
    event: EventDraft,
) -> Done<JoinedUpstream> {
    if let Some(owner) = owner(tx, provider, subject)? {
        return Ok(JoinedUpstream::Taken(owner));
    }
    let user = match create(tx, new)? {
        CreateUser::Created(user) => user,
        CreateUser::EmailTaken | CreateUser::UsernameTaken => return Ok(JoinedUpstream::EmailTaken),
        CreateUser::NoSuchRole(role) => return Ok(JoinedUpstream::NoSuchRole(role)),
    };
    put(tx, provider, subject, &user.id, Some(&user.email))?;
    event::write(tx, &event.user(&user.id))?;
    Ok(JoinedUpstream::Joined(user))
}

macro_rules! links {
    ($of:literal) => {
        concat!("SELECT provider, subject, user_id, email, linked_at FROM upstream_link WHERE ", $of)
    };
}

#[async_trait]
impl Upstreams for SqliteStore {
    async fn upstream_link(&self, provider: &str, subject: &str) -> StoreResult<At<Option<UpstreamLink>>> {
        let sql = links!("provider = ?1 AND subject = ?2");
        self.read(|tx| Ok(At { now: tx.now, it: tx.row(sql, [provider, subject], link)? }))
    }

    async fn list_upstreams(&self, user: &UserId) -> StoreResult<Vec<UpstreamLink>> {
        let sql = links!("user_id = ?1 ORDER BY linked_at, provider, subject");
        self.read(|tx| tx.rows(sql, [user.as_str()], link))
    }

    async fn add_upstream(
        &self,
        change: CredentialChange,
        provider: &str,
        subject: &str,
        email: Option<&str>,
    ) -> StoreResult<LinkedUpstream> {
        let (provider, subject, email) = (provider.to_owned(), subject.to_owned(), email.map(str::to_owned));
        self.write(move |tx| add(tx, &change, &provider, &subject, email.as_deref())).await
    }

    async fn remove_upstream(
        &self,
        change: CredentialChange,
        provider: &str,
        subject: &str,
    ) -> StoreResult<Option<Vec<Rule>>> {
        let (provider, subject) = (provider.to_owned(), subject.to_owned());
        self.write(move |tx| remove(tx, &change, &provider, &subject)).await
    }

    async fn join_upstream(
        &self,
        new: NewUser,
        provider: &str,
        subject: &str,
        event: EventDraft,
    ) -> StoreResult<JoinedUpstream> {
        let (provider, subject) = (provider.to_owned(), subject.to_owned());
        self.write(move |tx| join(tx, &new, &provider, &subject, event.clone())).await
    }
}
