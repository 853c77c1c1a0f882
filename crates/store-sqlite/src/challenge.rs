//! Codes and links on their way.

use crate::column::{Read, digest, json, maybe_time, named, time, user_id};
use crate::fault::Done;
use crate::tx::Tx;
use crate::{SqliteStore, column, event};
use async_trait::async_trait;
use countersign_issuer::login::Purpose;
use countersign_issuer::model::{Challenge, ChallengeId, Digest, EventDraft, Factor, Sealed, UserId, Whose};
use countersign_issuer::port::challenge::Kind;
use countersign_issuer::port::{At, Challenges, NewChallenge, StoreResult, Tried};
use rusqlite::{Row, params};
use std::time::Duration;

/// How long a challenge is kept after its end, so that a page can say that it was used or is too old.
pub(crate) const KEPT: Duration = Duration::from_secs(3600);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, who, user_id, purpose, factor, flow, target, credential_version, payload, asked_from,
                    created_at, expires_at, tries, spent_at FROM challenge ",
            $rest
        )
    };
}

fn challenge(row: &Row<'_>) -> Read<Challenge> {
    let person = row.get_ref(2)? != rusqlite::types::ValueRef::Null;
    Ok(Challenge {
        id: ChallengeId(row.get(0)?),
        whose: if person { Whose::Person(user_id(row, 2)?) } else { Whose::Mailbox(row.get(1)?) },
        purpose: named(row, 3)?,
        factor: named(row, 4)?,
        flow: digest(row, 5)?,
        target: row.get(6)?,
        credential_version: row.get(7)?,
        payload: row.get::<_, Option<Vec<u8>>>(8)?.map(Sealed),
        asked_from: json(row, 9)?,
        created_at: time(row, 10)?,
        expires_at: time(row, 11)?,
        tries: row.get(12)?,
        spent_at: maybe_time(row, 13)?,
    })
}

/// The names of the factors of one channel: one, or two of which either waits.
fn channel(factor: Factor) -> serde_json::Result<[String; 2]> {
    let other = Factor::ALL.into_iter().find(|f| *f != factor && f.same_channel(factor));
    Ok([column::name(factor)?, column::name(other.unwrap_or(factor))?])
}

fn person(whose: &Whose) -> Option<&str> {
    match whose {
        Whose::Person(id) => Some(id.as_str()),
        Whose::Mailbox(_) => None,
    }
}

fn ask(tx: &Tx<'_>, new: &NewChallenge, event: &EventDraft) -> Done<()> {
    let (who, purpose, now) = (new.whose.name(), column::name(new.purpose)?, tx.now.millis());
    let [one, other] = channel(new.factor)?;
    tx.count(
        "UPDATE challenge SET expires_at = ?6
         WHERE who = ?1 AND purpose = ?2 AND factor IN (?3, ?4) AND flow = ?5
           AND spent_at IS NULL AND expires_at > ?6",
        params![who, purpose, one, other, new.flow.0, now],
    )?;
    let kept = tx.guarded(
        "INSERT INTO challenge (id, who, user_id, purpose, factor, flow, target, credential_version, code,
                                link, payload, asked_from, created_at, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
         WHERE ?3 IS NULL OR EXISTS (SELECT 1 FROM user WHERE id = ?3)",
        params![
            new.id.0,
            who,
            person(&new.whose),
            purpose,
            one,
            new.flow.0,
            new.target,
            new.credential_version,
            new.code.map(|d| d.0),
            new.link.map(|d| d.0),
            new.payload.as_ref().map(|p| &p.0),
            serde_json::to_string(&new.asked_from)?,
            now,
            (tx.now + new.life).millis(),
        ],
    )?;
    if !kept {
        return Ok(());
    }
    // Each waits for a flow of its own by now.
    tx.count(
        "UPDATE challenge SET expires_at = ?5 WHERE id IN
             (SELECT id FROM challenge
              WHERE who = ?1 AND purpose = ?2 AND factor IN (?3, ?4) AND spent_at IS NULL AND expires_at > ?5
              ORDER BY k DESC LIMIT -1 OFFSET ?6)",
        params![who, purpose, one, other, now, new.most_flows],
    )?;
    event::write(tx, event)
}

fn pending(tx: &Tx<'_>, kind: &Kind, flow: Option<&Digest>) -> Done<Option<Challenge>> {
    let [one, other] = channel(kind.factor)?;
    tx.row(
        select!(
            "WHERE who = ?1 AND purpose = ?2 AND factor IN (?3, ?4) AND (?5 IS NULL OR flow = ?5)
               AND spent_at IS NULL AND expires_at > ?6 AND tries < ?7
             ORDER BY k DESC LIMIT 1"
        ),
        params![
            kind.whose.name(),
            column::name(kind.purpose)?,
            one,
            other,
            flow.map(|d| d.0),
            tx.now.millis(),
            Challenge::TRIES
        ],
        challenge,
    )
}

fn try_code(tx: &Tx<'_>, id: ChallengeId, code: &Digest, wrong: &EventDraft) -> Done<Tried> {
    let (now, most) = (tx.now.millis(), Challenge::TRIES);
    let found = tx.row(
        "SELECT code, tries FROM challenge
         WHERE id = ?1 AND spent_at IS NULL AND expires_at > ?2 AND tries < ?3",
        params![id.0, now, most],
        |r| Ok((r.get::<_, Option<[u8; 32]>>(0)?.map(Digest), r.get::<_, u8>(1)?)),
    )?;
    let Some((due, tries)) = found else { return Ok(Tried::Ended) };
    if due.is_some_and(|due| due.matches(code)) {
        tx.one("UPDATE challenge SET spent_at = ?2 WHERE id = ?1", params![id.0, now])?;
        return Ok(Tried::Right);
    }
    tx.one("UPDATE challenge SET tries = tries + 1 WHERE id = ?1", [id.0])?;
    event::write(tx, wrong)?;
    Ok(Tried::Wrong { left: most.saturating_sub(tries).saturating_sub(1) })
}

fn spend_link(tx: &Tx<'_>, link: &Digest, flow: &Digest) -> Done<Option<Challenge>> {
    let spent = tx.guarded(
        "UPDATE challenge SET spent_at = ?3
         WHERE link = ?1 AND flow = ?2 AND spent_at IS NULL AND expires_at > ?3",
        params![link.0, flow.0, tx.now.millis()],
    )?;
    if spent { tx.row(select!("WHERE link = ?1"), [link.0], challenge) } else { Ok(None) }
}

#[async_trait]
impl Challenges for SqliteStore {
    async fn ask(&self, new: NewChallenge, event: EventDraft) -> StoreResult<()> {
        self.write(move |tx| ask(tx, &new, &event)).await
    }

    async fn pending(&self, kind: &Kind, flow: Option<&Digest>) -> StoreResult<At<Option<Challenge>>> {
        self.read(|tx| Ok(At { now: tx.now, it: pending(tx, kind, flow)? }))
    }

    async fn try_code(&self, id: ChallengeId, code: &Digest, wrong: EventDraft) -> StoreResult<Tried> {
        let code = *code;
        self.write(move |tx| try_code(tx, id, &code, &wrong)).await
    }

    async fn link(&self, link: &Digest) -> StoreResult<At<Option<Challenge>>> {
        self.read(|tx| {
            let sql = select!("WHERE link = ?1 AND expires_at > ?2");
            let since = (tx.now - KEPT).millis();
            Ok(At { now: tx.now, it: tx.row(sql, params![link.0, since], challenge)? })
        })
    }

    async fn spend_link(&self, link: &Digest, flow: &Digest) -> StoreResult<At<Option<Challenge>>> {
        let (link, flow) = (*link, *flow);
        self.write(move |tx| Ok(At { now: tx.now, it: spend_link(tx, &link, &flow)? })).await
    }

    async fn void_challenge(&self, id: ChallengeId, event: EventDraft) -> StoreResult<bool> {
        self.write(move |tx| {
            let voided = tx.guarded(
                "UPDATE challenge SET expires_at = ?2
                 WHERE id = ?1 AND spent_at IS NULL AND expires_at > ?2",
                params![id.0, tx.now.millis()],
            )?;
            if voided {
                event::write(tx, &event)?;
            }
            Ok(voided)
        })
        .await
    }

    async fn void_challenges(&self, user: &UserId, purpose: Purpose) -> StoreResult<()> {
        let user = user.clone();
        self.write(move |tx| {
            tx.count(
                "UPDATE challenge SET expires_at = ?3
                 WHERE who = ?1 AND purpose = ?2 AND spent_at IS NULL AND expires_at > ?3",
                params![user.as_str(), column::name(purpose)?, tx.now.millis()],
            )
        })
        .await
        .map(drop)
    }
}
