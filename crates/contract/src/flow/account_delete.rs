//! Deleting one's own account.

use super::account::app;
use super::house::{House, browser, caller, code};
use crate::Stage;
use countersign_issuer::Code;
use countersign_issuer::account::delete::delete;
use countersign_issuer::model::EventKind;
use countersign_issuer::model::message::{About, Noticed};
use countersign_issuer::oauth::bearer;

/// Only with the own address typed; then at once: tokens, sessions and sign-in end; told; the log keeps the id.
pub async fn account_deleted(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    let nora = house.person("nora").await;
    house.person("ida").await;
    let tokens = app(&house, "nora").await;
    let theirs = app(&house, "ida").await;
    let fresh = house.sign_in("nora", &browser("flow")).await.unwrap();
    let me = house.back(fresh.cookie.expose()).await.session.unwrap();
    house.mails().await;

    let mark = house.stage.mark().await;
    for typed in ["", "nora", "ida@example.test", "nora@example.test.", "\u{0}", &"x".repeat(70_000)] {
        assert_eq!(code(delete(issuer, &me, typed, &caller(1)).await), Code::InvalidRequest, "{typed:.20}");
    }
    assert_eq!(house.stage.mark().await, mark, "nothing happened");
    delete(issuer, &me, " NORA@example.test ", &caller(1)).await.unwrap();
    assert!(bearer::access_token(issuer, &tokens.access_token).await.is_err(), "tokens end");
    assert!(bearer::access_token(issuer, &theirs.access_token).await.is_ok(), "others' do not");
    assert!(house.back(fresh.cookie.expose()).await.session.is_none());
    assert_eq!(code(house.sign_in("nora", &browser("flow")).await), Code::InvalidCredentials);
    let told = house.mails().await;
    assert!(matches!(&told[0].about, About::Notice(n) if n.what == Noticed::AccountDeleted), "{told:?}");
    let kept = house.stage.store.events_of(&nora.id, 1).await.unwrap();
    assert_eq!(kept[0].what.kind, EventKind::UserRemoved);
    assert!(!format!("{:?}", kept[0].what.data).contains("nora"), "{kept:?}");

    // A second press, and a new account of the same address: another person.
    assert_eq!(code(delete(issuer, &me, "nora@example.test", &caller(1)).await), Code::InvalidCredentials);
    assert_ne!(house.person("nora").await.id, nora.id);
    assert!(bearer::access_token(issuer, &tokens.access_token).await.is_err());
}
