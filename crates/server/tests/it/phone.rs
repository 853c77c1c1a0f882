//! A phone number on the account pages: kept once the code that went to it was typed.

use crate::pages::bob;
use crate::tab::{Browser, Form, form_to};
use crate::world::{PASSWORD, World, world_where};
use countersign_contract::flow::post;
use countersign_issuer::model::Message;
use countersign_issuer::outbox;
use countersign_issuer::port::{Accounts, Outbox};
use std::time::Duration;

const NUMBER: &str = "+44 7700 900123";

async fn world() -> World {
    world_where(|_| {}, |settings| settings.login.sms = true).await
}

/// Codes by text message that are due, the newest last: number and code.
async fn texts(world: &World) -> Vec<(String, String)> {
    let jobs = world.store.list_jobs(None, 100).await.unwrap().it;
    let messages: Vec<Message> = jobs.iter().map(|j| outbox::open(&world.issuer, &j.job).unwrap()).collect();
    let of = |m: &Message| Some((post::address(m).to_owned(), post::code(m)?.to_owned()));
    messages.iter().filter_map(of).collect()
}

async fn kept(world: &World) -> Option<String> {
    world.store.account(&world.ada).await.unwrap().it.unwrap().enrolled.phone
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

async fn signed_in<'w>(world: &'w World, name: &str) -> Browser<'w> {
    let mut browser = Browser::new(world);
    let page = browser.open("/login").await;
    browser.sign_in(&page, name, PASSWORD).await;
    browser
}

#[tokio::test]
async fn a_number_is_added_by_its_code_and_removed() {
    let world = world().await;
    let (mut browser, mut other) = (signed_in(&world, "ada").await, signed_in(&world, "ada").await);
    assert!(browser.open("/account/security").await.text().contains("href=\"/account/phone\""));
    let page = browser.open("/account/phone").await;
    assert!(page.text().contains("autocomplete=\"tel\"") && !page.text().contains("/account/phone/remove"));
    let form = form_to(&page, "/account/phone");
    for bad in ["", "07700 900123", "+44", "ada"] {
        let refused = browser.submit(&form.clone().set("number", bad)).await;
        assert!(
            refused.status == 422 && refused.text().contains("no phone number"),
            "{bad}: {}",
            refused.text()
        );
    }
    assert!(texts(&world).await.is_empty());

    let sent = browser.submit(&form.set("number", NUMBER)).await;
    assert!(sent.text().contains(NUMBER) && sent.text().contains("autocomplete=\"one-time-code\""));
    let (to, code) = texts(&world).await.pop().unwrap();
    assert_eq!(to, "+447700900123");
    assert_eq!(kept(&world).await, None, "not before the code");
    let typed = form_to(&sent, "/account/phone/confirm");
    let again = browser.submit(&typed.clone().set("code", wrong(&code))).await;
    assert!(again.status == 422 && again.text().contains("newest text message"), "{}", again.text());
    assert_eq!(kept(&world).await, None, "not by a wrong code");
    // The same person in another browser holds the code, not the flow that asked.
    let foreign = form_to(&other.open("/account/phone").await, "/account/phone").set("code", &code);
    let foreign = Form { action: "/account/phone/confirm".to_owned(), ..foreign };
    assert_eq!(other.submit(&foreign).await.status, 422);
    assert_eq!(kept(&world).await, None, "not in another browser");

    let typed = form_to(&again, "/account/phone/confirm").set("code", &code);
    let done = browser.submit(&typed).await;
    assert!(done.text().contains("The phone number is set up"), "{}", done.text());
    assert_eq!(done.text().matches("<li><code>").count(), 10, "recovery codes, once");
    assert_eq!(kept(&world).await.as_deref(), Some("+447700900123"));
    assert!(other.open("/account").await.text().contains("current-password"), "signed out elsewhere");

    // From now on the pages that change something ask for the second step.
    world.clock.advance(Duration::from_secs(61));
    let second = browser.open("/account/phone").await;
    let sent = browser.submit(&form_to(&second, "/login/sms_code")).await;
    let (_, code) = texts(&world).await.pop().unwrap();
    let page = browser.submit(&form_to(&sent, "/login/sms_code").set("code", &code)).await;
    assert!(page.text().contains("+44 *** 23") && !page.text().contains("900123\""), "{}", page.text());
    let remove = form_to(&page, "/account/phone/remove");
    let done = browser.submit(&remove).await;
    assert!(done.text().contains("The phone number is removed"), "{}", done.text());
    assert_eq!(kept(&world).await, None);
    let none = browser.submit(&remove).await;
    assert!(none.text().contains("nothing to remove"), "{}", none.text());
}

#[tokio::test]
async fn the_page_of_another_person_adds_no_number() {
    let world = world().await;
    bob(&world).await;
    let mut browser = signed_in(&world, "ada").await;
    let page = browser.open("/account/phone").await;
    let asks = form_to(&page, "/account/phone").set("number", NUMBER);
    let sent = browser.submit(&asks).await;
    let (_, code) = texts(&world).await.pop().unwrap();
    let typed = form_to(&sent, "/account/phone/confirm").set("code", &code);
    let out = form_to(&page, "/account/sign-out");
    browser.submit(&out).await;
    let page = browser.open("/login").await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    let before = (world.log_end().await, texts(&world).await.len());
    for form in [asks, typed] {
        let answer = browser.submit(&form).await;
        assert!(answer.text().contains("Nothing was done"), "{form:?}: {}", answer.text());
    }
    assert_eq!((world.log_end().await, texts(&world).await.len()), before);
    assert_eq!(kept(&world).await, None);
}

#[tokio::test]
async fn only_who_proved_lately_who_they_are_adds_a_number() {
    let world = world().await;
    let mut browser = signed_in(&world, "ada").await;
    let form = form_to(&browser.open("/account/phone").await, "/account/phone").set("number", NUMBER);
    world.clock.advance(Duration::from_secs(601));
    let proves = browser.submit(&form).await;
    assert!(proves.text().contains("current-password"), "{}", proves.text());
    assert!(browser.open("/account/phone").await.text().contains("current-password"));
    assert!(texts(&world).await.is_empty());
}

#[tokio::test]
async fn without_text_messages_the_page_says_so() {
    let world = crate::world::world().await;
    let mut browser = signed_in(&world, "ada").await;
    assert!(!browser.open("/account/security").await.text().contains("/account/phone"));
    let page = browser.open("/account/phone").await;
    assert!(page.text().contains("sends no text messages") && !page.text().contains("name=\"number\""));
    let out = form_to(&page, "/account/sign-out");
    for action in ["/account/phone", "/account/phone/confirm"] {
        let form = Form { action: action.to_owned(), ..out.clone() };
        let answer = browser.submit(&form.set("number", NUMBER).set("code", "123456")).await;
        assert!(answer.text().contains("sends no text messages"), "{action}: {}", answer.text());
    }
    assert!(texts(&world).await.is_empty());
}
