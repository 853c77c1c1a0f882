//! A new password for who lost theirs.

use super::account::app as app_sign_in;
use super::house::{House, browser, caller, code};
use super::totp::enrolled;
use super::{ISSUER, post, totp as app};
use crate::Stage;
use countersign_issuer::account::enrol::recovery_code as codes;
use countersign_issuer::account::recover::{self, Turn};
use countersign_issuer::login::browser as browsers;
use countersign_issuer::login::{Look, Purpose, Transaction, recovery_code, totp};
use countersign_issuer::model::message::{About, Noticed};
use countersign_issuer::model::{EventKind, Factor, Secret, User};
use countersign_issuer::oauth::bearer;
use countersign_issuer::{Code, Settings};

const NEW: &str = "nine purple elephants yawn";

async fn house(stage: Stage) -> House {
    let mut settings = Settings::new(ISSUER);
    settings.login.mail = true;
    House::with(stage, settings).await
}

/// Asks, and answers the link's secret.
async fn asked(house: &House, email: &str, ip: u8) -> String {
    let (look, caller) = (Look::default(), caller(ip));
    recover::request(&house.issuer, email, "flow", &look, Some("sealed"), &caller).await.unwrap();
    house.token(house.mails().await.last().unwrap())
}

async fn opened(house: &House, email: &str) -> Transaction {
    let token = asked(house, email, 1).await;
    let (proof, resume) = recover::open(&house.issuer, &token, "flow", &caller(1)).await.unwrap();
    assert_eq!(resume.as_deref(), Some("sealed"));
    Transaction::of(proof)
}

/// Mailbox, new password; every session and token from before ends, devices are forgotten, the person is told
/// and signed in.
pub async fn recover_flow(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    let nora = house.person("nora").await;
    let visitor = house.visitor("nora").await;
    let tokens = app_sign_in(&house, "nora").await;
    house.mails().await;

    let transaction = opened(&house, "NORA@example.test").await;
    assert_eq!(recover::turn(issuer, &transaction, "flow").await.unwrap(), Turn::Choose(nora.email.clone()));
    let weak = recover::set(issuer, &transaction, "flow", Secret::new("nora@example.test"), &caller(1)).await;
    assert_eq!(code(weak), Code::WeakPassword);
    // However many are tried, of one network few are judged.
    house.hasher.take();
    for n in 1..60 {
        let tried = recover::set(issuer, &transaction, "flow", Secret::new("password1"), &caller(7)).await;
        let judged = if n <= 50 { Code::WeakPassword } else { Code::TooManyAttempts };
        assert_eq!(code(tried), judged, "{n}");
    }
    let shut = recover::set(issuer, &transaction, "flow", Secret::new(NEW), &caller(7)).await;
    assert_eq!((code(shut), house.hasher.take().len()), (Code::TooManyAttempts, 0));
    let mark = house.stage.mark().await;
    let next = recover::set(issuer, &transaction, "flow", Secret::new(NEW), &caller(1)).await.unwrap();
    assert!(house.stage.kinds(mark).await.contains(&EventKind::PasswordChanged));
    let told = house.mails().await;
    assert!(matches!(&told[0].about, About::Notice(n) if n.what == Noticed::PasswordChanged), "{told:?}");

    assert!(bearer::access_token(issuer, &tokens.access_token).await.is_err(), "tokens end");
    let cookie = visitor.session.unwrap().session.id;
    let live = house.stage.store.list_browsers(&nora.id).await.unwrap();
    assert!(live.iter().all(|b| b.id != cookie), "sessions end");
    assert!(house.stage.store.list_devices(&nora.id).await.unwrap().is_empty(), "devices are unknown again");
    assert_eq!(code(house.sign_in("nora", &browser("flow")).await), Code::InvalidCredentials);

    let demand = browsers::Demand::of_house(issuer);
    let turn = browsers::turn(issuer, &next, &demand, &browser("flow"), &caller(1)).await.unwrap();
    assert!(matches!(turn, browsers::Turn::SignedIn(_)), "{turn:?}");
    // The same recovery once more: its proofs were made against what was there before.
    let again =
        recover::set(issuer, &transaction, "flow", Secret::new("another fine long one"), &caller(1)).await;
    assert_eq!(code(again), Code::InvalidCredentials);
}

/// Known or not: the same answer, calls, events and one mail each.
pub async fn recover_tells_nothing(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    house.person("dora").await;
    countersign_issuer::admin::users::disable(&house.issuer, "dora").await.unwrap();
    house.mails().await;
    let mut seen = Vec::new();
    for (ip, email) in [(1, "nora@example.test"), (2, "nobody@example.test"), (3, "dora@example.test")] {
        house.store.take();
        house.hasher.take();
        let mark = house.stage.mark().await;
        recover::request(&house.issuer, email, "flow", &Look::default(), None, &caller(ip)).await.unwrap();
        let work = (house.store.take(), house.hasher.take(), house.stage.kinds(mark).await);
        let mails = house.mails().await;
        assert_eq!((mails.len(), post::address(&mails[0])), (1, email));
        seen.push((email, work, mails));
    }
    assert!(matches!(seen[0].2[0].about, About::Recover(_)));
    for (email, work, mails) in &seen[1..] {
        assert_eq!(work, &seen[0].1, "{email}");
        assert!(matches!(mails[0].about, About::NoAccount(_)), "{email}");
        let typed = recover::answer(&house.issuer, email, &Secret::new("000000"), "flow", &caller(9)).await;
        assert_eq!(code(typed), Code::InvalidCode, "{email}");
    }
    for bad in ["", "nora", "a b@example.test", "nora@"] {
        let asked = recover::request(&house.issuer, bad, "flow", &Look::default(), None, &caller(4)).await;
        assert_eq!(code(asked), Code::InvalidRequest, "{bad:?}");
    }
}

async fn with_app(house: &House, name: &str) -> (User, countersign_issuer::account::enrol::totp::Pending) {
    let user = house.person(name).await;
    let pending = enrolled(house, &user).await;
    house.mails().await;
    let account = house.stage.store.account(&user.id).await.unwrap().it.unwrap();
    (account.subject.user, pending)
}

/// Mail alone does not go past a second factor: the new password waits for it.
pub async fn recover_needs_the_second_factor(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    let (nora, pending) = with_app(&house, "nora").await;
    let mut transaction = opened(&house, &nora.email).await;
    let due = recover::turn(issuer, &transaction, "flow").await.unwrap();
    assert_eq!(due, Turn::NeedFactor(vec![Factor::Totp, Factor::RecoveryCode]));
    let early = recover::set(issuer, &transaction, "flow", Secret::new(NEW), &caller(1)).await;
    assert_eq!(code(early), Code::InvalidCredentials);
    let account = house.stage.store.account(&nora.id).await.unwrap().it.unwrap();
    assert!(account.enrolled.totp, "still there");

    // A proof for another purpose does not help.
    let shown = app::shown(&pending, house.stage.clock.now());
    let aimed = totp::prove(issuer, &account, &shown, Purpose::Browser, "flow", &caller(1)).await.unwrap();
    assert!(transaction.add(aimed).is_err());
    house.stage.clock.advance_seconds(app::STEP);
    let shown = app::shown(&pending, house.stage.clock.now());
    let proof = totp::prove(issuer, &account, &shown, Purpose::Recover, "flow", &caller(1)).await.unwrap();
    transaction.add(proof).unwrap();
    assert_eq!(recover::turn(issuer, &transaction, "flow").await.unwrap(), Turn::Choose(nora.email.clone()));
    let swapped = recover::turn(issuer, &transaction, "another flow").await;
    assert_eq!(code(swapped), Code::InvalidCredentials);
    recover::set(issuer, &transaction, "flow", Secret::new(NEW), &caller(1)).await.unwrap();
    let account = house.stage.store.account(&nora.id).await.unwrap().it.unwrap();
    assert!(account.enrolled.totp && account.enrolled.recovery_codes > 0, "nothing was removed");
}

/// A recovery code stands in for a lost phone.
pub async fn recover_by_a_recovery_code(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    let (nora, _) = with_app(&house, "nora").await;
    let set = codes::make(issuer, &nora, None, &caller(1)).await.unwrap();
    house.mails().await;
    let mut transaction = opened(&house, &nora.email).await;
    let account = house.stage.store.account(&nora.id).await.unwrap().it.unwrap();
    let proof = recovery_code::prove(issuer, &account, &set[0], Purpose::Recover, "flow", &caller(1)).await;
    transaction.add(proof.unwrap()).unwrap();
    recover::set(issuer, &transaction, "flow", Secret::new(NEW), &caller(1)).await.unwrap();
}

/// Links and transactions are bound to their browser, time and state.
pub async fn recover_bound(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    let nora = house.person("nora").await;
    let token = asked(&house, &nora.email, 1).await;
    assert_eq!(code(recover::open(issuer, &token, "other", &caller(1)).await), Code::InvalidCode);
    let (proof, _) = recover::open(issuer, &token, "flow", &caller(1)).await.unwrap();
    assert_eq!(code(recover::open(issuer, &token, "flow", &caller(1)).await), Code::CodeExpired);
    let transaction = Transaction::of(proof);
    house.stage.clock.advance_seconds(601);
    let late = recover::set(issuer, &transaction, "flow", Secret::new(NEW), &caller(1)).await;
    assert_eq!(code(late), Code::InvalidCredentials, "ten minutes");

    // The password is set by somebody else in between: the link is void.
    let token = asked(&house, &nora.email, 2).await;
    countersign_issuer::admin::users::set_password(issuer, "nora", Secret::new(NEW)).await.unwrap();
    assert_eq!(code(recover::open(issuer, &token, "flow", &caller(2)).await), Code::CodeExpired);
    let nothing = Transaction::begin(Purpose::Recover, "flow", house.stage.clock.now());
    assert_eq!(code(recover::turn(issuer, &nothing, "flow").await), Code::InvalidCredentials);
}
