//! What should happen to keys next, decided from their rows alone.

use crate::model::{KeyRecord, KeyState, KeyUse, RefreshKeyRecord};
use countersign_token::{Algorithm, Timestamp};
use std::time::Duration;

/// Kept published for this long after the last token signed by it is dead: clocks differ, and some
/// verifiers are late.
const MARGIN: Duration = Duration::from_secs(60 * 60);
/// A refresh key is used when it has been in the store for this long: every node loads keys each second.
pub(super) const REFRESH_AHEAD: Duration = Duration::from_secs(60);

/// Keys that follow one another: of one use and algorithm.
pub(super) type Line = (KeyUse, Algorithm);

/// One step. Each is one guarded write; after it the rows are read again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Move {
    /// Make and publish a key that will sign later.
    Add(Line),
    /// Let these sign, and retire those that signed so far; of all lines at once, since each write
    /// has to be seen by every node before the next.
    Activate {
        /// The pending ones.
        kids: Vec<String>,
        /// The active ones of their lines.
        retire: Vec<String>,
    },
    /// Stop signing with it: a newer one does.
    Retire(String),
    /// Take it out of the published set.
    Archive(String),
    /// Make a refresh key of this version.
    AddRefresh(u16),
}

/// The lengths that matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Age at which a key is replaced.
    pub(super) rotation: Duration,
    /// How long a key is published before it signs.
    pub(super) ahead: Duration,
    /// The longest life of a token.
    pub(super) longest: Duration,
}

/// The key set as loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) keys: &'a [KeyRecord],
    pub(super) refresh: &'a [RefreshKeyRecord],
    /// The set's version.
    pub(super) version: i64,
    /// The version all live nodes have loaded.
    pub(super) seen: Option<i64>,
}

impl<'a> Rows<'a> {
    /// Those of a line in a state, oldest first.
    pub(super) fn of(&self, line: Line, state: KeyState) -> Vec<&'a KeyRecord> {
        let mut found: Vec<_> = self.keys.iter().filter(|k| k.line() == line && k.state == state).collect();
        found.sort_by(|a, b| (a.active_at, a.created_at, &a.kid).cmp(&(b.active_at, b.created_at, &b.kid)));
        found
    }

    /// Lines that sign, or are about to.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut out = Vec::new();
        for key in self.keys {
            if matches!(key.state, KeyState::Active | KeyState::Pending) && !out.contains(&key.line()) {
                out.push(key.line());
            }
        }
        out
    }

    /// Every live node has loaded the set as it is: a key in it may sign without anybody being surprised.
    pub(super) fn known_everywhere(&self) -> bool {
        self.seen.is_some_and(|seen| seen >= self.version)
    }
}

/// The steps due now, the most urgent first.
pub(super) fn decide(rows: &Rows<'_>, times: &Times, now: Timestamp) -> Vec<Move> {
    let mut moves = Vec::new();
    let (mut kids, mut retire) = (Vec::new(), Vec::new());
    for line in rows.lines() {
        let (active, pending) = (rows.of(line, KeyState::Active), rows.of(line, KeyState::Pending));
        let signing = active.last();
        match pending.first() {
            Some(next) => {
                // Without a signing key there is nothing to wait for.
                let due = signing.is_none() || now >= next.active_at;
                if due && rows.known_everywhere() {
                    kids.push(next.kid.clone());
                    retire.extend(active.iter().map(|k| k.kid.clone()));
                    continue;
                }
            }
            None => {
                if signing.is_some_and(|k| now + times.ahead >= k.active_at + times.rotation) {
                    moves.push(Move::Add(line));
                }
            }
        }
        let older = active.len().saturating_sub(1);
        moves.extend(active.iter().take(older).map(|k| Move::Retire(k.kid.clone())));
    }
    if !kids.is_empty() {
        moves.insert(0, Move::Activate { kids, retire });
    }
    for key in rows.keys.iter().filter(|k| k.state == KeyState::Retiring) {
        let retired = key.retired_at.unwrap_or(key.created_at);
        if now >= retired + times.longest + MARGIN {
            moves.push(Move::Archive(key.kid.clone()));
        }
    }
    let newest = rows.refresh.iter().max_by_key(|k| k.version);
    if let Some(next) = newest.filter(|k| now >= k.created_at + times.rotation) {
        moves.extend(next.version.checked_add(1).map(Move::AddRefresh));
    }
    moves
}

/// The refresh key that new tokens are made with: the newest that every node has had time to load, or else
/// the oldest there is.
pub(super) fn usable_refresh(keys: &[RefreshKeyRecord], now: Timestamp) -> Option<u16> {
    let ready = keys.iter().filter(|k| now >= k.created_at + REFRESH_AHEAD).map(|k| k.version).max();
    ready.or_else(|| keys.iter().map(|k| k.version).min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sealed;
    use KeyState::{Active, Archived, Pending, Retiring, Withdrawn};

    const DAY: u64 = 24 * 60 * 60;
    const TIMES: Times = Times {
        rotation: Duration::from_secs(90 * DAY),
        ahead: Duration::from_secs(DAY),
        longest: Duration::from_secs(3600),
    };

    fn day(n: u64) -> Timestamp {
        Timestamp::from_seconds(0) + Duration::from_secs(n * DAY)
    }

    fn key(kid: &str, alg: Algorithm, state: KeyState, active_at: Timestamp) -> KeyRecord {
        KeyRecord {
            kid: kid.into(),
            alg,
            purpose: KeyUse::Token,
            state,
            private: Sealed(Vec::new()),
            created_at: active_at,
            active_at,
            retired_at: (state == Retiring).then_some(active_at),
        }
    }

    fn plan(keys: &[KeyRecord], seen: Option<i64>, now: Timestamp) -> Vec<Move> {
        decide(&Rows { keys, refresh: &[], version: 7, seen }, &TIMES, now)
    }

    #[test]
    fn a_key_is_replaced_in_three_steps() {
        use Algorithm::Es256;
        let a = |state| key("a", Es256, state, day(0));
        let b = |state| key("b", Es256, state, day(90));
        let activate = Move::Activate { kids: vec!["b".into()], retire: vec!["a".into()] };
        let archive_at = day(90) + TIMES.longest + MARGIN;
        let before = |t: Timestamp| t - Duration::from_millis(1);
        type Row = (&'static str, Vec<KeyRecord>, Option<i64>, Timestamp, Vec<Move>);
        let table: Vec<Row> = vec![
            ("young", vec![a(Active)], Some(7), before(day(89)), vec![]),
            ("published ahead", vec![a(Active)], Some(7), day(89), vec![Move::Add((KeyUse::Token, Es256))]),
            ("once only", vec![a(Active), b(Pending)], Some(7), before(day(90)), vec![]),
            ("due and known", vec![a(Active), b(Pending)], Some(7), day(90), vec![activate.clone()]),
            ("a node has not seen it", vec![a(Active), b(Pending)], Some(6), day(99), vec![]),
            ("nobody alive", vec![a(Active), b(Pending)], None, day(99), vec![]),
            ("retiring stays", vec![a(Active), key("o", Es256, Retiring, day(90))], Some(7), day(1), vec![]),
            (
                "still published",
                vec![key("o", Es256, Retiring, day(90))],
                Some(7),
                before(archive_at),
                vec![],
            ),
            (
                "archived",
                vec![key("o", Es256, Retiring, day(90))],
                Some(7),
                archive_at,
                vec![Move::Archive("o".into())],
            ),
            ("the dead rest", vec![a(Archived), b(Withdrawn)], Some(7), day(999), vec![]),
            ("two that sign", vec![b(Active), a(Active)], Some(7), day(90), vec![Move::Retire("a".into())]),
            (
                "none that signs",
                vec![key("b", Es256, Pending, day(500))],
                Some(7),
                day(90),
                vec![Move::Activate { kids: vec!["b".into()], retire: vec![] }],
            ),
        ];
        for (name, keys, seen, now, due) in table {
            assert_eq!(plan(&keys, seen, now), due, "{name}");
        }
    }

    #[test]
    fn each_algorithm_for_itself() {
        let keys = [
            key("a", Algorithm::Es256, Active, day(0)),
            key("b", Algorithm::Rs256, Active, day(80)),
            key("c", Algorithm::Ed25519, Active, day(0)),
            key("d", Algorithm::Ed25519, Pending, day(89)),
        ];
        let activate = Move::Activate { kids: vec!["d".into()], retire: vec!["c".into()] };
        let due = [activate, Move::Add((KeyUse::Token, Algorithm::Es256))];
        assert_eq!(plan(&keys, Some(9), day(89)), due);
    }

    #[test]
    fn a_feed_key_is_a_line_of_its_own() {
        let feed =
            |kid, state, at| KeyRecord { purpose: KeyUse::Feed, ..key(kid, Algorithm::Ed25519, state, at) };
        let token = key("t", Algorithm::Ed25519, Active, day(80));
        let due = [Move::Add((KeyUse::Feed, Algorithm::Ed25519))];
        assert_eq!(plan(&[token.clone(), feed("f", Active, day(0))], Some(7), day(89)), due);
        let keys = [token, feed("f", Active, day(0)), feed("g", Pending, day(90))];
        let activate = Move::Activate { kids: vec!["g".into()], retire: vec!["f".into()] };
        assert_eq!(plan(&keys, Some(7), day(90)), [activate], "the token key is not retired by it");
    }

    #[test]
    fn refresh_keys_rotate_and_wait_until_every_node_has_them() {
        let key = |version, made| RefreshKeyRecord { version, secret: Sealed(Vec::new()), created_at: made };
        let keys = [key(1, day(0)), key(2, day(90))];
        let plan = |refresh: &[RefreshKeyRecord], now| {
            decide(&Rows { keys: &[], refresh, version: 1, seen: None }, &TIMES, now)
        };
        assert_eq!(plan(&keys[..1], day(89)), []);
        assert_eq!(plan(&keys[..1], day(90)), [Move::AddRefresh(2)]);
        assert_eq!(plan(&keys, day(91)), []);
        assert_eq!(usable_refresh(&keys, day(90)), Some(1));
        assert_eq!(usable_refresh(&keys, day(90) + REFRESH_AHEAD), Some(2));
        assert_eq!(usable_refresh(&keys[..1], day(0)), Some(1), "the first at once");
        assert_eq!(usable_refresh(&[], day(0)), None);
    }
}
