//! Codes by SMS: set up by the code sent to the new number, sent to that number only, removed again.

use super::house::{House, browser, caller, code, refused};
use super::mail_code::{house, mail};
use super::post;
use crate::stage::Stage;
use countersign_issuer::Code;
use countersign_issuer::account::enrol::phone;
use countersign_issuer::login::{Look, Purpose, sms_code};
use countersign_issuer::model::message::{About, To};
use countersign_issuer::model::{Account, EventKind, Factor, Message, Secret, User};

const NUMBER: &str = "+491701234567";

async fn account(house: &House, user: &User) -> Account {
    house.issuer.store.account(&user.id).await.unwrap().it.unwrap()
}

async fn texts(house: &House) -> Vec<Message> {
    mail(house).await.into_iter().filter(|m| matches!(m.to, To::Sms(_))).collect()
}

async fn newest(house: &House) -> Secret {
    Secret::new(post::code(texts(house).await.last().unwrap()).unwrap())
}

async fn enrol(house: &House, user: &User) {
    phone::begin(&house.issuer, user, NUMBER, "flow", &Look::default(), &caller(1)).await.unwrap();
    let code = newest(house).await;
    phone::confirm(&house.issuer, user, &code, "flow", None, &caller(1)).await.unwrap();
}

/// A number is in force once its code was typed, in the same flow; with the first second factor come
/// recovery codes, and other sessions end. Removed, it is gone.
pub async fn sms_enrol(stage: Stage) {
    let house = house(stage).await;
    let nora = house.person("nora").await;
    let (issuer, look) = (&house.issuer, Look::default());
    let session = house.sign_in("nora", &browser("x")).await.unwrap();
    for bad in ["", "1701234567", "+49", "0049170123456", "+49170123456789012", "+\u{664}\u{669}1701234567"] {
        let refused = phone::begin(issuer, &nora, bad, "flow", &look, &caller(1)).await;
        assert_eq!(code(refused), Code::InvalidRequest, "{bad:?}");
    }
    phone::begin(issuer, &nora, "+49 170 1234567", "flow", &look, &caller(1)).await.unwrap();
    let sent = texts(&house).await.pop().unwrap();
    assert!(matches!(sent.about, About::VerifyPhone(_)) && post::address(&sent) == NUMBER);
    let right = newest(&house).await;
    assert_eq!(account(&house, &nora).await.enrolled.phone, None, "not yet");
    let confirm =
        async |typed: &Secret, flow: &str| phone::confirm(issuer, &nora, typed, flow, None, &caller(1)).await;
    assert_eq!(code(confirm(&right, "another").await), Code::CodeExpired);
    let crossed =
        sms_code::prove(issuer, &account(&house, &nora).await, &right, Purpose::Browser, "flow", &caller(1))
            .await;
    assert_eq!(code(crossed), Code::CodeExpired, "good for the new number only");
    let mark = house.stage.mark().await;
    let codes = confirm(&right, "flow").await.unwrap().unwrap();
    assert_eq!(codes.len(), 10);
    assert_eq!(house.stage.kinds(mark).await[0], EventKind::PhoneAdded);
    assert_eq!(account(&house, &nora).await.enrolled.phone.as_deref(), Some(NUMBER));
    assert!(house.back(session.cookie.expose()).await.session.is_none(), "other sessions end");
    assert_eq!(code(confirm(&right, "flow").await), Code::CodeExpired, "once");

    let nora = account(&house, &nora).await.subject.user;
    phone::remove(issuer, &nora, None, &caller(1)).await.unwrap();
    assert_eq!(account(&house, &nora).await.enrolled.phone, None);
    assert_eq!(code(phone::remove(issuer, &nora, None, &caller(1)).await), Code::NotFound);
}

/// A code is good for its person, purpose and flow; another number's person has another code.
pub async fn sms_is_bound(stage: Stage) {
    let house = house(stage).await;
    let (nora, ida) = (house.person("nora").await, house.person("ida").await);
    let look = Look::default();
    let none = sms_code::send(
        &house.issuer,
        &account(&house, &nora).await,
        Purpose::Browser,
        "f",
        &look,
        &caller(1),
    )
    .await;
    assert_eq!(code(none), Code::MethodUnavailable);
    enrol(&house, &nora).await;
    let (nora, ida) = (account(&house, &nora).await, account(&house, &ida).await);
    house.stage.clock.advance_seconds(31);
    sms_code::send(&house.issuer, &nora, Purpose::Browser, "flow", &look, &caller(1)).await.unwrap();
    let right = newest(&house).await;
    let prove = async |who: &Account, purpose, flow: &str| {
        sms_code::prove(&house.issuer, who, &right, purpose, flow, &caller(1)).await
    };
    assert_eq!(code(prove(&ida, Purpose::Browser, "flow").await), Code::CodeExpired);
    assert_eq!(code(prove(&nora, Purpose::Direct, "flow").await), Code::CodeExpired);
    assert_eq!(code(prove(&nora, Purpose::Browser, "other").await), Code::CodeExpired);
    assert_eq!(code(prove(&nora, Purpose::EnrolPhone, "flow").await), Code::CodeExpired);
    let proof = prove(&nora, Purpose::Browser, "flow").await.unwrap();
    assert_eq!(proof.subject().user.id, nora.subject.user.id);
    assert_eq!(code(prove(&nora, Purpose::Browser, "flow").await), Code::CodeExpired, "once");
    assert!(!Factor::SmsCode.same_channel(Factor::EmailCode));
}

/// Five an hour to a number, and five for a person whatever the numbers: each costs money.
pub async fn sms_sent_so_often(stage: Stage) {
    let house = house(stage).await;
    let (nora, ida) = (house.person("nora").await, house.person("ida").await);
    let look = Look::default();
    let flood = async |user: &User, prefix: &str, same: bool| {
        let before = texts(&house).await.len();
        for i in 0..8_u8 {
            let number = if same { NUMBER.to_owned() } else { format!("+4917012345{prefix}{i}") };
            let flow = format!("{prefix} {i}");
            phone::begin(&house.issuer, user, &number, &flow, &look, &caller(i)).await.unwrap();
        }
        texts(&house).await.len() - before
    };
    assert_eq!(flood(&nora, "6", false).await, 5, "different numbers of one person");
    assert_eq!(flood(&ida, "x", true).await, 5, "one number");
    house.stage.clock.advance_seconds(3601);
    assert_eq!(flood(&nora, "y", true).await, 5, "an hour later");
    let stranger = house.person("dora").await;
    assert_eq!(flood(&stranger, "z", true).await, 0, "the number had its five, whoever asks");
    let r = refused(phone::begin(&house.issuer, &stranger, "x", "f", &look, &caller(1)).await);
    assert_eq!(r.code, Code::InvalidRequest);
}
