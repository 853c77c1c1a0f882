//! Passkeys: registered, used as first and as second factor, and every way of cheating refused alike.

use super::ISSUER;
use super::authenticator::{Key, Page, flag};
use super::house::{House, browser, caller, code, refused};
use crate::Stage;
use crate::stage::at_once;
use countersign_issuer::account::enrol::{Owner, passkey as enrol};
use countersign_issuer::login::passkey::{self, Answer, Options};
use countersign_issuer::login::{Mfa, Proof, Purpose, Transaction, browser as browsers};
use countersign_issuer::model::message::{About, Noticed};
use countersign_issuer::model::passkey::MOST_PASSKEYS;
use countersign_issuer::model::{EventKind, Factor, Message, Passkey, User, UserId};
use countersign_issuer::oauth::authorize::Visitor;
use countersign_issuer::{Code, Failure, Result, Settings, admin};
use serde_json::{Value, json};
use std::sync::Arc;

const FLOW: &str = "flow";
const PHONE: u8 = flag::UP | flag::UV | flag::BE | flag::BS;

fn here() -> Page {
    Page::of(ISSUER, "id.example.test")
}

/// Where a password alone signs in, whatever is set up beside it.
async fn house(stage: Stage) -> House {
    let mut settings = Settings::new(ISSUER);
    settings.login.mfa = Mfa::Never;
    House::with(stage, settings).await
}

async fn ask(house: &House, user: Option<&UserId>, flow: &str) -> Options {
    passkey::options(&house.issuer, user, Purpose::Browser, flow).await.unwrap()
}

async fn prove(house: &House, user: Option<&UserId>, options: &Options, posted: &Value) -> Result<Proof> {
    let posted = posted.to_string();
    let answer = Answer { state: &options.state, credential: &posted };
    passkey::prove(&house.issuer, user, answer, Purpose::Browser, FLOW, &caller(1)).await
}

/// Registers a key for somebody, honestly.
async fn register(house: &House, who: &str, flags: u8) -> (Key, Passkey) {
    let visitor = house.visitor(who).await;
    let options = enrol::options(&house.issuer, owner(&visitor, &caller(1))).await.unwrap();
    let (key, posted) = Key::create(&options.options, &here(), flags);
    let kept = add(house, &visitor, &options, &posted, "").await.unwrap();
    (key, kept)
}

fn owner<'a>(visitor: &'a Visitor, caller: &'a countersign_issuer::login::Caller) -> Owner<'a> {
    let live = visitor.session.as_ref().unwrap();
    Owner { user: &live.subject.user, session: Some(&live.session.id), flow: &visitor.binding, caller }
}

async fn add(
    house: &House,
    visitor: &Visitor,
    options: &Options,
    posted: &Value,
    name: &str,
) -> Result<Passkey> {
    let posted = posted.to_string();
    let answer = Answer { state: &options.state, credential: &posted };
    enrol::add(&house.issuer, owner(visitor, &caller(1)), answer, name).await
}

/// What the outbox holds for people.
async fn notices(house: &House) -> Vec<(Noticed, Option<String>)> {
    let mut out = Vec::new();
    for waiting in house.stage.store.list_jobs(None, 100).await.unwrap().it {
        let identity = format!("outbox/{}", waiting.job.id);
        let plain = house.issuer.sealer.open(&identity, &waiting.job.message).unwrap();
        let message: Message = serde_json::from_slice(&plain).unwrap();
        if let About::Notice(notice) = message.about {
            out.push((notice.what, notice.detail));
        }
    }
    out
}

/// Registered on the account page, a passkey signs in by itself, at the highest level.
pub async fn passkey_signs_in(stage: Stage) {
    let house = house(stage).await;
    let nora = house.person("nora").await;
    let elsewhere = house.visitor("nora").await;
    let visitor = house.visitor("nora").await;
    let options = enrol::options(&house.issuer, owner(&visitor, &caller(1))).await.unwrap();
    let wanted = &options.options["publicKey"];
    assert_eq!(wanted["rp"], json!({ "id": "id.example.test", "name": "id.example.test" }));
    assert_eq!(wanted["user"]["id"], nora.id.as_str()["u_".len()..], "16 bytes, nothing about the person");
    assert_eq!(wanted["authenticatorSelection"]["residentKey"], "preferred");
    let (mut key, posted) = Key::create(&options.options, &here(), PHONE);
    let mark = house.stage.mark().await;
    let kept = add(&house, &visitor, &options, &posted, "  Blue phone ").await.unwrap();
    assert_eq!((kept.name.as_str(), kept.verifies_user), ("Blue phone", true));
    assert!(kept.backup_eligible && kept.backed_up);
    assert_eq!(house.stage.kinds(mark).await, [EventKind::PasskeyAdded]);
    assert!(notices(&house).await.contains(&(Noticed::PasskeyAdded, Some("Blue phone".to_owned()))));
    let live = |v: &Visitor| v.session.as_ref().unwrap().session.cookie;
    assert!(house.stage.store.live_browser(&live(&visitor)).await.unwrap().it.is_some(), "goes on");
    assert!(house.stage.store.live_browser(&live(&elsewhere)).await.unwrap().it.is_none(), "ended");

    house.store.take();
    let options = ask(&house, None, FLOW).await;
    assert_eq!(house.store.take(), ["cached_now"; 0], "a page shown writes and reads nothing");
    assert_eq!(options.options["publicKey"]["allowCredentials"], json!([]), "nobody is named");
    assert_eq!(options.options["publicKey"]["userVerification"], "required");
    let posted = key.answer(&options.options, &here());
    let now = house.stage.clock.advance_seconds(60);
    let proof = prove(&house, None, &options, &posted).await.unwrap();
    assert_eq!(proof.subject().user.id, nora.id);
    let fresh = browsers::complete(&house.issuer, proof, &browser(FLOW), &caller(1)).await.unwrap();
    let done = fresh.session.authentication;
    assert_eq!((done.acr.as_str(), done.auth_time), ("urn:countersign:phr", now));
    assert_eq!(done.amr, ["swk", "user", "mfa"]);
    let kept = enrol::list(&house.issuer, &nora.id).await.unwrap();
    assert_eq!((kept.len(), kept[0].used_at), (1, Some(now)));
}

/// A way to cheat, why it must be refused (of the log), and what is posted for honest options.
type Cheat = (&'static str, &'static str, fn(&mut Key, &Options) -> Value);

fn with(key: &mut Key, options: &Options, change: fn(&mut Page)) -> Value {
    let mut page = here();
    change(&mut page);
    key.answer(&options.options, &page)
}

fn flagged(key: &mut Key, options: &Options, flags: u8) -> Value {
    key.flags = flags;
    let posted = key.answer(&options.options, &here());
    key.flags = PHONE;
    posted
}

fn handled(key: &mut Key, options: &Options, handle: Value) -> Value {
    let mut posted = key.answer(&options.options, &here());
    posted["response"]["userHandle"] = handle;
    posted
}

const CHEATS: &[Cheat] = &[
    ("origin", "another origin", |k, o| with(k, o, |p| p.origin = "https://evil.example".into())),
    ("subdomain", "another origin", |k, o| with(k, o, |p| p.origin = "https://x.id.example.test".into())),
    ("port", "another origin", |k, o| with(k, o, |p| p.origin = "https://id.example.test:444".into())),
    ("plain http", "another origin", |k, o| with(k, o, |p| p.origin = "http://id.example.test".into())),
    ("an address", "another origin", |k, o| with(k, o, |p| p.origin = "https://me@id.example.test/x".into())),
    ("a frame", "in a frame", |k, o| with(k, o, |p| p.more = json!({ "crossOrigin": true }))),
    ("below", "in a frame", |k, o| with(k, o, |p| p.more = json!({ "topOrigin": "https://evil.example" }))),
    ("relying party", "party id hash", |k, o| with(k, o, |p| p.rp = "example.test".into())),
    ("challenge", "challenge", |k, o| with(k, o, |p| p.challenge = Some("A".repeat(43)))),
    ("type", "webauthn.<method>", |k, o| with(k, o, |p| p.kind = Some("webauthn.create"))),
    ("nobody there", "present bit", |k, o| flagged(k, o, PHONE & !flag::UP)),
    ("not verified", "verified bit", |k, o| flagged(k, o, PHONE & !flag::UV)),
    ("bound to its device", "eligibility", |k, o| flagged(k, o, flag::UP | flag::UV)),
    ("no handle", "no user handle", |k, o| handled(k, o, Value::Null)),
    ("handle of nobody", "another's user handle", |k, o| handled(k, o, json!("AAAAAAAAAAAAAAAAAAAAAA"))),
    ("unknown key", "unknown key", |k, o| {
        let mut posted = k.answer(&o.options, &here());
        posted["rawId"] = json!("AAAA");
        posted
    }),
    ("signature of something else", "Authentication has failed", |k, o| {
        let mut posted = k.answer(&o.options, &here());
        let other = with(k, o, |p| p.origin = "https://evil.example".into());
        posted["response"]["signature"] = other["response"]["signature"].clone();
        posted
    }),
    ("a registration", "answer: Data", |k, o| k.attest(&o.options, &here())),
    ("nothing", "answer: Data", |_, _| json!({})),
    ("a list", "answer: Data", |_, _| json!([1])),
    ("bytes that are none", "answer: Data", |_, _| json!({ "rawId": "!", "id": "!" })),
    ("huge", "bytes", |_, _| json!({ "id": "x".repeat(20_000) })),
];

/// Wrong origin, relying party, challenge, type, flags, person, signature, and no answer at all: each refused
/// for its own reason, all with the same words.
pub async fn passkey_cheats_refused(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let (mut key, _) = register(&house, "nora", PHONE).await;
    for (what, why, cheat) in CHEATS {
        // So that the limiter lets each through.
        house.stage.clock.advance_seconds(600);
        let options = ask(&house, None, FLOW).await;
        let posted = cheat(&mut key, &options);
        let mark = house.stage.mark().await;
        let refused = refused(prove(&house, None, &options, &posted).await);
        assert_eq!(refused.code, Code::InvalidCredentials, "{what}");
        assert_eq!(refused.public, "That passkey did not work here.", "{what}");
        let private = refused.private.unwrap();
        assert!(private.contains(why), "{what}: {private}");
        assert_eq!(house.stage.kinds(mark).await, [EventKind::LoginFailed], "{what}");
    }
    house.stage.clock.advance_seconds(600);
    let options = ask(&house, None, FLOW).await;
    let posted = key.answer(&options.options, &here());
    prove(&house, None, &options, &posted).await.unwrap_or_else(|e| panic!("the honest one: {e}"));
}

/// A challenge of another flow, purpose, person or ceremony, too old, altered or answered before is none.
pub async fn passkey_challenges_are_bound(stage: Stage) {
    let house = house(stage).await;
    let (nora, ida) = (house.person("nora").await, house.person("ida").await);
    let (mut key, _) = register(&house, "nora", PHONE).await;
    register(&house, "ida", PHONE).await;
    let issuer = &house.issuer;
    let direct = passkey::options(issuer, None, Purpose::Direct, FLOW).await.unwrap();
    let created = enrol::options(issuer, owner(&house.visitor("nora").await, &caller(1))).await.unwrap();
    let mut altered = ask(&house, None, FLOW).await;
    altered.state.replace_range(40..41, if &altered.state[40..41] == "A" { "B" } else { "A" });
    for (what, user, options) in [
        ("another flow's", None, ask(&house, None, "other flow").await),
        ("for something else", None, direct),
        ("for a registration", None, created),
        ("for somebody known", None, ask(&house, Some(&nora.id), FLOW).await),
        ("for nobody known", Some(&nora.id), ask(&house, None, FLOW).await),
        ("for somebody else", Some(&nora.id), ask(&house, Some(&ida.id), FLOW).await),
        ("altered", None, altered),
        ("none", None, Options { state: String::new(), ..ask(&house, None, FLOW).await }),
    ] {
        let posted = key.answer(&options.options, &here());
        let refused = refused(prove(&house, user, &options, &posted).await);
        assert_eq!(refused.private.as_deref(), Some("no such challenge waits"), "{what}");
        assert_eq!(refused.code, Code::InvalidCredentials, "{what}");
    }
}

/// Good until five minutes are over, and not a moment longer.
pub async fn passkey_challenges_grow_old(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let (mut key, _) = register(&house, "nora", PHONE).await;
    let (first, second) = (ask(&house, None, FLOW).await, ask(&house, None, FLOW).await);
    house.stage.clock.advance_seconds(299);
    let posted = key.answer(&first.options, &here());
    assert!(prove(&house, None, &first, &posted).await.is_ok());
    house.stage.clock.advance_seconds(1);
    let posted = key.answer(&second.options, &here());
    let late = refused(prove(&house, None, &second, &posted).await);
    assert_eq!(late.private.as_deref(), Some("no such challenge waits"));
}

/// An answer is good once, without a counter too; one that comes again is no alarm.
pub async fn passkey_answers_once(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    for step in [0, 1] {
        let (mut key, _) = register(&house, "nora", PHONE).await;
        key.step = step;
        let options = ask(&house, None, FLOW).await;
        let posted = key.answer(&options.options, &here());
        assert!(prove(&house, None, &options, &posted).await.is_ok());
        let mark = house.stage.mark().await;
        for _ in 0..2 {
            assert_eq!(code(prove(&house, None, &options, &posted).await), Code::InvalidCredentials);
        }
        let again = key.answer(&options.options, &here());
        let refused = refused(prove(&house, None, &options, &again).await);
        assert_eq!(refused.private.as_deref(), Some("answered before"), "anew, to the same challenge");
        assert_eq!(house.stage.kinds(mark).await, [EventKind::LoginFailed; 3], "no alarm");
    }
}

/// One answer 64 times at once signs in once.
pub async fn passkey_64_at_once(stage: Stage) {
    let house = Arc::new(house(stage).await);
    house.person("nora").await;
    let (mut key, _) = register(&house, "nora", PHONE).await;
    let options = ask(&house, None, FLOW).await;
    let posted = key.answer(&options.options, &here());
    let done = at_once(64, |_| {
        let (house, options, posted) = (Arc::clone(&house), options.clone(), posted.clone());
        async move { prove(&house, None, &options, &posted).await.is_ok() }
    })
    .await;
    assert_eq!(done.into_iter().filter(|good| *good).count(), 1);
}

/// A counter that goes back is refused, noted and told, once.
pub async fn passkey_cloned(stage: Stage) {
    let house = house(stage).await;
    let nora = house.person("nora").await;
    let (mut key, kept) = register(&house, "nora", PHONE).await;
    key.step = 1;
    for _ in 0..3 {
        let options = ask(&house, None, FLOW).await;
        let posted = key.answer(&options.options, &here());
        assert!(prove(&house, None, &options, &posted).await.is_ok());
    }
    // The copy was made after the first use.
    key.counter = 1;
    let options = ask(&house, None, FLOW).await;
    let posted = key.answer(&options.options, &here());
    let mark = house.stage.mark().await;
    for _ in 0..2 {
        let refused = refused(prove(&house, None, &options, &posted).await);
        assert_eq!(
            (refused.code, refused.private.as_deref()),
            (Code::InvalidCredentials, Some("the counter went back"))
        );
    }
    let failed = EventKind::LoginFailed;
    assert_eq!(house.stage.kinds(mark).await, [EventKind::PasskeyCloned, failed, failed]);
    assert_eq!(house.stage.events(mark).await[0].what.user, Some(nora.id));
    let told: Vec<_> =
        notices(&house).await.into_iter().filter(|(n, _)| *n == Noticed::PasskeyCloned).collect();
    assert_eq!(told, [(Noticed::PasskeyCloned, Some(kept.name))]);
    key.counter = 3;
    let options = ask(&house, None, FLOW).await;
    let posted = key.answer(&options.options, &here());
    assert!(prove(&house, None, &options, &posted).await.is_ok(), "the real one goes on");
}

/// A key that does not verify its user comes second only, and is named to the browser; another person's does
/// not do; a disabled account's does nothing.
pub async fn passkey_as_second_factor(stage: Stage) {
    let house = house(stage).await;
    let (nora, ida) = (house.person("nora").await, house.person("ida").await);
    let (mut theirs, _) = register(&house, "ida", PHONE).await;
    let (mut key, kept) = register(&house, "nora", flag::UP).await;
    assert!(!kept.verifies_user && !kept.backup_eligible);
    let alone = ask(&house, None, FLOW).await;
    let posted = key.answer(&alone.options, &here());
    let refused = refused(prove(&house, None, &alone, &posted).await);
    assert_eq!(refused.private.as_deref(), Some("good as a second factor only"));

    let options = ask(&house, Some(&nora.id), FLOW).await;
    let asked = &options.options["publicKey"];
    assert_eq!(asked["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(asked["userVerification"], "preferred", "or the key would be kept out");
    let posted = theirs.answer(&options.options, &here());
    assert_eq!(code(prove(&house, Some(&nora.id), &options, &posted).await), Code::InvalidCredentials);
    let posted = key.answer(&options.options, &here());
    let proof = prove(&house, Some(&nora.id), &options, &posted).await.unwrap();
    let mut transaction = password(&house, "nora").await;
    transaction.add(proof).unwrap();
    let demand = browsers::Demand::of_house(&house.issuer);
    let turn =
        browsers::turn(&house.issuer, &transaction, &demand, &browser(FLOW), &caller(1)).await.unwrap();
    let browsers::Turn::SignedIn(fresh) = turn else { panic!("{turn:?}") };
    assert_eq!(fresh.session.authentication.acr, "urn:countersign:phr");
    assert_eq!(fresh.session.authentication.amr, ["pwd", "hwk", "mfa"]);

    admin::users::disable(&house.issuer, "ida").await.unwrap();
    let options = ask(&house, Some(&ida.id), FLOW).await;
    let posted = theirs.answer(&options.options, &here());
    let off = prove(&house, Some(&ida.id), &options, &posted).await;
    let Err(Failure::Rejected(off)) = off else { panic!("a disabled account") };
    assert_eq!(off.private.as_deref(), Some("disabled"));
}

async fn password(house: &House, who: &str) -> Transaction {
    use countersign_issuer::login::password;
    use countersign_issuer::model::Secret;
    let typed = Secret::new(super::PASSWORD);
    let proof = password::prove(&house.issuer, who, typed, Purpose::Browser, FLOW, &caller(1)).await;
    Transaction::of(proof.unwrap())
}

/// Registrations: wrong answers refused, one key once, no more than there may be.
pub async fn passkey_registrations_refused(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    house.person("ida").await;
    let (key, _) = register(&house, "nora", PHONE).await;
    let (visitor, hers) = (house.visitor("nora").await, house.visitor("ida").await);
    let mark = house.stage.mark().await;
    let ask = async |v: &Visitor| enrol::options(&house.issuer, owner(v, &caller(1))).await.unwrap();
    let changed = |change: fn(&mut Page)| {
        let mut page = here();
        change(&mut page);
        page
    };
    for (why, page, flags) in [
        ("another origin", changed(|p| p.origin = "https://evil.example".into()), PHONE),
        ("in a frame", changed(|p| p.more = json!({ "crossOrigin": true })), PHONE),
        ("party id hash", changed(|p| p.rp = "example.test".into()), PHONE),
        ("challenge", changed(|p| p.challenge = Some("A".repeat(43))), PHONE),
        ("webauthn.<method>", changed(|p| p.kind = Some("webauthn.get")), PHONE),
        ("present bit", here(), flag::UV),
        ("hardware", here(), flag::UP | flag::UV | flag::BS),
    ] {
        let options = ask(&visitor).await;
        let (_, posted) = Key::create(&options.options, &page, flags);
        let refused = refused(add(&house, &visitor, &options, &posted, "").await);
        assert_eq!(refused.code, Code::InvalidCredentials, "{why}");
        assert!(refused.private.as_deref().unwrap().contains(why), "{why}: {:?}", refused.private);
    }
    let options = ask(&visitor).await;
    let known = key.attest(&options.options, &here());
    assert_eq!(options.options["publicKey"]["excludeCredentials"][0]["id"], known["id"]);
    assert_eq!(code(add(&house, &visitor, &options, &known, "").await), Code::Conflict, "known");
    let other = ask(&hers).await;
    let (_, posted) = Key::create(&other.options, &here(), PHONE);
    assert_eq!(code(add(&house, &visitor, &other, &posted, "").await), Code::InvalidCredentials, "another's");
    let (_, posted) = Key::create(&options.options, &here(), PHONE);
    for name in ["x".repeat(61), "two\nlines".to_owned()] {
        assert_eq!(code(add(&house, &visitor, &options, &posted, &name).await), Code::InvalidRequest);
    }
    assert_eq!(house.stage.mark().await, mark, "nothing is written");
}

/// As many as there may be; one answer registers once; renamed and removed by their owner only, and never
/// the last way to sign in.
pub async fn passkey_kept_and_removed(stage: Stage) {
    let house = house(stage).await;
    let nora: User = house.person("nora").await;
    house.person("ida").await;
    let visitor = house.visitor("nora").await;
    let options = enrol::options(&house.issuer, owner(&visitor, &caller(1))).await.unwrap();
    let (_, posted) = Key::create(&options.options, &here(), PHONE);
    let first = add(&house, &visitor, &options, &posted, "").await.unwrap();
    assert_eq!(first.name, "Passkey");
    let (_, another) = Key::create(&options.options, &here(), PHONE);
    let visitor = house.visitor("nora").await;
    assert_eq!(code(add(&house, &visitor, &options, &another, "").await), Code::InvalidCredentials, "once");
    for _ in 1..MOST_PASSKEYS {
        register(&house, "nora", PHONE).await;
    }
    let visitor = house.visitor("nora").await;
    let (issuer, caller) = (&house.issuer, caller(1));
    assert_eq!(code(enrol::options(issuer, owner(&visitor, &caller)).await), Code::Conflict, "full");

    let hers = house.visitor("ida").await;
    assert_eq!(code(enrol::rename(issuer, owner(&hers, &caller), first.id, "x").await), Code::NotFound);
    assert_eq!(code(enrol::remove(issuer, owner(&hers, &caller), first.id).await), Code::NotFound);
    enrol::rename(issuer, owner(&visitor, &caller), first.id, " blue ").await.unwrap();
    let mark = house.stage.mark().await;
    enrol::remove(issuer, owner(&visitor, &caller), first.id).await.unwrap();
    assert_eq!(house.stage.kinds(mark).await, [EventKind::PasskeyRemoved]);
    assert!(notices(&house).await.contains(&(Noticed::PasskeyRemoved, Some("blue".to_owned()))));
    assert_eq!(enrol::list(issuer, &nora.id).await.unwrap().len(), MOST_PASSKEYS - 1);
}

/// Without a password and without mail, the last passkey stays; of two removals at once one is refused.
pub async fn passkey_last_way_stays(stage: Stage) {
    let mut settings = Settings::new(ISSUER);
    settings.login.first = vec![Factor::Passkey];
    let house = House::with(stage, settings).await;
    let nora = house.person("nora").await;
    let caller = caller(1);
    for _ in 0..2 {
        let user = read_user(&house, &nora.id).await;
        let owner = Owner { user: &user, session: None, flow: FLOW, caller: &caller };
        let options = enrol::options(&house.issuer, owner).await.unwrap();
        let (_, posted) = Key::create(&options.options, &here(), PHONE);
        let posted = posted.to_string();
        let answer = Answer { state: &options.state, credential: &posted };
        enrol::add(&house.issuer, owner, answer, "").await.unwrap();
    }
    let keys = enrol::list(&house.issuer, &nora.id).await.unwrap();
    let user = read_user(&house, &nora.id).await;
    let house = Arc::new(house);
    let done = at_once(2, |n| {
        let (house, user, id, caller) = (Arc::clone(&house), user.clone(), keys[n].id, caller.clone());
        async move {
            let owner = Owner { user: &user, session: None, flow: FLOW, caller: &caller };
            enrol::remove(&house.issuer, owner, id).await.map_err(|e| format!("{e}"))
        }
    })
    .await;
    assert_eq!(done.iter().filter(|d| d.is_ok()).count(), 1, "{done:?}");
    let left = enrol::list(&house.issuer, &nora.id).await.unwrap();
    let owner = Owner { user: &user, session: None, flow: FLOW, caller: &caller };
    assert_eq!(code(enrol::remove(&house.issuer, owner, left[0].id).await), Code::Conflict);
    assert_eq!(enrol::list(&house.issuer, &nora.id).await.unwrap().len(), 1);
}

async fn read_user(house: &House, id: &UserId) -> User {
    house.stage.store.account(id).await.unwrap().it.unwrap().subject.user
}

/// An issuer without a name of its own has none.
pub async fn passkey_needs_a_host_name(stage: Stage) {
    let house = House::with(stage, Settings::new("http://127.0.0.1:8080")).await;
    assert!(!passkey::available(&house.issuer));
    let refused = passkey::options(&house.issuer, None, Purpose::Browser, FLOW).await;
    assert_eq!(code(refused), Code::MethodUnavailable);
}
