//! Every action in every state of a browser's sign-in, against a small model written from the rules alone:
//! what a person proved, for whom, when, under which credentials, and what follows.

use super::house::{House, PASSWORD, caller};
use crate::Stage;
use countersign_issuer::account::enrol::recovery_code as paper;
use countersign_issuer::account::enrol::totp as app;
use countersign_issuer::admin::users;
use countersign_issuer::login::browser::{self, Demand, Turn};
use countersign_issuer::login::{Proof, Purpose, Transaction, password, recovery_code, totp};
use countersign_issuer::model::{Account, Acr, Secret};
use countersign_issuer::oauth::authorize::Visitor;
use countersign_issuer::{Code, Failure, Settings};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use totp_rs::Totp;

/// Seconds between two actions: each sees another code of the app. Never adds up to the ten minutes of a
/// sign-in under way.
const PACE: u64 = 31;
/// Of a sign-in under way.
const LIFE: i64 = 600;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Who {
    /// Has an app and codes on paper.
    Nora,
    /// Has a password.
    Ida,
}

impl Who {
    fn name(self) -> &'static str {
        if self == Self::Nora { "nora" } else { "ida" }
    }
}

/// What was proven: password, a second factor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Proven {
    first: bool,
    second: bool,
}

/// A sign-in under way, as a form carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Carried {
    who: Who,
    proven: Proven,
    /// Nothing of its person's credentials changed since.
    good: bool,
}

/// The browser as the model sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct State {
    session: Option<(Who, Proven)>,
    carried: Option<Carried>,
    disabled: bool,
    /// Two factors are asked for.
    two: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Act {
    Password(Who),
    WrongPassword,
    App,
    WrongCode,
    UsedCode,
    Paper,
    /// The form again, with nothing new.
    Again,
    /// The form from a browser with another flow cookie, and no session.
    Elsewhere,
    /// A good password, proven for the direct API.
    OtherPurpose,
    /// A good password, proven in another flow.
    OtherFlow,
    /// A good second factor of Nora's, joined to whatever is carried.
    NorasApp,
    /// The flow cookie is lost; the page is still open.
    DropFlow,
    SignOut,
    ChangePassword,
    Disable,
    Enable,
    Wait,
    AskTwo,
    AskOne,
}

const ACTS: [Act; 20] = [
    Act::Password(Who::Nora),
    Act::Password(Who::Ida),
    Act::WrongPassword,
    Act::App,
    Act::WrongCode,
    Act::UsedCode,
    Act::Paper,
    Act::Again,
    Act::Elsewhere,
    Act::OtherPurpose,
    Act::OtherFlow,
    Act::NorasApp,
    Act::DropFlow,
    Act::SignOut,
    Act::ChangePassword,
    Act::Disable,
    Act::Enable,
    Act::Wait,
    Act::AskTwo,
    Act::AskOne,
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    /// Signed in at that level.
    In(Who, Acr),
    /// The sign-in there is will do.
    Enough,
    Begin,
    Second,
    Enrol,
    Refused,
    /// Nothing was submitted.
    Nothing,
}

impl State {
    /// What the rules make of what is carried now: Nora has two steps and so needs both; a password comes
    /// first; what is held counts for its own person only.
    fn judged(self) -> (Self, Seen) {
        let Some(who) = self.carried.map(|c| c.who).or(self.session.map(|s| s.0)) else {
            return (self, Seen::Refused);
        };
        if self.disabled && who == Who::Nora {
            return (self, Seen::Refused);
        }
        let held = self.session.filter(|s| s.0 == who).map(|s| s.1).unwrap_or_default();
        let fresh = self.carried.filter(|c| c.good).map(|c| c.proven).unwrap_or_default();
        let all = Proven { first: held.first || fresh.first, second: held.second || fresh.second };
        if !all.first {
            return (self, Seen::Begin);
        }
        if !all.second && who == Who::Nora {
            return (self, Seen::Second);
        }
        if !all.second && self.two {
            return (self, Seen::Enrol);
        }
        // Nothing beyond the sign-in there is: it stays as it is.
        if !(fresh.first || fresh.second) {
            return (self, Seen::Enough);
        }
        let level = if all.second { Acr::Two } else { Acr::One };
        (Self { session: Some((who, all)), carried: None, ..self }, Seen::In(who, level))
    }

    /// One more proof of that person's: joins what they carry, or begins anew.
    fn joined(self, who: Who, first: bool) -> Self {
        let before = self.carried.filter(|c| c.who == who);
        let old = before.filter(|c| c.good).map(|c| c.proven).unwrap_or_default();
        let proven = Proven { first: old.first || first, second: old.second || !first };
        Self { carried: Some(Carried { who, proven, good: true }), ..self }
    }

    fn after(self, act: Act) -> (Self, Seen) {
        let nora_in = !self.disabled;
        let me = self.carried.map(|c| c.who).or(self.session.map(|s| s.0));
        let unchanged = |seen| (self, seen);
        match act {
            Act::Password(Who::Nora) | Act::NorasApp if !nora_in => unchanged(Seen::Refused),
            Act::Password(who) => self.joined(who, true).judged(),
            Act::NorasApp => self.joined(Who::Nora, false).judged(),
            Act::App | Act::Paper if me == Some(Who::Nora) && nora_in => {
                self.joined(Who::Nora, false).judged()
            }
            Act::App | Act::Paper | Act::WrongPassword | Act::WrongCode | Act::UsedCode => {
                unchanged(Seen::Refused)
            }
            Act::Again if me.is_none() => unchanged(Seen::Refused),
            Act::Again => self.judged(),
            Act::Elsewhere => unchanged(Seen::Refused),
            Act::OtherPurpose | Act::OtherFlow => unchanged(Seen::Begin),
            Act::DropFlow => (Self { carried: None, ..self }, Seen::Nothing),
            Act::SignOut => (Self { session: None, ..self }, Seen::Nothing),
            Act::ChangePassword => {
                let session = self.session.filter(|s| s.0 != Who::Nora);
                let spoilt = |c: Carried| Carried { good: c.good && c.who != Who::Nora, ..c };
                (Self { session, carried: self.carried.map(spoilt), ..self }, Seen::Nothing)
            }
            Act::Disable => {
                let session = self.session.filter(|s| s.0 != Who::Nora);
                (Self { session, disabled: true, ..self }, Seen::Nothing)
            }
            Act::Enable => (Self { disabled: false, ..self }, Seen::Nothing),
            Act::Wait => (Self { carried: None, ..self }, Seen::Nothing),
            Act::AskTwo => (Self { two: true, ..self }, Seen::Nothing),
            Act::AskOne => (Self { two: false, ..self }, Seen::Nothing),
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
            let next = state.after(act).0;
            if let Entry::Vacant(place) = first.entry(next) {
                place.insert(Some(began.unwrap_or(act)));
                queue.push_back(next);
            }
        }
    }
    None
}

/// The real thing: a browser, and what the person holds.
struct Real {
    house: House,
    phone: Totp,
    paper: Vec<Secret>,
    used: Secret,
    cookie: Option<String>,
    binding: String,
    flows: u32,
    carried: Option<(String, i64)>,
    two: bool,
}

impl Real {
    async fn new(stage: Stage) -> Self {
        let life = Duration::from_secs(366 * 24 * 60 * 60);
        let mut settings = Settings::new(super::ISSUER);
        settings.browser_session_ttl = life;
        let house = House::with(stage, settings).await;
        let nora = house.person("nora").await;
        house.person("ida").await;
        let now = house.stage.clock.now();
        let pending = app::begin(&house.issuer, &nora, "setup", now).unwrap();
        let phone = Totp::from_url(pending.url.expose()).unwrap();
        let used = Secret::new(phone.generate(u64::try_from(now.seconds()).unwrap()).to_string());
        let codes = app::confirm(&house.issuer, &nora, "setup", &pending.blob, &used, None, &caller(1)).await;
        let paper = codes.unwrap().unwrap();
        let binding = "flow 0".to_owned();
        Self { house, phone, paper, used, cookie: None, binding, flows: 0, carried: None, two: false }
    }

    async fn visitor(&self) -> Visitor {
        let session = match &self.cookie {
            Some(cookie) => browser::session(&self.house.issuer, cookie).await.unwrap(),
            None => None,
        };
        Visitor { session, binding: self.binding.clone(), device: String::new() }
    }

    fn shown(&self) -> Secret {
        let now = self.house.stage.clock.now().seconds();
        Secret::new(self.phone.generate(u64::try_from(now).unwrap()).to_string())
    }

    async fn account(&self, who: &str) -> Account {
        self.house.stage.store.find_account(who).await.unwrap().it.unwrap()
    }

    async fn password(&self, who: &str, typed: &str, purpose: Purpose, flow: &str) -> Result<Proof, Failure> {
        password::prove(&self.house.issuer, who, Secret::new(typed), purpose, flow, &caller(1)).await
    }

    /// Whose second factor a page would ask for: of who signs in, or is signed in.
    async fn me(&self) -> Option<Account> {
        let now = self.house.stage.clock.now();
        let blob = self.carried.as_ref().map(|(blob, _)| blob.as_str());
        let carried = blob.and_then(|b| Transaction::open(&self.house.issuer, &self.binding, b, now));
        let live = self.visitor().await.session.map(|live| live.session.user);
        let id = carried.and_then(|t| t.user().cloned()).or(live)?;
        self.house.stage.store.account(&id).await.unwrap().it
    }

    async fn app(&self, account: &Account, code: &Secret) -> Result<Proof, Failure> {
        totp::prove(&self.house.issuer, account, code, Purpose::Browser, &self.binding, &caller(1)).await
    }

    async fn turn(&mut self, transaction: &Transaction, visitor: &Visitor) -> Seen {
        let issuer = &self.house.issuer;
        let acr = if self.two { Acr::Two } else { Acr::One };
        let demand = Demand { acr, enough: acr, ..Demand::of_house(issuer) };
        let seen = browser::turn(issuer, transaction, &demand, visitor, &caller(1)).await;
        let begun = transaction.begun_at().seconds();
        match seen {
            Ok(Turn::SignedIn(fresh)) => {
                assert_ne!(self.cookie.as_deref(), Some(fresh.cookie.expose()), "a new cookie each time");
                self.cookie = Some(fresh.cookie.expose().to_owned());
                self.carried = None;
                let who = if fresh.session.user == self.account("ida").await.subject.user.id {
                    Who::Ida
                } else {
                    Who::Nora
                };
                return Seen::In(who, Acr::parse(&fresh.session.authentication.acr).unwrap());
            }
            Err(Failure::Rejected(r)) if r.code == Code::InvalidCredentials => return Seen::Refused,
            Err(other) => panic!("{other}"),
            Ok(_) => {}
        }
        if transaction.user().is_some() {
            self.carried = Some((transaction.seal(issuer, &self.binding).unwrap(), begun));
        }
        match seen {
            Ok(Turn::Enough) => Seen::Enough,
            Ok(Turn::Begin(_)) => Seen::Begin,
            Ok(Turn::NeedFactor(_)) => Seen::Second,
            Ok(Turn::Enrol(_)) => Seen::Enrol,
            other => panic!("{other:?}"),
        }
    }

    /// Joins a proof to what is carried, as every form does.
    async fn submit(&mut self, proof: Result<Proof, Failure>) -> Seen {
        let Ok(proof) = proof else { return Seen::Refused };
        let blob = self.carried.as_ref().map(|(blob, _)| blob.as_str());
        let transaction = Transaction::joined(&self.house.issuer, &self.binding, blob, proof).unwrap();
        let visitor = self.visitor().await;
        self.turn(&transaction, &visitor).await
    }

    async fn again(&mut self, visitor: &Visitor) -> Seen {
        let now = self.house.stage.clock.now();
        let blob = self.carried.as_ref().map(|(blob, _)| blob.as_str());
        let opened = blob.and_then(|b| Transaction::open(&self.house.issuer, &visitor.binding, b, now));
        let nothing = Transaction::begin(Purpose::Browser, &visitor.binding, now);
        self.turn(&opened.unwrap_or(nothing), visitor).await
    }

    async fn second(&mut self, act: Act) -> Seen {
        let account = match act {
            Act::NorasApp => Some(self.account("nora").await).filter(|a| a.subject.user.is_active()),
            _ => self.me().await.filter(|a| a.subject.user.is_active()),
        };
        let Some(account) = account else { return Seen::Refused };
        let proof = match act {
            Act::Paper => {
                let Some(code) = self.paper.pop() else { panic!("more paper is needed") };
                let (issuer, flow, from) = (&self.house.issuer, &self.binding, caller(1));
                let proof =
                    recovery_code::prove(issuer, &account, &code, Purpose::Browser, flow, &from).await;
                if proof.is_err() {
                    self.paper.push(code);
                }
                proof
            }
            Act::UsedCode => self.app(&account, &self.used.clone()).await,
            Act::WrongCode => {
                let wrong = if self.shown().expose() == "000000" { "111111" } else { "000000" };
                self.app(&account, &Secret::new(wrong)).await
            }
            _ => {
                let code = self.shown();
                self.used = code.clone();
                self.app(&account, &code).await
            }
        };
        self.submit(proof).await
    }

    async fn fire(&mut self, act: Act) -> Seen {
        let binding = self.binding.clone();
        match act {
            Act::Password(who) => {
                let proof = self.password(who.name(), PASSWORD, Purpose::Browser, &binding).await;
                return self.submit(proof).await;
            }
            Act::WrongPassword => {
                let proof = self.password("nora", "wrong wrong wrong", Purpose::Browser, &binding).await;
                return self.submit(proof).await;
            }
            Act::App | Act::WrongCode | Act::UsedCode | Act::Paper | Act::NorasApp => {
                return self.second(act).await;
            }
            Act::Again => {
                let visitor = self.visitor().await;
                return self.again(&visitor).await;
            }
            Act::Elsewhere => {
                let elsewhere =
                    Visitor { session: None, binding: "theirs".to_owned(), device: String::new() };
                return self.again(&elsewhere).await;
            }
            Act::OtherPurpose | Act::OtherFlow => {
                let (purpose, flow) = match act {
                    Act::OtherPurpose => (Purpose::Direct, binding.as_str()),
                    _ => (Purpose::Browser, "theirs"),
                };
                let proof = self.password("ida", PASSWORD, purpose, flow).await.unwrap();
                let nobody = Visitor { session: None, ..self.visitor().await };
                let carried = self.carried.take();
                let seen = self.turn(&Transaction::of(proof), &nobody).await;
                self.carried = carried;
                return seen;
            }
            Act::DropFlow => {
                self.flows += 1;
                self.binding = format!("flow {}", self.flows);
            }
            Act::SignOut => self.cookie = None,
            Act::ChangePassword => {
                users::set_password(&self.house.issuer, "nora", Secret::new(PASSWORD)).await.unwrap();
            }
            Act::Disable => users::disable(&self.house.issuer, "nora").await.unwrap(),
            Act::Enable => users::enable(&self.house.issuer, "nora").await.unwrap(),
            Act::Wait => drop(self.house.stage.clock.advance_seconds(620)),
            Act::AskTwo => self.two = true,
            Act::AskOne => self.two = false,
        }
        Seen::Nothing
    }

    /// Codes on paper, when they run out: a change of a credential, as the model has one.
    async fn refill(&mut self) -> bool {
        if self.paper.len() > 1 {
            return false;
        }
        let nora = self.account("nora").await;
        let more = paper::make(&self.house.issuer, &nora.subject.user, None, &caller(1)).await;
        self.paper = more.unwrap();
        true
    }

    /// Did what is carried get too old?
    fn outlived(&self) -> bool {
        let now = self.house.stage.clock.now().seconds();
        self.carried.as_ref().is_some_and(|(_, begun)| now - begun >= LIFE)
    }
}

/// Every action in every state that can be reached.
pub async fn login_model(stage: Stage) {
    let mut real = Real::new(stage).await;
    let (mut state, mut tried) = (State::default(), BTreeSet::new());
    let mut signed_in = 0;
    while let Some(act) = plan(state, &tried) {
        real.house.stage.clock.advance_seconds(PACE);
        if real.outlived() {
            state = state.after(Act::Wait).0;
            real.carried = None;
            continue;
        }
        if !state.disabled && real.refill().await {
            state = state.after(Act::ChangePassword).0;
            continue;
        }
        let (after, due) = state.after(act);
        let seen = real.fire(act).await;
        assert_eq!(seen, due, "{act:?} in {state:?}, after {} others", tried.len());
        tried.insert((state, act));
        if matches!(seen, Seen::In(..)) {
            signed_in += 1;
        }
        state = after;
    }
    let states: BTreeSet<State> = tried.iter().map(|(state, _)| *state).collect();
    assert_eq!(tried.len(), states.len() * ACTS.len());
    assert!(states.len() > 20 && signed_in > 20, "{} states, {signed_in} sign-ins", states.len());
}
