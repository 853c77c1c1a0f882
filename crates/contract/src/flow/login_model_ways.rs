//! Every action in every state of a browser's sign-in by mail, text message and passkey, in which somebody
//! else plants their flow cookie or their session, against a model written from the rules alone. What the
//! other model ([`super::login_model`]) asks of passwords and apps is asked of these here: a proof is good
//! once, for its person, purpose and flow, and nobody gets a session but who proved.

mod real;

use crate::Stage;
use real::Real;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Seconds between two actions: longer than between two mails of one flow.
const PACE: u64 = 31;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Who {
    /// Has a phone and a passkey.
    Nora,
    /// Has a password, and plants cookies.
    Mallory,
}

/// The browser as the model sees it, and what waits to be answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct State {
    session: Option<Who>,
    /// What Nora proved in the sign-in under way: the first factor, or the second.
    first: bool,
    second: bool,
    /// Links with their codes, sent to Nora: asked for here, and in the flow of the other.
    mine: bool,
    theirs: bool,
    /// Text messages, likewise.
    text: bool,
    their_text: bool,
    /// The flow cookie here is the other's.
    planted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Act {
    Password,
    MallorysPassword,
    AskLink,
    TheyAskLink,
    /// A scanner opens all links there are.
    Look,
    OpenLink,
    OpenTheirs,
    UsedLink,
    TypeCode,
    TypeTheirs,
    WrongCode,
    /// "This was not me", about the other's.
    Void,
    /// A link to set a new password, used to sign in.
    RecoveryLink,
    SendText,
    Text,
    /// The code of a text message to the other flow.
    OtherText,
    WrongText,
    UsedText,
    Key,
    /// A challenge that the other was given, answered here.
    TheirKey,
    KeyForSomethingElse,
    UsedKey,
    Again,
    /// Somebody who knows Nora's password, in the flow whose cookie they plant.
    TheyTry,
    Plant,
    DropFlow,
    /// Mallory's session cookie.
    PlantSession,
    SignOut,
    Wait,
}

const ACTS: [Act; 29] = [
    Act::Password,
    Act::MallorysPassword,
    Act::AskLink,
    Act::TheyAskLink,
    Act::Look,
    Act::OpenLink,
    Act::OpenTheirs,
    Act::UsedLink,
    Act::TypeCode,
    Act::TypeTheirs,
    Act::WrongCode,
    Act::Void,
    Act::RecoveryLink,
    Act::SendText,
    Act::Text,
    Act::OtherText,
    Act::WrongText,
    Act::UsedText,
    Act::Key,
    Act::TheirKey,
    Act::KeyForSomethingElse,
    Act::UsedKey,
    Act::Again,
    Act::TheyTry,
    Act::Plant,
    Act::DropFlow,
    Act::PlantSession,
    Act::SignOut,
    Act::Wait,
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    In(Who),
    /// The sign-in there is will do.
    Enough,
    Begin,
    Second,
    Refused,
    /// Nothing was submitted.
    Nothing,
}

impl State {
    /// Who signs in here, or is signed in.
    fn me(self) -> Option<Who> {
        if self.first || self.second { Some(Who::Nora) } else { self.session }
    }

    fn signed_in(self, who: Who) -> (Self, Seen) {
        (Self { session: Some(who), first: false, second: false, ..self }, Seen::In(who))
    }

    /// Nora has two steps and needs both, the first one first; who has a session has proven all.
    fn judged(self) -> (Self, Seen) {
        match self.me() {
            None => (self, Seen::Refused),
            Some(who) if self.session == Some(who) && (self.first || self.second) => self.signed_in(who),
            Some(who) if self.session == Some(who) => (self, Seen::Enough),
            Some(_) if !self.first => (self, Seen::Begin),
            Some(_) if !self.second => (self, Seen::Second),
            Some(who) => self.signed_in(who),
        }
    }

    /// Another flow cookie: what was proven and asked for under the one before is out of reach.
    fn moved(self, planted: bool) -> Self {
        Self { first: false, second: false, mine: false, text: false, planted, ..self }
    }

    fn after(self, act: Act) -> (Self, Seen) {
        let (refused, nothing) = ((self, Seen::Refused), |state| (state, Seen::Nothing));
        let nora = self.me() == Some(Who::Nora);
        match act {
            Act::Password => Self { first: true, ..self }.judged(),
            Act::MallorysPassword => self.signed_in(Who::Mallory),
            Act::AskLink if self.planted => nothing(Self { theirs: true, ..self }),
            Act::AskLink => nothing(Self { mine: true, ..self }),
            Act::TheyAskLink => nothing(Self { theirs: true, ..self }),
            Act::OpenLink | Act::TypeCode if self.mine => Self { mine: false, first: true, ..self }.judged(),
            Act::OpenTheirs | Act::TypeTheirs if self.theirs && self.planted => {
                Self { theirs: false, first: true, ..self }.judged()
            }
            Act::Void => nothing(Self { theirs: false, ..self }),
            Act::SendText if nora && self.planted => nothing(Self { their_text: true, ..self }),
            Act::SendText if nora => nothing(Self { text: true, ..self }),
            Act::Text if nora && self.planted && self.their_text => {
                Self { their_text: false, second: true, ..self }.judged()
            }
            Act::Text if nora && !self.planted && self.text => {
                Self { text: false, second: true, ..self }.judged()
            }
            Act::Key => self.signed_in(Who::Nora),
            Act::Again => self.judged(),
            Act::TheyTry => (self, Seen::Second),
            Act::Plant if self.planted => nothing(self),
            Act::Plant => nothing(self.moved(true)),
            Act::DropFlow => nothing(self.moved(false)),
            Act::PlantSession => nothing(Self { session: Some(Who::Mallory), ..self }),
            Act::SignOut => nothing(Self { session: None, ..self }),
            Act::Wait => nothing(Self { session: self.session, planted: self.planted, ..Self::default() }),
            Act::Look => nothing(self),
            _ => refused,
        }
    }
}

/// The nearest way from here to an action not tried yet.
fn plan(from: State, tried: &BTreeSet<(State, Act)>) -> Option<Act> {
    let mut first: BTreeMap<State, Option<Act>> = [(from, None)].into();
    let mut queue = VecDeque::from([from]);
    while let Some(state) = queue.pop_front() {
        let began = first[&state];
        if let Some(act) = ACTS.into_iter().find(|act| !tried.contains(&(state, *act))) {
            return Some(began.unwrap_or(act));
        }
        for act in ACTS {
            if let Entry::Vacant(place) = first.entry(state.after(act).0) {
                queue.push_back(*place.key());
                place.insert(Some(began.unwrap_or(act)));
            }
        }
    }
    None
}

/// Every action in every state that can be reached.
pub async fn login_model_ways(stage: Stage) {
    let mut real = Real::new(stage).await;
    let (mut state, mut tried) = (State::default(), BTreeSet::new());
    let mut signed_in = 0;
    while let Some(planned) = plan(state, &tried) {
        real.pass(PACE);
        let act = if real.must_wait(planned) { Act::Wait } else { planned };
        let (after, due) = state.after(act);
        let seen = real.fire(act).await;
        assert_eq!(seen, due, "{act:?} in {state:?}, after {} others", tried.len());
        real.nobody_else_is_nora().await;
        tried.insert((state, act));
        signed_in += usize::from(seen == Seen::In(Who::Nora));
        state = after;
    }
    let states: BTreeSet<State> = tried.iter().map(|(state, _)| *state).collect();
    assert_eq!(tried.len(), states.len() * ACTS.len());
    assert!(states.len() >= 100 && signed_in > 100, "{} states, {signed_in} sign-ins", states.len());
}
