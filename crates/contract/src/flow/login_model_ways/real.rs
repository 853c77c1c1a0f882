//! The real thing that the model is held against: a browser, the mailbox, phone and passkey of Nora, and what
//! somebody else holds.

use super::{Act, Seen, Who};
use crate::Stage;
use crate::fixture::credential_change;
use crate::flow::authenticator::{Key, Page, flag};
use crate::flow::house::{House, PASSWORD, caller};
use crate::flow::{ISSUER, post};
use countersign_issuer::account::enrol::{Owner, passkey as keys};
use countersign_issuer::account::recover;
use countersign_issuer::login::browser::{self, Demand, Turn};
use countersign_issuer::login::passkey::{self, Answer, Options};
use countersign_issuer::login::{
    Look, Proof, Purpose, Transaction, email_code, magic_link, password, sms_code,
};
use countersign_issuer::model::message::Way;
use countersign_issuer::model::{Account, Acr, EventKind, Secret};
use countersign_issuer::oauth::authorize::Visitor;
use countersign_issuer::{Code, Failure, Settings, outbox};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Of codes, links and a sign-in under way.
const LIFE: i64 = 600;
const NORA: &str = "nora@example.test";
/// The flow cookie of the one who plants it.
const THEIRS: &str = "their flow";
/// Codes, texts and misses between two long waits: fewer than the limits, which are another test's.
const MOST: usize = 4;
/// Flows of one person that may wait.
const FLOWS: usize = 3;

/// What was done since the last long wait.
#[derive(Default)]
struct Done {
    mails: usize,
    texts: usize,
    misses: usize,
    flows: BTreeSet<String>,
    since: Option<i64>,
}

/// A mail: the secret of its link, and the code beside it.
#[derive(Clone, Default)]
struct Mail {
    token: String,
    code: String,
}

/// The real thing.
pub(super) struct Real {
    house: House,
    key: Key,
    cookie: Option<String>,
    binding: String,
    flows: u32,
    carried: Option<String>,
    mallory: String,
    mine: Mail,
    theirs: Mail,
    used: String,
    texts: BTreeMap<String, String>,
    used_text: String,
    used_key: Option<(Options, String)>,
    done: Done,
}

async fn account(house: &House, name: &str) -> Account {
    house.stage.store.find_account(name).await.unwrap().it.unwrap()
}

fn here() -> Page {
    Page::of(ISSUER, "id.example.test")
}

impl Real {
    pub(super) async fn new(stage: Stage) -> Self {
        let mut settings = Settings::new(ISSUER);
        settings.browser_session_ttl = Duration::from_secs(100 * 366 * 24 * 3600);
        (settings.login.mail, settings.login.sms) = (true, true);
        let house = House::with(stage, settings).await;
        let nora = house.person("nora").await;
        house.person("mallory").await;
        let change = credential_change(&nora.id, EventKind::PhoneAdded);
        house.stage.store.put_phone(change, "+491701234567").await.unwrap().unwrap();
        let (nora, from) = (account(&house, "nora").await.subject.user, caller(1));
        let owner = Owner { user: &nora, session: None, flow: "setup", caller: &from };
        let options = keys::options(&house.issuer, owner).await.unwrap();
        let (key, posted) = Key::create(&options.options, &here(), flag::UP | flag::UV | flag::BE | flag::BS);
        let answer = Answer { state: &options.state, credential: &posted.to_string() };
        keys::add(&house.issuer, owner, answer, "").await.unwrap();
        Self {
            house,
            key,
            cookie: None,
            binding: "flow 0".to_owned(),
            flows: 0,
            carried: None,
            mallory: String::new(),
            mine: Mail::default(),
            theirs: Mail::default(),
            used: String::new(),
            texts: BTreeMap::new(),
            used_text: String::new(),
            used_key: None,
            done: Done::default(),
        }
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.house.stage.clock.advance_seconds(seconds);
    }

    fn now(&self) -> i64 {
        self.house.stage.clock.now().seconds()
    }

    /// Would a limit or a life decide, and not the rules that are asked here?
    pub(super) fn must_wait(&self, act: Act) -> bool {
        let done = &self.done;
        let flow = if act == Act::TheyAskLink { THEIRS } else { &self.binding };
        let crowded = !done.flows.contains(flow) && done.flows.len() >= FLOWS;
        let old = done.since.is_some_and(|since| self.now() - since >= LIFE - 1);
        old || match act {
            Act::AskLink | Act::TheyAskLink | Act::RecoveryLink => done.mails >= MOST || crowded,
            Act::SendText => done.texts >= MOST || crowded,
            Act::TypeCode
            | Act::TypeTheirs
            | Act::WrongCode
            | Act::Text
            | Act::OtherText
            | Act::WrongText
            | Act::UsedText
            | Act::TheirKey
            | Act::KeyForSomethingElse
            | Act::UsedKey => done.misses >= MOST,
            _ => false,
        }
    }

    async fn visitor(&self) -> Visitor {
        let session = match &self.cookie {
            Some(cookie) => browser::session(&self.house.issuer, cookie).await.unwrap(),
            None => None,
        };
        Visitor { session, binding: self.binding.clone(), device: String::new() }
    }

    fn open(&self) -> Option<Transaction> {
        let now = self.house.stage.clock.now();
        Transaction::open(&self.house.issuer, &self.binding, self.carried.as_deref()?, now)
    }

    async fn me(&self) -> Option<Account> {
        let live = self.visitor().await.session.map(|live| live.session.user);
        let id = self.open().and_then(|t| t.user().cloned()).or(live)?;
        self.house.stage.store.account(&id).await.unwrap().it
    }

    async fn turn(&self, transaction: &Transaction, visitor: &Visitor) -> Result<Turn, Failure> {
        let demand = Demand::of_house(&self.house.issuer);
        browser::turn(&self.house.issuer, transaction, &demand, visitor, &caller(1)).await
    }

    /// As every form ends.
    async fn go_on(&mut self, transaction: &Transaction) -> Seen {
        self.done.since.get_or_insert(self.now());
        let visitor = self.visitor().await;
        let seen = match self.turn(transaction, &visitor).await {
            Ok(Turn::SignedIn(fresh)) => {
                assert_ne!(self.cookie.as_deref(), Some(fresh.cookie.expose()), "a new cookie each time");
                self.cookie = Some(fresh.cookie.expose().to_owned());
                self.carried = None;
                let level = Acr::parse(&fresh.session.authentication.acr).unwrap();
                let nora = account(&self.house, "nora").await.subject.user.id;
                let who = if fresh.session.user == nora { Who::Nora } else { Who::Mallory };
                assert_eq!(level == Acr::One, who == Who::Mallory, "{level:?} is no level of {who:?}");
                return Seen::In(who);
            }
            Ok(Turn::Enough) => return Seen::Enough,
            Ok(Turn::Begin(_)) => Seen::Begin,
            Ok(Turn::NeedFactor(_)) => Seen::Second,
            Ok(other) => panic!("{other:?}"),
            Err(failure) => return refused(&failure),
        };
        self.carried = Some(transaction.seal(&self.house.issuer, &self.binding).unwrap());
        seen
    }

    async fn submit(&mut self, proof: Result<Proof, Failure>) -> Seen {
        match proof {
            Ok(proof) => {
                let carried = self.carried.as_deref();
                let all = Transaction::joined(&self.house.issuer, &self.binding, carried, proof).unwrap();
                self.go_on(&all).await
            }
            Err(failure) => refused(&failure),
        }
    }

    async fn sent(&self, way: Way) -> Vec<(String, Mail)> {
        let mut out = Vec::new();
        loop {
            let taken = outbox::take(&self.house.issuer, way, 100).await.unwrap();
            self.house.store.take();
            if taken.is_empty() {
                return out;
            }
            for taken in taken {
                let message = outbox::open(&self.house.issuer, &taken.job).unwrap();
                assert!(self.house.stage.store.job_done(&taken).await.unwrap());
                let Some(code) = post::code(&message) else { continue };
                let link = post::link(&message).and_then(|link| link.split_once("token="));
                let token = link.map(|(_, token)| token.to_owned()).unwrap_or_default();
                out.push((post::address(&message).to_owned(), Mail { token, code: code.to_owned() }));
            }
        }
    }

    /// Asks for a mail to Nora in that flow.
    async fn mail(&mut self, flow: &str, recovery: bool) -> Mail {
        self.sent(Way::Mail).await;
        let (issuer, look, from) = (&self.house.issuer, Look::default(), caller(2));
        match recovery {
            true => recover::request(issuer, NORA, flow, &look, None, &from).await.unwrap(),
            false => {
                magic_link::request(issuer, NORA, Purpose::Browser, flow, &look, &from).await.unwrap();
            }
        }
        self.done.mails += 1;
        self.done.flows.insert(flow.to_owned());
        self.done.since.get_or_insert(self.now());
        let (to, mail) = self.sent(Way::Mail).await.pop().unwrap();
        assert_eq!(to, NORA);
        mail
    }

    async fn open_link(&mut self, token: String) -> Seen {
        let (issuer, flow) = (&self.house.issuer, &self.binding);
        let proof = magic_link::prove(issuer, &token, Purpose::Browser, flow, &caller(1)).await;
        if proof.is_ok() {
            self.used = token;
        }
        self.submit(proof).await
    }

    async fn type_code(&mut self, mail: Mail) -> Seen {
        let (issuer, flow, code) = (&self.house.issuer, &self.binding, Secret::new(mail.code));
        let proof = email_code::prove(issuer, NORA, &code, Purpose::Browser, Some(flow), &caller(1)).await;
        match proof {
            Ok(_) => self.used = mail.token,
            Err(_) => self.done.misses += 1,
        }
        self.submit(proof).await
    }

    async fn send_text(&mut self) -> Seen {
        let Some(account) = self.me().await.filter(|a| a.enrolled.phone.is_some()) else {
            return Seen::Refused;
        };
        let (issuer, look, flow) = (&self.house.issuer, Look::default(), self.binding.clone());
        sms_code::send(issuer, &account, Purpose::Browser, &flow, &look, &caller(1)).await.unwrap();
        let (_, text) = self.sent(Way::Sms).await.pop().unwrap();
        self.done.texts += 1;
        self.done.since.get_or_insert(self.now());
        self.done.flows.insert(flow.clone());
        self.texts.insert(flow, text.code);
        Seen::Nothing
    }

    async fn type_text(&mut self, code: String) -> Seen {
        let Some(account) = self.me().await.filter(|a| a.enrolled.phone.is_some()) else {
            return Seen::Refused;
        };
        let (issuer, flow, typed) = (&self.house.issuer, &self.binding, Secret::new(code.as_str()));
        let proof = sms_code::prove(issuer, &account, &typed, Purpose::Browser, flow, &caller(1)).await;
        match proof {
            Ok(_) => self.used_text = code,
            Err(_) => self.done.misses += 1,
        }
        self.submit(proof).await
    }

    async fn answer(&mut self, purpose: Purpose, flow: &str) -> Seen {
        let options = passkey::options(&self.house.issuer, None, purpose, flow).await.unwrap();
        let posted = self.key.answer(&options.options, &here()).to_string();
        self.post_answer(options, posted).await
    }

    async fn post_answer(&mut self, options: Options, posted: String) -> Seen {
        let answer = Answer { state: &options.state, credential: &posted };
        let (issuer, flow) = (&self.house.issuer, &self.binding);
        let proof = passkey::prove(issuer, None, answer, Purpose::Browser, flow, &caller(1)).await;
        match proof {
            Ok(_) => self.used_key = Some((options, posted)),
            Err(_) => self.done.misses += 1,
        }
        self.submit(proof).await
    }

    async fn password(&self, name: &str, flow: &str) -> Result<Proof, Failure> {
        let typed = Secret::new(PASSWORD);
        password::prove(&self.house.issuer, name, typed, Purpose::Browser, flow, &caller(1)).await
    }

    /// The code that a text message to the other flow says.
    fn other_text(&self) -> String {
        let other = self.texts.iter().find(|(flow, _)| **flow != self.binding);
        other.map_or_else(|| "000000".to_owned(), |(_, code)| code.clone())
    }

    fn wrong(&self, right: &str) -> Mail {
        let code = if right == "000000" { "000001" } else { "000000" };
        Mail { code: code.to_owned(), ..Mail::default() }
    }

    async fn look(&self) {
        let mark = self.house.stage.mark().await;
        for mail in [&self.mine, &self.theirs] {
            magic_link::view(&self.house.issuer, &mail.token).await.unwrap();
        }
        assert_eq!(self.house.stage.mark().await, mark, "looking writes nothing");
    }

    async fn they_try(&self) -> Seen {
        let transaction = Transaction::of(self.password("nora", THEIRS).await.unwrap());
        let visitor = Visitor { session: None, binding: THEIRS.to_owned(), device: String::new() };
        match self.turn(&transaction, &visitor).await {
            Ok(Turn::NeedFactor(_)) => Seen::Second,
            other => panic!("in their browser: {other:?}"),
        }
    }

    /// Mallory signs in at home, and puts the cookie into this browser.
    async fn plant_session(&mut self) {
        let home = Visitor { session: None, binding: THEIRS.to_owned(), device: String::new() };
        let proof = self.password("mallory", THEIRS).await.unwrap();
        let fresh = browser::complete(&self.house.issuer, proof, &home, &caller(9)).await.unwrap();
        self.mallory = fresh.cookie.expose().to_owned();
        self.cookie = Some(self.mallory.clone());
    }

    pub(super) async fn fire(&mut self, act: Act) -> Seen {
        let flow = self.binding.clone();
        match act {
            Act::Password | Act::MallorysPassword => {
                let name = if act == Act::Password { "nora" } else { "mallory" };
                let proof = self.password(name, &flow).await;
                return self.submit(proof).await;
            }
            Act::AskLink if flow == THEIRS => self.theirs = self.mail(&flow, false).await,
            Act::AskLink => self.mine = self.mail(&flow, false).await,
            Act::TheyAskLink => self.theirs = self.mail(THEIRS, false).await,
            Act::Look => self.look().await,
            Act::OpenLink => return self.open_link(self.mine.token.clone()).await,
            Act::OpenTheirs => return self.open_link(self.theirs.token.clone()).await,
            Act::UsedLink => return self.open_link(self.used.clone()).await,
            Act::TypeCode => return self.type_code(self.mine.clone()).await,
            Act::TypeTheirs => return self.type_code(self.theirs.clone()).await,
            Act::WrongCode => {
                let waits = if flow == THEIRS { &self.theirs } else { &self.mine };
                return self.type_code(self.wrong(&waits.code)).await;
            }
            Act::Void => {
                magic_link::void(&self.house.issuer, &self.theirs.token, &caller(1)).await.unwrap();
            }
            Act::RecoveryLink => {
                let mail = self.mail(&flow, true).await;
                return self.open_link(mail.token).await;
            }
            Act::SendText => return self.send_text().await,
            Act::Text => {
                return self.type_text(self.texts.get(&flow).cloned().unwrap_or_default()).await;
            }
            Act::OtherText => return self.type_text(self.other_text()).await,
            Act::WrongText => {
                let right = self.texts.get(&flow).cloned().unwrap_or_default();
                return self.type_text(self.wrong(&right).code).await;
            }
            Act::UsedText => return self.type_text(self.used_text.clone()).await,
            Act::Key => return self.answer(Purpose::Browser, &flow).await,
            Act::TheirKey => return self.answer(Purpose::Browser, "another flow of theirs").await,
            Act::KeyForSomethingElse => return self.answer(Purpose::Direct, &flow).await,
            Act::UsedKey => {
                let Some((options, posted)) = self.used_key.clone() else { return Seen::Refused };
                return self.post_answer(options, posted).await;
            }
            Act::Again => {
                let now = self.house.stage.clock.now();
                let nothing = Transaction::begin(Purpose::Browser, &flow, now);
                let carried = self.open().unwrap_or(nothing);
                return self.go_on(&carried).await;
            }
            Act::TheyTry => return self.they_try().await,
            Act::Plant => self.binding = THEIRS.to_owned(),
            Act::DropFlow => {
                self.flows += 1;
                self.binding = format!("flow {}", self.flows);
            }
            Act::PlantSession => self.plant_session().await,
            Act::SignOut => self.cookie = None,
            Act::Wait => {
                self.house.stage.clock.advance_seconds(25 * 3600);
                self.done = Done::default();
            }
        }
        Seen::Nothing
    }

    /// What they hold in their own browser: their own session at most.
    pub(super) async fn nobody_else_is_nora(&self) {
        if self.mallory.is_empty() {
            return;
        }
        let live = browser::session(&self.house.issuer, &self.mallory).await.unwrap();
        assert!(
            live.is_none_or(|live| live.subject.user.email != NORA),
            "a planted cookie is Nora's session"
        );
    }
}

fn refused(failure: &Failure) -> Seen {
    match failure {
        Failure::Rejected(r)
            if matches!(r.code, Code::InvalidCredentials | Code::InvalidCode | Code::CodeExpired) =>
        {
            Seen::Refused
        }
        other => panic!("{other}"),
    }
}
