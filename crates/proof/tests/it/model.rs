//! The protocol as a model, every order of events tried: writers, two sequencers that crash, heads signed from
//! reads, a relay that keeps and repeats whatever was sent, a verifier that restarts from its disk, a store put
//! back from a backup.
//!
//! A chain is modelled by the rules it stands for. One verifier is enough: none acts on another. To keep the
//! number of states small, what commutes is not tried in every order: a revoker is told at once that its row has
//! a number (later only weakens what is due), a head is signed right after what it signs was read or written
//! (the relay delays it as well), and the disk is written, or not, when something was proven.

use stateright::{Checker, HasDiscoveries, Model, Property};
use std::collections::BTreeSet;

const REVOCATIONS: usize = 2;
const NODES: usize = 2;
/// The clock of the store stands still after this.
const LAST_TICK: u8 = 2;
/// Most heads that are ever signed; the relay keeps them all.
const MOST_HEADS: usize = 2;

/// What is wrong with the system under check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flaw {
    None,
    /// The sequencer goes on past rows that it did not number, as with `SKIP LOCKED`.
    SkipsRows,
    /// `as_of` is the time of signing, not of the read that is signed.
    StampsAfterReading,
    /// A head is signed from a read that found rows without a number.
    SignsUnnumbered,
    /// The batch is written without asking whether the log is still as it was read.
    AppendsUnguarded,
    /// The verifier believes heads that nobody signed.
    BelievesUnsigned,
    /// The verifier believes a head before it has the rules.
    BelievesIncomplete,
    /// The verifier takes the rules of a later epoch instead of those it had.
    ForgetsEpochs,
    /// A store put back from a backup goes on in its epoch, and verifiers compare numbers only.
    KeepsEpoch,
}

struct Feed(Flaw);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Row {
    Absent,
    /// Committed with the revocation, without a number.
    Waiting,
    Numbered,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Store {
    epoch: u8,
    rows: [Row; REVOCATIONS],
    log: Vec<usize>,
}

/// A node of the issuer: numbers rows and signs heads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Node {
    Idle,
    /// Has read the store, at that time.
    Loaded {
        at: u8,
        read: Store,
    },
    /// Has found, or made, a log without rows missing.
    Complete {
        at: u8,
        read: Store,
    },
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Head {
    epoch: u8,
    log: Vec<usize>,
    as_of: u8,
    signed: bool,
}

impl Head {
    fn order(&self) -> (u8, usize, u8) {
        (self.epoch, self.log.len(), self.as_of)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Verifier {
    proven: Option<Head>,
    refuses: [bool; REVOCATIONS],
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    now: u8,
    store: Store,
    backup: Option<Store>,
    restored: bool,
    /// When the revoker was told that it is done.
    acknowledged: [Option<u8>; REVOCATIONS],
    /// Acknowledged, and not in the backup that was put back.
    lost: [bool; REVOCATIONS],
    nodes: [Node; NODES],
    sent: BTreeSet<Head>,
    verifier: Verifier,
    /// What it wrote, until it restarts from it.
    disk: Option<Verifier>,
    restarted: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Action {
    Tick,
    /// The transaction that revokes commits, its row in it.
    Commit(usize),
    Load(usize),
    Append(usize),
    Sign(usize),
    /// Signs the log as it was read, rows without a number or not.
    SignAsIs(usize),
    Crash(usize),
    Backup,
    Restore,
    /// The relay hands over a head and its rules: for the first time, again, out of order, much later.
    Deliver {
        head: Head,
        saved: bool,
    },
    /// The relay hands over a head and keeps the rules.
    DeliverAlone(Head),
    /// The relay says: nothing new, as of now.
    Forge,
    Restart,
}

impl State {
    fn append(&mut self, node: usize, flaw: Flaw) {
        let Node::Loaded { at, read } = std::mem::replace(&mut self.nodes[node], Node::Idle) else { return };
        let unchanged = self.store.epoch == read.epoch && self.store.log == read.log;
        if !unchanged && flaw != Flaw::AppendsUnguarded {
            return;
        }
        let mut log = read.log;
        let loaded = (0..REVOCATIONS).filter(|row| read.rows[*row] == Row::Waiting);
        // The first row is locked by somebody.
        let loaded: Vec<_> = loaded.skip(usize::from(flaw == Flaw::SkipsRows)).collect();
        log.extend(&loaded);
        for row in 0..REVOCATIONS {
            let passed = loaded.contains(&row) || flaw == Flaw::SkipsRows;
            if passed && self.store.rows[row] == Row::Waiting {
                self.store.rows[row] = Row::Numbered;
                self.acknowledged[row].get_or_insert(self.now);
            }
        }
        self.store.log = log;
        self.nodes[node] = Node::Complete { at, read: self.store.clone() };
    }

    fn restore(&mut self, flaw: Flaw) {
        let Some(backup) = self.backup.take() else { return };
        for row in 0..REVOCATIONS {
            if backup.rows[row] == Row::Absent && self.acknowledged[row].is_some() {
                self.lost[row] = true;
            }
        }
        self.restored = true;
        self.store = backup;
        if flaw != Flaw::KeepsEpoch {
            self.store.epoch += 1;
            self.store.log.clear();
            // Everything is numbered again.
            for row in &mut self.store.rows {
                if *row == Row::Numbered {
                    *row = Row::Waiting;
                }
            }
        }
    }

    fn deliver(&mut self, head: Head, with_rules: bool, flaw: Flaw) {
        let verifier = &mut self.verifier;
        let later = verifier.proven.as_ref().is_none_or(|proven| proven.order() < head.order());
        let believed = head.signed || flaw == Flaw::BelievesUnsigned;
        let complete = with_rules || flaw == Flaw::BelievesIncomplete;
        if !(later && believed && complete) {
            return;
        }
        let before = verifier.proven.as_ref().filter(|proven| proven.epoch == head.epoch);
        let had = before.map(|proven| proven.log.as_slice()).unwrap_or_default();
        // A relay that knows no better sends what follows the rules had.
        let numbers_only = flaw == Flaw::KeepsEpoch;
        if !head.log.starts_with(had) && !numbers_only {
            return;
        }
        if flaw == Flaw::ForgetsEpochs && before.is_none() {
            verifier.refuses = [false; REVOCATIONS];
        }
        if with_rules {
            head.log.iter().skip(had.len()).for_each(|rule| verifier.refuses[*rule] = true);
        }
        verifier.proven = Some(head);
    }
}

impl Model for Feed {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            store: Store { epoch: 1, rows: [Row::Absent; REVOCATIONS], log: Vec::new() },
            backup: None,
            restored: false,
            acknowledged: [None; REVOCATIONS],
            lost: [false; REVOCATIONS],
            nodes: [Node::Idle, Node::Idle],
            sent: BTreeSet::new(),
            verifier: Verifier::default(),
            disk: None,
            restarted: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let Self(flaw) = *self;
        let mut may = |action: Action, when: bool| when.then(|| actions.push(action));
        let signs = state.sent.len() < MOST_HEADS;
        let complete = state.nodes.iter().position(|node| matches!(node, Node::Complete { .. }));
        if let Some(node) = complete.filter(|_| flaw != Flaw::StampsAfterReading) {
            may(Action::Sign(node), signs);
            may(Action::Crash(node), true);
            return;
        }
        may(Action::Tick, state.now < LAST_TICK);
        for row in 0..REVOCATIONS {
            // They differ by name only, so the first one comes first.
            let next = row == 0 || state.store.rows[row - 1] != Row::Absent || state.lost[row - 1];
            may(Action::Commit(row), state.store.rows[row] == Row::Absent && next && !state.lost[row]);
        }
        for (place, node) in state.nodes.iter().enumerate() {
            // So do the nodes.
            let other_idle = place > 0 && state.nodes[0] == Node::Idle;
            may(Action::Load(place), *node == Node::Idle && !other_idle);
            may(Action::Append(place), matches!(node, Node::Loaded { .. }));
            let as_is = flaw == Flaw::SignsUnnumbered && signs;
            may(Action::SignAsIs(place), matches!(node, Node::Loaded { .. }) && as_is);
            may(Action::Sign(place), matches!(node, Node::Complete { .. }) && signs);
            may(Action::Crash(place), *node != Node::Idle);
        }
        may(Action::Backup, state.backup.is_none() && !state.restored);
        may(Action::Restore, state.backup.is_some());
        for head in &state.sent {
            may(Action::Deliver { head: head.clone(), saved: false }, true);
            may(Action::Deliver { head: head.clone(), saved: true }, !state.restarted);
            may(Action::DeliverAlone(head.clone()), true);
        }
        may(Action::Forge, true);
        may(Action::Restart, !state.restarted);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let Self(flaw) = *self;
        let mut state = last.clone();
        match action {
            Action::Tick => state.now += 1,
            Action::Commit(row) => state.store.rows[row] = Row::Waiting,
            Action::Load(node) => {
                let (at, read) = (state.now, state.store.clone());
                let missing = read.rows.contains(&Row::Waiting);
                state.nodes[node] =
                    if missing { Node::Loaded { at, read } } else { Node::Complete { at, read } };
            }
            Action::Append(node) => state.append(node, flaw),
            Action::Sign(node) | Action::SignAsIs(node) => {
                let (Node::Complete { at, read } | Node::Loaded { at, read }) =
                    std::mem::replace(&mut state.nodes[node], Node::Idle)
                else {
                    return None;
                };
                let as_of = if flaw == Flaw::StampsAfterReading { state.now } else { at };
                state.sent.insert(Head { epoch: read.epoch, log: read.log, as_of, signed: true });
            }
            Action::Crash(node) => state.nodes[node] = Node::Idle,
            Action::Backup => state.backup = Some(state.store.clone()),
            Action::Restore => state.restore(flaw),
            Action::Forge => {
                let log = state.verifier.proven.as_ref().map(|proven| proven.log.clone()).unwrap_or_default();
                let head = Head { epoch: state.store.epoch, log, as_of: state.now, signed: false };
                state.deliver(head, true, flaw);
            }
            Action::Deliver { head, saved } => {
                state.deliver(head, true, flaw);
                if saved {
                    state.disk = Some(state.verifier.clone());
                }
            }
            Action::DeliverAlone(head) => state.deliver(head, false, flaw),
            Action::Restart => {
                state.verifier = state.disk.clone().unwrap_or_default();
                state.restarted = true;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(FRESH, |_, state: &State| {
                let Some(as_of) = state.verifier.proven.as_ref().map(|head| head.as_of) else { return true };
                (0..REVOCATIONS).all(|row| {
                    let due = state.acknowledged[row].is_some_and(|acknowledged| acknowledged < as_of);
                    !due || state.lost[row] || state.verifier.refuses[row]
                })
            }),
            Property::always(KEPT, |_, state: &State| {
                let Some(disk) = &state.disk else { return true };
                (0..REVOCATIONS).all(|row| state.verifier.refuses[row] || !disk.refuses[row])
            }),
            // What must be possible, or the rest says nothing.
            Property::sometimes("all rules are proven", |_, state: &State| {
                state.verifier.proven.is_some() && state.verifier.refuses == [true; REVOCATIONS]
            }),
            Property::sometimes("a rule outlives the store it was in", |_, state: &State| {
                let restored = state.verifier.proven.as_ref().is_some_and(|head| head.epoch == 2);
                restored && (0..REVOCATIONS).any(|row| state.lost[row] && state.verifier.refuses[row])
            }),
        ]
    }
}

/// A verifier whose proven head says T refuses all that was acknowledged before T.
const FRESH: &str = "what was acknowledged before as_of is refused";
/// What it refused when it wrote its disk it refuses for good, whatever store was put back.
const KEPT: &str = "what was refused stays refused";

#[test]
fn no_order_of_events_breaks_the_guarantee() {
    let checker = Feed(Flaw::None).checker().threads(2).spawn_bfs().join();
    eprintln!("{} states, {} deep", checker.unique_state_count(), checker.max_depth());
    checker.assert_properties();
}

fn breaks(flaw: Flaw, property: &'static str) {
    let found = HasDiscoveries::AnyFailures;
    let checker = Feed(flaw).checker().threads(2).finish_when(found).spawn_bfs().join();
    let path = checker.discovery(property);
    assert!(path.is_some(), "{flaw:?} is not noticed in {} states", checker.unique_state_count());
}

#[test]
fn skipping_rows_breaks_it() {
    breaks(Flaw::SkipsRows, FRESH);
}

#[test]
fn a_time_taken_after_the_read_breaks_it() {
    breaks(Flaw::StampsAfterReading, FRESH);
}

#[test]
fn a_head_over_unnumbered_rows_breaks_it() {
    breaks(Flaw::SignsUnnumbered, FRESH);
}

#[test]
fn appending_unguarded_breaks_it() {
    breaks(Flaw::AppendsUnguarded, FRESH);
}

#[test]
fn an_unsigned_head_breaks_it() {
    breaks(Flaw::BelievesUnsigned, FRESH);
}

#[test]
fn a_head_without_its_rules_breaks_it() {
    breaks(Flaw::BelievesIncomplete, FRESH);
}

#[test]
fn forgetting_an_epoch_breaks_it() {
    breaks(Flaw::ForgetsEpochs, KEPT);
}

#[test]
fn a_restored_store_without_a_new_epoch_breaks_it() {
    breaks(Flaw::KeepsEpoch, FRESH);
}
