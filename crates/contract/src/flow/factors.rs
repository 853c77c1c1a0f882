//! What holds for every factor alike, one table over all of them: a secret and its proof are good for their
//! person, purpose and flow, once; and who fills one bucket closes no other way.

use super::authenticator::{Key, Page, flag};
use super::house::{House, PASSWORD, browser, caller, code};
use super::totp::{enrolled, shown};
use super::{ISSUER, post};
use crate::fixture::credential_change;
use crate::stage::{Stage, at_once};
use countersign_issuer::account::enrol::totp::Pending;
use countersign_issuer::account::enrol::{Owner, passkey as keys, recovery_code as paper};
use countersign_issuer::account::recover;
use countersign_issuer::admin::users;
use countersign_issuer::login::browser::{self as browsers, Demand, Turn};
use countersign_issuer::login::passkey::{self, Answer, Options};
use countersign_issuer::login::{
    Caller, Devices, Look, Proof, Purpose, Transaction, email_code, magic_link, password, recovery_code,
    sms_code, totp,
};
use countersign_issuer::model::message::Way;
use countersign_issuer::model::{Account, EventKind, Factor, Message, Secret, UserId};
use countersign_issuer::{Code, Failure, Issuer, Result, Settings, outbox};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

const FLOW: &str = "flow";
const OTHER: &str = "another flow";

/// Every way to prove something that this house checks itself.
const WAYS: [Factor; 7] = [
    Factor::Password,
    Factor::Passkey,
    Factor::Totp,
    Factor::SmsCode,
    Factor::EmailCode,
    Factor::MagicLink,
    Factor::RecoveryCode,
];

/// What somebody holds before they prove it.
#[derive(Clone)]
enum Held {
    Word(Secret),
    Link(String),
    Answer(Options, String),
}

/// Somebody with all of it.
struct Person {
    id: UserId,
    app: Pending,
    paper: Mutex<Vec<Secret>>,
    key: Mutex<Key>,
}

struct Scene {
    house: House,
    people: BTreeMap<&'static str, Person>,
}

fn page() -> Page {
    Page::of(ISSUER, "id.example.test")
}

async fn account(house: &House, id: &UserId) -> Account {
    house.stage.store.account(id).await.unwrap().it.unwrap()
}

async fn person(house: &House, name: &'static str, number: &str) -> Person {
    let user = house.person(name).await;
    let app = enrolled(house, &user).await;
    let change = credential_change(&user.id, EventKind::PhoneAdded);
    house.stage.store.put_phone(change, number).await.unwrap().unwrap();
    let (me, from) = (account(house, &user.id).await.subject.user, caller(1));
    let owner = Owner { user: &me, session: None, flow: "setup", caller: &from };
    let options = keys::options(&house.issuer, owner).await.unwrap();
    let (key, posted) = Key::create(&options.options, &page(), flag::UP | flag::UV | flag::BE | flag::BS);
    let answer = Answer { state: &options.state, credential: &posted.to_string() };
    keys::add(&house.issuer, owner, answer, "").await.unwrap();
    let me = account(house, &user.id).await.subject.user;
    let paper = paper::make(&house.issuer, &me, None, &caller(1)).await.unwrap();
    Person { id: user.id, app, paper: Mutex::new(paper), key: Mutex::new(key) }
}

impl Scene {
    async fn new(stage: Stage) -> Self {
        let mut settings = Settings::new(ISSUER);
        (settings.login.mail, settings.login.sms) = (true, true);
        let house = House::with(stage, settings).await;
        let mut people = BTreeMap::new();
        for (name, number) in [("nora", "+491701234567"), ("ida", "+491701234568")] {
            people.insert(name, person(&house, name, number).await);
        }
        Self { house, people }
    }

    /// Limits on what is sent are another test's.
    fn later(&self) {
        self.house.stage.clock.advance_seconds(25 * 3600);
    }

    async fn sent(&self, way: Way, to: &str) -> Message {
        let mut last = None;
        loop {
            let taken = outbox::take(&self.house.issuer, way, 100).await.unwrap();
            if taken.is_empty() {
                return last.unwrap_or_else(|| panic!("nothing came to {to}"));
            }
            for taken in taken {
                let message = outbox::open(&self.house.issuer, &taken.job).unwrap();
                assert!(self.house.stage.store.job_done(&taken).await.unwrap());
                if post::code(&message).is_some() && post::address(&message) == to {
                    last = Some(message);
                }
            }
        }
    }

    /// What that person types, opens or answers to prove this for that purpose in that flow.
    async fn hold(&self, who: &str, factor: Factor, purpose: Purpose, flow: &str) -> Held {
        let (issuer, me, look, from) = (&self.house.issuer, &self.people[who], Look::default(), caller(7));
        let address = format!("{who}@example.test");
        let code = |message: &Message| Held::Word(Secret::new(post::code(message).unwrap()));
        match factor {
            Factor::Password => Held::Word(Secret::new(PASSWORD)),
            Factor::Totp => Held::Word(shown(&me.app, self.house.stage.clock.now())),
            Factor::RecoveryCode => Held::Word(me.paper.lock().await.pop().unwrap()),
            Factor::Passkey => {
                let options = passkey::options(issuer, None, purpose, flow).await.unwrap();
                let posted = me.key.lock().await.answer(&options.options, &page()).to_string();
                Held::Answer(options, posted)
            }
            Factor::SmsCode => {
                let account = account(&self.house, &me.id).await;
                let number = account.enrolled.phone.clone().unwrap();
                sms_code::send(issuer, &account, purpose, flow, &look, &from).await.unwrap();
                code(&self.sent(Way::Sms, &number).await)
            }
            Factor::EmailCode => {
                email_code::request(issuer, &address, purpose, flow, &look, &from).await.unwrap();
                code(&self.sent(Way::Mail, &address).await)
            }
            _ => {
                magic_link::request(issuer, &address, purpose, flow, &look, &from).await.unwrap();
                Held::Link(self.house.token(&self.sent(Way::Mail, &address).await))
            }
        }
    }

    /// Proves it: as that person, for that purpose, in that flow.
    async fn prove(
        &self,
        who: &str,
        factor: Factor,
        held: Held,
        purpose: Purpose,
        flow: &str,
    ) -> Result<Proof> {
        let account = account(&self.house, &self.people[who].id).await;
        prove(&self.house.issuer, &account, factor, held, purpose, flow).await
    }

    /// A good proof.
    async fn proof(&self, who: &str, factor: Factor, purpose: Purpose, flow: &str) -> Proof {
        let held = self.hold(who, factor, purpose, flow).await;
        self.prove(who, factor, held, purpose, flow).await.unwrap_or_else(|e| panic!("{factor:?}: {e}"))
    }

    /// Whom the transaction signs in, in this flow.
    async fn signs_in(&self, transaction: &Transaction) -> Option<UserId> {
        let demand = Demand::of_house(&self.house.issuer);
        match browsers::turn(&self.house.issuer, transaction, &demand, &browser(FLOW), &caller(1)).await {
            Ok(Turn::SignedIn(fresh)) => Some(fresh.session.user),
            Ok(_) => None,
            Err(Failure::Rejected(r)) if r.code == Code::InvalidCredentials => None,
            Err(other) => panic!("{other}"),
        }
    }

    /// What a form carried, joined by one more proof.
    fn joined(&self, carried: &Transaction, proof: Proof) -> Result<Transaction> {
        let blob = carried.seal(&self.house.issuer, FLOW).unwrap();
        Transaction::joined(&self.house.issuer, FLOW, Some(&blob), proof)
    }
}

async fn prove(
    issuer: &Issuer,
    account: &Account,
    factor: Factor,
    held: Held,
    purpose: Purpose,
    flow: &str,
) -> Result<Proof> {
    let (from, address) = (caller(1), &account.subject.user.email);
    match (factor, held) {
        (Factor::Password, Held::Word(word)) => {
            password::prove(issuer, address, word, purpose, flow, &from).await
        }
        (Factor::Totp, Held::Word(word)) => totp::prove(issuer, account, &word, purpose, flow, &from).await,
        (Factor::RecoveryCode, Held::Word(word)) => {
            recovery_code::prove(issuer, account, &word, purpose, flow, &from).await
        }
        (Factor::SmsCode, Held::Word(word)) => {
            sms_code::prove(issuer, account, &word, purpose, flow, &from).await
        }
        (Factor::EmailCode, Held::Word(word)) => {
            email_code::prove(issuer, address, &word, purpose, Some(flow), &from).await
        }
        (_, Held::Link(token)) if purpose == Purpose::Recover => {
            recover::open(issuer, &token, flow, &from).await.map(|(proof, _)| proof)
        }
        (_, Held::Link(token)) => magic_link::prove(issuer, &token, purpose, flow, &from).await,
        (_, Held::Answer(options, posted)) => {
            let answer = Answer { state: &options.state, credential: &posted };
            passkey::prove(issuer, None, answer, purpose, flow, &from).await
        }
        (other, Held::Word(_)) => panic!("{other:?} is not typed"),
    }
}

/// The other step, so that two make a sign-in.
fn beside(factor: Factor) -> Factor {
    match factor {
        Factor::Password | Factor::EmailCode | Factor::MagicLink => Factor::Totp,
        _ => Factor::Password,
    }
}

/// Is the secret itself bound to what it was asked for? A password and codes of an app or on paper are the
/// person's, whatever for; their proofs are bound as all are.
fn asked_for(factor: Factor) -> bool {
    matches!(factor, Factor::Passkey | Factor::SmsCode | Factor::EmailCode | Factor::MagicLink)
}

/// A secret of one person, purpose and flow proves nothing for another; afterwards it is still good for its
/// own.
pub async fn factors_secrets_swapped(stage: Stage) {
    let scene = Scene::new(stage).await;
    for factor in WAYS {
        scene.later();
        let held = scene.hold("nora", factor, Purpose::Browser, FLOW).await;
        let mut swaps = Vec::new();
        if asked_for(factor) {
            for purpose in [Purpose::Direct, Purpose::DirectFlow, Purpose::Recover, Purpose::EnrolPhone] {
                swaps.push(("purpose", "nora", purpose, FLOW));
            }
            swaps.push(("flow", "nora", Purpose::Browser, OTHER));
            swaps.push(("flow", "nora", Purpose::Browser, ""));
        }
        // A link and a passkey say themselves whose they are.
        if !matches!(factor, Factor::Password | Factor::MagicLink | Factor::Passkey) {
            swaps.push(("user", "ida", Purpose::Browser, FLOW));
        }
        for (what, who, purpose, flow) in swaps {
            let done = scene.prove(who, factor, held.clone(), purpose, flow).await.map(drop);
            let refused = code(done);
            assert!(
                matches!(refused, Code::InvalidCode | Code::CodeExpired | Code::InvalidCredentials),
                "{factor:?}, {what}: {refused:?}"
            );
        }
        let proof = scene.prove("nora", factor, held.clone(), Purpose::Browser, FLOW).await;
        let proof = proof.unwrap_or_else(|e| panic!("{factor:?}, its own: {e}"));
        assert_eq!(proof.subject().user.id, scene.people["nora"].id, "{factor:?}");
        if factor != Factor::Password {
            let again = scene.prove("nora", factor, held, Purpose::Browser, FLOW).await.map(drop);
            assert!(again.is_err(), "{factor:?}: twice");
        }
    }
}

/// A proof of another person, purpose or flow adds nothing to a sign-in under way, and none is lost by trying.
pub async fn factors_proofs_swapped(stage: Stage) {
    let scene = Scene::new(stage).await;
    let nora = scene.people["nora"].id.clone();
    for factor in WAYS {
        scene.later();
        let other = beside(factor);
        for (what, who, purpose, flow) in [
            ("user", "ida", Purpose::Browser, FLOW),
            ("purpose", "nora", Purpose::Direct, FLOW),
            ("purpose", "nora", Purpose::Recover, FLOW),
            ("flow", "nora", Purpose::Browser, OTHER),
        ] {
            let begun = Transaction::of(scene.proof("nora", other, Purpose::Browser, FLOW).await);
            assert_eq!(scene.signs_in(&begun).await, None, "{other:?} alone");
            let proof = scene.proof(who, factor, purpose, flow).await;
            assert!(begun.clone().add(proof.clone()).is_err(), "{factor:?}, {what}: added");
            // What is for something else is refused; another person's begins their own sign-in.
            let joined = scene.joined(&begun, proof);
            assert_eq!(joined.is_ok(), what == "user", "{factor:?}, {what}: joined");
            if let Ok(theirs) = joined {
                assert_ne!(
                    scene.signs_in(&theirs).await.as_ref(),
                    Some(&nora),
                    "{factor:?}: hers is not theirs"
                );
            }
            scene.later();
            // Nor does hers count for them.
            let hers = scene.proof("nora", other, Purpose::Browser, FLOW).await;
            let theirs = Transaction::of(scene.proof(who, factor, purpose, flow).await);
            let joined = scene.joined(&theirs, hers);
            assert_eq!(joined.is_ok(), what == "user", "{factor:?}, {what}: the other way round");
            if let Ok(hers) = joined {
                assert_eq!(scene.signs_in(&hers).await, None, "{factor:?}: theirs is not hers");
            }
            scene.later();
        }
        let begun = Transaction::of(scene.proof("nora", other, Purpose::Browser, FLOW).await);
        let own = scene.joined(&begun, scene.proof("nora", factor, Purpose::Browser, FLOW).await).unwrap();
        assert_eq!(scene.signs_in(&own).await.as_ref(), Some(&nora), "{factor:?}: her own");
        for binding in [OTHER, ""] {
            let blob = own.seal(&scene.house.issuer, FLOW).unwrap();
            let now = scene.house.stage.clock.now();
            assert!(Transaction::open(&scene.house.issuer, binding, &blob, now).is_none());
        }
    }
}

/// Of 64 at once one is right.
pub async fn factors_64_at_once(stage: Stage) {
    let scene = Scene::new(stage).await;
    for factor in WAYS.into_iter().filter(|f| *f != Factor::Password) {
        scene.later();
        let held = scene.hold("nora", factor, Purpose::Browser, FLOW).await;
        let account = account(&scene.house, &scene.people["nora"].id).await;
        let done = at_once(64, |_| {
            let (issuer, account, held) = (Arc::clone(&scene.house.issuer), account.clone(), held.clone());
            async move { prove(&issuer, &account, factor, held, Purpose::Browser, FLOW).await.is_ok() }
        })
        .await;
        assert_eq!(done.iter().filter(|right| **right).count(), 1, "{factor:?}");
    }
}

/// Strangers fill every bucket of an account that can be filled. Its owner comes in by a device of theirs, by
/// passkey and by mail, and may set a new password.
pub async fn factors_account_flooded(stage: Stage) {
    let scene = Scene::new(stage).await;
    let (issuer, nora) = (&scene.house.issuer, &scene.people["nora"]);
    let first = Transaction::of(scene.proof("nora", Factor::Password, Purpose::Browser, FLOW).await);
    let both = scene.joined(&first, scene.proof("nora", Factor::Totp, Purpose::Browser, FLOW).await).unwrap();
    let demand = Demand::of_house(issuer);
    let turn = browsers::turn(issuer, &both, &demand, &browser(FLOW), &caller(1)).await.unwrap();
    let Turn::SignedIn(fresh) = turn else { panic!("{turn:?}") };
    let known = Caller { devices: Devices::read(issuer, fresh.device.expose()), ..caller(2) };

    scene.later();
    let account = account(&scene.house, &nora.id).await;
    let wrong = || Held::Word(Secret::new("wrong wrong wrong"));
    for factor in [Factor::SmsCode, Factor::EmailCode, Factor::RecoveryCode, Factor::Totp, Factor::Password] {
        let mut last = Code::InvalidCode;
        for n in 0..200_u32 {
            // They may ask for codes themselves: five tries each.
            let flow = format!("{factor:?} {}", n / 5);
            let held = match factor {
                Factor::SmsCode | Factor::EmailCode if n % 5 == 0 => {
                    scene.house.stage.clock.advance_seconds(3601);
                    drop(scene.hold("nora", factor, Purpose::Browser, &flow).await);
                    Held::Word(Secret::new("000000"))
                }
                Factor::SmsCode | Factor::EmailCode => Held::Word(Secret::new("000000")),
                _ => wrong(),
            };
            match prove(issuer, &account, factor, held, Purpose::Browser, &flow).await {
                Err(Failure::Rejected(r)) => last = r.code,
                other => panic!("{factor:?} {n}: {:?}", other.map(drop)),
            }
            if last == Code::TooManyAttempts {
                break;
            }
        }
        assert_eq!(last, Code::TooManyAttempts, "{factor:?}");
    }
    let by_password = async |from: &Caller| {
        let word = Secret::new(PASSWORD);
        let name = "nora@example.test";
        password::prove(issuer, name, word, Purpose::Browser, FLOW, from).await.map(drop)
    };
    assert_eq!(code(by_password(&caller(3)).await), Code::TooManyAttempts, "a stranger");
    by_password(&known).await.unwrap_or_else(|e| panic!("her own device: {e}"));
    let key = scene.proof("nora", Factor::Passkey, Purpose::Browser, FLOW).await;
    assert_eq!(scene.signs_in(&Transaction::of(key)).await.as_ref(), Some(&nora.id), "her passkey");
    let link = scene.proof("nora", Factor::MagicLink, Purpose::Browser, FLOW).await;
    assert_eq!(scene.signs_in(&Transaction::of(link)).await, None, "one more step, as ever");

    scene.house.stage.clock.advance_seconds(31);
    let from = caller(4);
    recover::request(issuer, "nora@example.test", FLOW, &Look::default(), None, &from).await.unwrap();
    let token = scene.house.token(&scene.sent(Way::Mail, "nora@example.test").await);
    let (proof, _) = recover::open(issuer, &token, FLOW, &from).await.unwrap();
    let key = scene.proof("nora", Factor::Passkey, Purpose::Recover, FLOW).await;
    let mut transaction = Transaction::of(proof);
    transaction.add(key).unwrap();
    let new = Secret::new("nine purple elephants yawn");
    recover::set(issuer, &transaction, FLOW, new, &from).await.unwrap();
}

/// Who lost everything: the operator removes every second factor, all sessions end, the person is told and
/// comes in by the password. Nothing is removed that would leave no way in.
pub async fn factors_reset_by_the_operator(stage: Stage) {
    let scene = Scene::new(stage).await;
    let (house, issuer, nora) = (&scene.house, &scene.house.issuer, scene.people["nora"].id.clone());
    let key = scene.proof("nora", Factor::Passkey, Purpose::Browser, FLOW).await;
    let fresh = browsers::complete(issuer, key, &browser(FLOW), &caller(1)).await.unwrap();
    house.mails().await;
    let mark = house.stage.mark().await;
    users::reset_factors(issuer, "nora").await.unwrap();
    assert!(house.stage.kinds(mark).await.contains(&EventKind::FactorsReset));
    let mut told: Vec<_> = house.told().await.into_iter().map(|(what, _)| format!("{what:?}")).collect();
    told.sort();
    assert_eq!(told, ["PasskeyRemoved", "PhoneRemoved", "TotpRemoved"]);
    assert!(house.back(fresh.cookie.expose()).await.session.is_none(), "sessions end");

    let left = account(house, &nora).await.enrolled;
    assert_eq!((left.password, left.totp, left.phone.as_deref()), (true, false, None));
    assert_eq!((left.passkeys, left.security_keys, left.recovery_codes), (0, 0, 0));
    let key = scene.hold("nora", Factor::Passkey, Purpose::Browser, FLOW).await;
    assert!(scene.prove("nora", Factor::Passkey, key, Purpose::Browser, FLOW).await.is_err(), "the key");
    let first = Transaction::of(scene.proof("nora", Factor::Password, Purpose::Browser, FLOW).await);
    assert_eq!(scene.signs_in(&first).await, Some(nora.clone()), "the password alone");
    let others = account(house, &scene.people["ida"].id).await.enrolled;
    assert!(others.totp && others.phone.is_some() && others.passkeys == 1, "nobody else's");

    let mark = house.stage.mark().await;
    users::reset_factors(issuer, "nora").await.unwrap();
    assert_eq!(house.stage.mark().await, mark, "nothing happens where there is none");
    assert_eq!(code(users::reset_factors(issuer, "nobody").await), Code::NotFound);

    let mut settings = Settings::new(ISSUER);
    settings.login.first = vec![Factor::Passkey];
    let strict = House::with(scene.house.stage, settings).await;
    assert_eq!(code(users::reset_factors(&strict.issuer, "ida").await), Code::Conflict, "the last way in");
}
