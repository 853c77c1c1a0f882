//! Codes by mail: one answer for every address, five tries, and good where they were asked for only.

use super::house::{House, caller, code, refused};
use super::{ISSUER, post};
use crate::stage::{Stage, at_once};
use countersign_issuer::admin::users;
use countersign_issuer::login::email_code::FirstStep;
use countersign_issuer::login::{Look, Policy, Purpose, email_code, magic_link};
use countersign_issuer::model::message::About;
use countersign_issuer::model::{Account, EventKind, Factor, Message, Secret, User};
use countersign_issuer::{Code, Settings, outbox};
use std::sync::Arc;
use std::time::Duration;

/// A house that sends mail and SMS.
pub(super) async fn house(stage: Stage) -> House {
    let login = Policy { mail: true, sms: true, ..Policy::default() };
    House::with(stage, Settings { login, ..Settings::new(ISSUER) }).await
}

fn look() -> Look {
    Look { lang: "en".to_owned(), client: None }
}

/// Somebody with a password and an address that nobody has shown to be theirs.
pub(super) async fn unverified(house: &House, name: &str) -> User {
    let add = users::Add {
        email: format!("{name}@example.test"),
        username: Some(name.to_owned()),
        password: Some(Secret::new(super::PASSWORD)),
        ..users::Add::default()
    };
    users::add(&house.issuer, add).await.unwrap()
}

/// All that waits to be sent, oldest first.
pub(super) async fn mail(house: &House) -> Vec<Message> {
    let jobs = house.stage.store.list_jobs(None, 1000).await.unwrap().it;
    jobs.iter().map(|j| outbox::open(&house.issuer, &j.job).unwrap()).collect()
}

/// Asks, and takes what is sent for it.
pub(super) async fn asked(
    house: &House,
    factor: Factor,
    address: &str,
    purpose: Purpose,
    flow: &str,
) -> Option<Message> {
    let before = mail(house).await.len();
    request(house, factor, address, purpose, flow, 1).await;
    let mut after = mail(house).await;
    (after.len() > before).then(|| after.pop().unwrap())
}

async fn request(house: &House, factor: Factor, address: &str, purpose: Purpose, flow: &str, n: u8) {
    // What is queued in one millisecond has no order.
    house.stage.clock.advance(Duration::from_millis(1));
    let (look, caller) = (look(), caller(n));
    let first = FirstStep { address, purpose, flow, then: None, look: &look, caller: &caller };
    match factor {
        Factor::MagicLink => magic_link::ask(&house.issuer, first).await.unwrap(),
        _ => email_code::ask(&house.issuer, first).await.unwrap(),
    }
}

async fn sent(house: &House, flow: &str) -> Secret {
    let message = asked(house, Factor::EmailCode, "nora@example.test", Purpose::Browser, flow).await;
    Secret::new(post::code(&message.unwrap()).unwrap())
}

async fn prove(
    house: &House,
    address: &str,
    typed: &Secret,
    purpose: Purpose,
    flow: Option<&str>,
) -> Result<(), Code> {
    let proof = email_code::prove(&house.issuer, address, typed, purpose, flow, &caller(1)).await;
    proof.map(drop).map_err(|e| code::<()>(Err(e)))
}

fn other_than(right: &Secret) -> Secret {
    Secret::new(if right.expose() == "000000" { "000001" } else { "000000" })
}

/// The right code, as typed by people, once.
pub async fn mail_code_right(stage: Stage) {
    let house = house(stage).await;
    let nora = house.person("nora").await;
    let right = sent(&house, "flow").await;
    let (a, b) = right.expose().split_at(3);
    let typed = Secret::new(format!(" {a} {b} "));
    let proof = email_code::prove(
        &house.issuer,
        "NORA@example.test",
        &typed,
        Purpose::Browser,
        Some("flow"),
        &caller(1),
    )
    .await;
    assert_eq!(proof.unwrap().subject().user.id, nora.id);
    let again = prove(&house, "nora@example.test", &right, Purpose::Browser, Some("flow")).await;
    assert_eq!(again, Err(Code::CodeExpired));

    house.stage.clock.advance_seconds(31);
    let newest = sent(&house, "another flow").await;
    prove(&house, "nora@example.test", &newest, Purpose::Browser, None).await.unwrap();
}

/// Another person, purpose or flow, an older code, too late: refused.
pub async fn mail_code_is_bound(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    house.person("ida").await;
    let right = sent(&house, "flow").await;
    let ended = Err(Code::CodeExpired);
    assert_eq!(prove(&house, "ida@example.test", &right, Purpose::Browser, Some("flow")).await, ended);
    assert_eq!(prove(&house, "nora@example.test", &right, Purpose::Direct, Some("flow")).await, ended);
    assert_eq!(prove(&house, "nora@example.test", &right, Purpose::Recover, Some("flow")).await, ended);
    assert_eq!(prove(&house, "nora@example.test", &right, Purpose::Browser, Some("other")).await, ended);
    // A code of another flow or person is not even right by its digits.
    let ida = asked(&house, Factor::EmailCode, "ida@example.test", Purpose::Browser, "flow").await.unwrap();
    if post::code(&ida) != Some(right.expose()) {
        let crossed = prove(&house, "ida@example.test", &right, Purpose::Browser, Some("flow")).await;
        assert_eq!(crossed, Err(Code::InvalidCode));
    }
    house.stage.clock.advance_seconds(31);
    let newer = sent(&house, "flow").await;
    if newer.expose() != right.expose() {
        let old = prove(&house, "nora@example.test", &right, Purpose::Browser, Some("flow")).await;
        assert_eq!(old, Err(Code::InvalidCode), "the old code died when a new one was asked");
    }
    house.stage.clock.advance_seconds(600);
    assert_eq!(prove(&house, "nora@example.test", &newer, Purpose::Browser, Some("flow")).await, ended);
}

/// The code of a further step begins nothing, and what begins a sign-in is no further step, though both are of
/// one browser's flow. It voids no password: that was the first step.
pub async fn mail_code_of_a_further_step(stage: Stage) {
    let house = house(stage).await;
    house.person("ida").await;
    unverified(&house, "nora").await;
    let issuer = &house.issuer;
    let load = async |name: &str| {
        issuer.store.find_account(&format!("{name}@example.test")).await.unwrap().it.unwrap()
    };
    let (nora, ida) = (load("nora").await, load("ida").await);
    email_code::send(issuer, &nora, Purpose::Browser, "flow", &look(), &caller(1)).await.unwrap();
    let right = Secret::new(post::code(mail(&house).await.last().unwrap()).unwrap());
    let ended = Err(Code::CodeExpired);
    for purpose in [Purpose::Browser, Purpose::Direct, Purpose::DirectFlow, Purpose::Recover] {
        for flow in [Some("flow"), None] {
            assert_eq!(prove(&house, "nora@example.test", &right, purpose, flow).await, ended, "{purpose:?}");
        }
    }
    let further = async |who: &Account, typed: &Secret, purpose, flow: &str| {
        let proof = email_code::prove_further(issuer, who, typed, purpose, flow, &caller(1)).await;
        proof.map(|proof| proof.subject().user.credential_version).map_err(|e| code::<()>(Err(e)))
    };
    let expired = Err(Code::CodeExpired);
    assert_eq!(further(&ida, &right, Purpose::Browser, "flow").await, expired);
    assert_eq!(further(&nora, &right, Purpose::Direct, "flow").await, expired);
    assert_eq!(further(&nora, &right, Purpose::Browser, "other").await, expired);
    let version = nora.subject.user.credential_version;
    assert_eq!(further(&nora, &right, Purpose::Browser, "flow").await, Ok(version));
    assert_eq!(further(&nora, &right, Purpose::Browser, "flow").await, expired, "once");
    assert!(load("nora").await.enrolled.password, "the first step stays");

    for factor in [Factor::EmailCode, Factor::MagicLink] {
        house.stage.clock.advance_seconds(31);
        let sent = asked(&house, factor, "nora@example.test", Purpose::Browser, "flow").await.unwrap();
        let first = Secret::new(post::code(&sent).unwrap());
        assert_eq!(further(&nora, &first, Purpose::Browser, "flow").await, expired, "{factor:?}");
    }
}

/// Five wrong tries end it; what cannot be a code is no try. The same for an address without an account.
pub async fn mail_code_tries(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let right = sent(&house, "flow").await;
    request(&house, Factor::EmailCode, "nobody@example.test", Purpose::Browser, "flow", 1).await;
    for address in ["nora@example.test", "nobody@example.test"] {
        let mark = house.stage.mark().await;
        for typed in ["", "12345", "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}", &"1".repeat(100_000)] {
            let refused = prove(&house, address, &Secret::new(typed), Purpose::Browser, Some("flow")).await;
            assert_eq!(refused, Err(Code::InvalidCode));
        }
        assert_eq!(house.stage.mark().await, mark, "nothing counted");
        for _ in 0..5 {
            let wrong = prove(&house, address, &other_than(&right), Purpose::Browser, Some("flow")).await;
            assert_eq!(wrong, Err(Code::InvalidCode), "{address}");
        }
        assert_eq!(house.stage.kinds(mark).await, [EventKind::FactorFailed; 5]);
        let late = prove(&house, address, &right, Purpose::Browser, Some("flow")).await;
        assert_eq!(late, Err(Code::CodeExpired), "{address}");
    }
}

/// Known, unknown, disabled: the same calls, the same answer, one mail, and the same when enough was sent.
pub async fn mail_code_tells_nothing(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    house.person("dora").await;
    users::disable(&house.issuer, "dora").await.unwrap();
    let mut seen = Vec::new();
    for factor in [Factor::EmailCode, Factor::MagicLink] {
        for (n, name) in ["nora", "nobody", "dora"].into_iter().enumerate() {
            let flow = format!("{factor:?} {name}");
            let address = format!("{name}@example.test");
            let before = mail(&house).await.len();
            house.store.take();
            request(&house, factor, &address, Purpose::Browser, &flow, u8::try_from(n).unwrap()).await;
            let first = house.store.take();
            let mails = mail(&house).await;
            assert_eq!(post::address(mails.last().unwrap()), address);
            let about = matches!(mails.last().unwrap().about, About::NoAccount(_));
            assert_eq!(about, name != "nora", "{name}");
            request(&house, factor, &address, Purpose::Browser, &flow, u8::try_from(n).unwrap()).await;
            seen.push((first, house.store.take(), mails.len() - before, mail(&house).await.len() - before));
        }
    }
    let first = seen[0].clone();
    assert_eq!(
        (first.0.as_slice(), first.1.as_slice()),
        (&["find_account", "ask"][..], &["find_account"][..])
    );
    assert_eq!((first.2, first.3), (1, 1), "not again within half a minute");
    assert!(seen.iter().all(|one| *one == first), "{seen:#?}");

    // A wrong code costs the same.
    let mut tried = Vec::new();
    for name in ["nora", "nobody", "dora"] {
        let (address, flow) = (format!("{name}@example.test"), format!("{:?} {name}", Factor::MagicLink));
        house.store.take();
        let wrong = prove(&house, &address, &Secret::new("000000"), Purpose::Browser, Some(&flow)).await;
        tried.push((wrong, house.store.take()));
    }
    assert_eq!(tried[0], (Err(Code::InvalidCode), vec!["find_account", "pending", "try_code"]));
    assert!(tried.iter().all(|one| *one == tried[0]), "{tried:#?}");
}

/// What is no address is refused, known name or not; a house without mail offers nothing.
pub async fn mail_code_refused(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let ask = async |house: &House, address: &str| {
        let (look, caller) = (look(), caller(1));
        let first = FirstStep {
            address,
            purpose: Purpose::Browser,
            flow: "flow",
            then: None,
            look: &look,
            caller: &caller,
        };
        email_code::ask(&house.issuer, first).await
    };
    let huge = format!("{}@example.test", "n".repeat(300));
    for bad in
        ["", "nora", "nobody", "a@b@c", "nora@", "@x", "a b@x.test", "a@x.test\r\nBcc: b@x.test", &huge]
    {
        assert_eq!(code(ask(&house, bad).await), Code::InvalidRequest, "{bad:?}");
    }
    assert!(mail(&house).await.is_empty());
}

/// Five an hour to an address for one network, ten for all; a network that asks for many is told.
pub async fn mail_code_sent_so_often(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let flood = async |address: &str, n: u8, times: u32| {
        let before = mail(&house).await.len();
        for i in 0..times {
            request(&house, Factor::EmailCode, address, Purpose::Browser, &format!("{n} {i}"), n).await;
        }
        mail(&house).await.len() - before
    };
    for address in ["nora@example.test", "nobody@example.test"] {
        assert_eq!(flood(address, 1, 9).await, 5, "{address}");
        assert_eq!(flood(address, 2, 9).await, 5, "the owner's network still may");
        assert_eq!(flood(address, 3, 9).await, 0, "but a mailbox is not flooded");
    }
    house.stage.clock.advance_seconds(3601);
    assert_eq!(flood("nora@example.test", 1, 9).await, 5, "an hour later");
    let (look, caller) = (look(), caller(77));
    for i in 0..51 {
        let address = format!("stranger{i}@example.test");
        let first = FirstStep {
            address: &address,
            purpose: Purpose::Browser,
            flow: "flow",
            then: None,
            look: &look,
            caller: &caller,
        };
        let done = email_code::ask(&house.issuer, first).await;
        if i < 50 {
            done.unwrap();
        } else {
            let r = refused(done);
            assert_eq!(r.code, Code::TooManyAttempts);
            assert!(r.retry_after.is_some_and(|wait| !wait.is_zero()));
        }
    }
}

/// 64 right codes at once: one proof.
pub async fn mail_code_64_at_once(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let right = sent(&house, "flow").await;
    let done = at_once(64, |_| {
        let (issuer, right) = (Arc::clone(&house.issuer), right.clone());
        async move {
            let (address, purpose) = ("nora@example.test", Purpose::Browser);
            email_code::prove(&issuer, address, &right, purpose, Some("flow"), &caller(1)).await.is_ok()
        }
    })
    .await;
    assert_eq!(done.iter().filter(|won| **won).count(), 1);
}
