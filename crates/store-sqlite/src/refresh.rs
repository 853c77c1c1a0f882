//! One use of a refresh token: a guarded statement, and what it means when it found no row.

use crate::client_session::{self, KEPT, SWEEP_AT, about, session, session_columns};
use crate::column::time;
use crate::fault::{Done, Fault};
use crate::tx::Tx;
use crate::{event, revocation, user};
use countersign_issuer::model::{ClientSession, EventDraft, EventKind, Refresh};
use countersign_issuer::port::{RotateOutcome, Rotation};
use countersign_token::Timestamp;
use rusqlite::params;
use std::cmp::Ordering;

/// When the row of a session dead at `dead_at` may be deleted. A day more than needed: while the session
/// is in use this moves (and its index changes) once a day.
pub(crate) fn sweep_at(dead_at: Timestamp) -> Timestamp {
    dead_at + KEPT + KEPT
}

/// Decides and writes. The savepoint of this operation holds statement and classification together.
pub(crate) fn rotate(tx: &Tx<'_>, asked: &Rotation, theft: EventDraft) -> Done<RotateOutcome> {
    if let Some((row, sweep)) = set(tx, asked, ADVANCE)? {
        keep_unswept(tx, &row, sweep)?;
        return answer(tx, row, RotateOutcome::Rotated);
    }
    let Some(row) = client_session::load(tx, asked.id)? else { return Ok(RotateOutcome::Gone) };
    if row.client != asked.client {
        return Ok(RotateOutcome::WrongClient);
    }
    let active = user::load(tx, &row.user)?.is_some_and(|s| s.user.is_active());
    let Some(state) = row.refresh.as_ref().filter(|_| active && row.is_live(tx.now)) else {
        return Ok(RotateOutcome::Gone);
    };
    match asked.n.cmp(&state.n) {
        Ordering::Equal => Err(Fault::Broken("a rotation that should have matched did not".to_owned())),
        Ordering::Less if may_replay(tx, asked, state) => {
            tx.one("UPDATE client_session SET replays = replays + 1 WHERE id = ?1", [asked.id.0])?;
            let again = client_session::load(tx, asked.id)?;
            answer(tx, again.ok_or_else(lost)?, RotateOutcome::Replayed)
        }
        Ordering::Greater if state.epoch < epoch(tx, asked)? => {
            let (row, sweep) = set(tx, asked, HEAL)?.ok_or_else(lost)?;
            keep_unswept(tx, &row, sweep)?;
            event::write(
                tx,
                &about(EventDraft { kind: EventKind::RefreshHealed, messages: Vec::new(), ..theft }, &row),
            )?;
            answer(tx, row, RotateOutcome::Healed)
        }
        Ordering::Less | Ordering::Greater => stolen(tx, asked, &row, theft),
    }
}

/// d = 0. The statement is the decision: whoever comes second with the same number finds no row.
/// The store's epoch is read in it, since a process may not yet know of a restore.
const ADVANCE: &str = concat!(
    "UPDATE client_session SET n = n + rotate, replays = 0,
         rotated_at = CASE WHEN rotate THEN ?4 ELSE rotated_at END,
         key_version = CASE WHEN rotate THEN ?5 ELSE key_version END,
         epoch = max(?6, (SELECT epoch FROM store_state)), idle_until = ?4 + idle_for * 1000
     WHERE id = ?1 AND n = ?2 AND client_id = ?3 AND revoked_at IS NULL
       AND idle_until > ?4 AND absolute_until > ?4
       AND EXISTS (SELECT 1 FROM user u WHERE u.id = user_id AND u.disabled_at IS NULL)
     RETURNING ",
    session_columns!()
);

/// d < 0 after lost commits: the token is younger than the row. Liveness was read in this transaction.
const HEAL: &str = concat!(
    "UPDATE client_session SET n = ?2 + rotate, replays = 0, rotated_at = ?4,
         key_version = CASE WHEN rotate THEN ?5 ELSE key_version END,
         epoch = max(?6, (SELECT epoch FROM store_state)), idle_until = ?4 + idle_for * 1000
     WHERE id = ?1 AND n < ?2 AND client_id = ?3
     RETURNING ",
    session_columns!()
);

fn lost() -> Fault {
    Fault::Broken("a session just read is not there to be written".to_owned())
}

/// Runs one of the two; the row after it and its `sweep_at`.
fn set(tx: &Tx<'_>, asked: &Rotation, sql: &str) -> Done<Option<(ClientSession, Timestamp)>> {
    tx.row(
        sql,
        params![asked.id.0, asked.n, asked.client.as_str(), tx.now.millis(), asked.key_version, asked.epoch],
        |r| Ok((session(r)?, time(r, SWEEP_AT)?)),
    )
}

fn epoch(tx: &Tx<'_>, asked: &Rotation) -> Done<u32> {
    let stored: u32 = tx.value("SELECT epoch FROM store_state", [])?;
    Ok(stored.max(asked.epoch))
}

fn may_replay(tx: &Tx<'_>, asked: &Rotation, state: &Refresh) -> bool {
    state.n.checked_sub(asked.n) == Some(1)
        && tx.now.since(state.rotated_at) < asked.retry_window
        && state.replays < asked.max_replays
}

/// Moves `sweep_at` on when the session now lives so long that its row could be swept before its time.
fn keep_unswept(tx: &Tx<'_>, row: &ClientSession, sweep: Timestamp) -> Done<()> {
    match &row.refresh {
        Some(state) if state.idle_until + KEPT > sweep => tx.one(
            "UPDATE client_session SET sweep_at = ?2 WHERE id = ?1",
            params![row.id.0, sweep_at(state.idle_until).millis()],
        ),
        _ => Ok(()),
    }
}

fn answer(
    tx: &Tx<'_>,
    row: ClientSession,
    outcome: fn(Timestamp, Box<ClientSession>, Box<countersign_issuer::model::Subject>) -> RotateOutcome,
) -> Done<RotateOutcome> {
    let subject = user::load(tx, &row.user)?;
    let subject = subject.ok_or_else(|| Fault::Broken("a session without its user".to_owned()))?;
    Ok(outcome(tx.now, Box::new(row), Box::new(subject)))
}

/// Ends the session. The answer is an error for the asker, and this is committed all the same.
fn stolen(tx: &Tx<'_>, asked: &Rotation, row: &ClientSession, theft: EventDraft) -> Done<RotateOutcome> {
    if !client_session::end(tx, row.id)? {
        return Err(Fault::Broken("a live session did not end".to_owned()));
    }
    event::write(tx, &about(theft, row))?;
    revocation::sessions(tx, &row.user, vec![row.id], asked.until).map(RotateOutcome::Theft)
}
