//! Links by mail: shown without effect, used once, in the flow that asked.

use super::house::{House, caller, code, refused};
use super::mail_code::{asked, house, mail, unverified};
use super::post;
use crate::stage::{Stage, at_once};
use countersign_issuer::Code;
use countersign_issuer::login::challenge::{self, LinkState};
use countersign_issuer::login::{Proof, Purpose, email_code, magic_link};
use countersign_issuer::model::message::About;
use countersign_issuer::model::{EventKind, Factor, Message, Secret};
use std::sync::Arc;

fn token(message: &Message) -> String {
    let (page, token) = post::link(message).unwrap().split_once("?token=").unwrap();
    assert_eq!(page, format!("{}/auth/verify", super::ISSUER));
    token.to_owned()
}

async fn sent(house: &House, flow: &str) -> Message {
    asked(house, Factor::MagicLink, "nora@example.test", Purpose::Browser, flow).await.unwrap()
}

async fn take(house: &House, token: &str, purpose: Purpose, flow: &str) -> Result<Proof, Code> {
    magic_link::prove(&house.issuer, token, purpose, flow, &caller(1)).await.map_err(|e| code::<()>(Err(e)))
}

/// Looked at any number of times, also by a scanner; used once; then it says that it was.
pub async fn link_opened_and_used(stage: Stage) {
    let house = house(stage).await;
    let nora = house.person("nora").await;
    let message = sent(&house, "flow").await;
    assert!(matches!(message.about, About::SignInLink(_)));
    let token = token(&message);
    let mark = house.stage.mark().await;
    for _ in 0..5 {
        let view = magic_link::view(&house.issuer, &token).await.unwrap().unwrap();
        let LinkState::Waits(Some(code)) = &view.state else { panic!("{view:?}") };
        assert_eq!(Some(code.expose()), post::code(&message), "the code that the mail says");
        assert!(view.asked_by("flow") && !view.asked_by("another flow"));
        assert_eq!((view.asked_from.ip.as_str(), view.to.as_str()), ("192.0.2.1", "nora@example.test"));
    }
    assert_eq!(house.stage.mark().await, mark, "nothing was written");
    let proof = take(&house, &token, Purpose::Browser, "flow").await.unwrap();
    assert_eq!(proof.subject().user.id, nora.id);
    assert_eq!(take(&house, &token, Purpose::Browser, "flow").await.unwrap_err(), Code::CodeExpired);
    let view = magic_link::view(&house.issuer, &token).await.unwrap().unwrap();
    assert!(matches!(view.state, LinkState::Used));
    let typed = Secret::new(post::code(&message).unwrap());
    let again = email_code::prove(
        &house.issuer,
        "nora@example.test",
        &typed,
        Purpose::Browser,
        Some("flow"),
        &caller(1),
    )
    .await;
    assert_eq!(code(again), Code::CodeExpired, "the code went with the link");
}

/// In another flow it is refused and stays good; its code, typed where it was asked for, spends it.
pub async fn link_of_another_browser(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let message = sent(&house, "flow").await;
    let token = token(&message);
    assert_eq!(take(&house, &token, Purpose::Browser, "another").await.unwrap_err(), Code::InvalidCode);
    assert_eq!(take(&house, &token, Purpose::Direct, "flow").await.unwrap_err(), Code::CodeExpired);
    assert_eq!(take(&house, &token, Purpose::Recover, "flow").await.unwrap_err(), Code::CodeExpired);
    let typed = Secret::new(post::code(&message).unwrap());
    email_code::prove(&house.issuer, "nora@example.test", &typed, Purpose::Browser, Some("flow"), &caller(2))
        .await
        .unwrap();
    assert_eq!(take(&house, &token, Purpose::Browser, "flow").await.unwrap_err(), Code::CodeExpired);
}

/// Too old, replaced, voided by "not you?", made up, of changed credentials: refused, and the page says so.
pub async fn link_ends(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    for made_up in ["", "A", &"A".repeat(43), &"A".repeat(100_000), "\u{661}"] {
        assert!(magic_link::view(&house.issuer, made_up).await.unwrap().is_none());
        assert_eq!(take(&house, made_up, Purpose::Browser, "flow").await.unwrap_err(), Code::CodeExpired);
    }
    let old = token(&sent(&house, "flow").await);
    house.stage.clock.advance_seconds(600);
    assert_eq!(take(&house, &old, Purpose::Browser, "flow").await.unwrap_err(), Code::CodeExpired);
    let view = magic_link::view(&house.issuer, &old).await.unwrap().unwrap();
    assert!(matches!(view.state, LinkState::Ended));

    let replaced = token(&sent(&house, "flow").await);
    house.stage.clock.advance_seconds(31);
    let newer = token(&sent(&house, "flow").await);
    assert_eq!(take(&house, &replaced, Purpose::Browser, "flow").await.unwrap_err(), Code::CodeExpired);

    let mark = house.stage.mark().await;
    assert!(magic_link::void(&house.issuer, &newer, &caller(9)).await.unwrap());
    assert!(!magic_link::void(&house.issuer, &newer, &caller(9)).await.unwrap());
    assert_eq!(house.stage.kinds(mark).await, [EventKind::ChallengeVoided]);
    assert_eq!(take(&house, &newer, Purpose::Browser, "flow").await.unwrap_err(), Code::CodeExpired);

    house.stage.clock.advance_seconds(31);
    let before = token(&sent(&house, "flow").await);
    let password = Secret::new("another horse battery staple");
    countersign_issuer::admin::users::set_password(&house.issuer, "nora", password).await.unwrap();
    assert_eq!(take(&house, &before, Purpose::Browser, "flow").await.unwrap_err(), Code::CodeExpired);
}

/// 64 uses at once: one proof.
pub async fn link_64_at_once(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    let token = token(&sent(&house, "flow").await);
    let done = at_once(64, |_| {
        let (issuer, token) = (Arc::clone(&house.issuer), token.clone());
        async move { magic_link::prove(&issuer, &token, Purpose::Browser, "flow", &caller(1)).await.is_ok() }
    })
    .await;
    assert_eq!(done.iter().filter(|won| **won).count(), 1);
}

/// What was set up before anybody had shown that the address is theirs goes at the first proof of it.
pub async fn link_claims_an_unproven_address(stage: Stage) {
    let house = house(stage).await;
    let squatted = unverified(&house, "nora").await;
    let attacker = house.visitor("nora").await;
    assert!(attacker.session.is_some(), "with the password they set");
    let mark = house.stage.mark().await;
    let token = token(&sent(&house, "flow").await);
    let proof = take(&house, &token, Purpose::Browser, "flow").await.unwrap();
    let user = &proof.subject().user;
    assert!(user.email_verified && user.credential_version > squatted.credential_version);
    assert_eq!(house.stage.kinds(mark).await, [EventKind::ChallengeSent, EventKind::EmailVerified]);
    let account = house.issuer.store.account(&user.id).await.unwrap().it.unwrap();
    assert!(!account.enrolled.password, "void");
    let told = mail(&house).await;
    assert!(told.iter().any(|m| matches!(m.about, About::Notice(_))), "the person is told: {told:?}");
    let fresh = challenge::claim(&house.issuer, account.clone(), &caller(1)).await.unwrap();
    assert_eq!(fresh.user.credential_version, account.subject.user.credential_version, "once");
    assert_eq!(
        refused(house.sign_in("nora", &super::house::browser("x")).await).code,
        Code::InvalidCredentials
    );

    // Of a proven address nothing goes.
    house.person("ida").await;
    let message =
        asked(&house, Factor::MagicLink, "ida@example.test", Purpose::Browser, "ida").await.unwrap();
    let (_, token) = post::link(&message).unwrap().split_once("?token=").unwrap();
    take(&house, token, Purpose::Browser, "ida").await.unwrap();
    house.sign_in("ida", &super::house::browser("x")).await.unwrap();
}
