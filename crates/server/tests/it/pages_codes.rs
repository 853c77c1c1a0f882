//! Signing in by mail and by text message on the pages: asked for by a form, shown without effect, used by a
//! button in the browser that asked.

use crate::pages::request;
use crate::tab::{Browser, Form, form_to};
use crate::wire::{Answer, Ask, get};
use crate::world::{PASSWORD, World, world_where};
use countersign_contract::fixture::UNTIL;
use countersign_contract::flow::post;
use countersign_issuer::model::{Actor, EventDraft, EventKind, Message};
use countersign_issuer::outbox;
use countersign_issuer::port::{CredentialChange, Outbox, Phones};
use std::time::Duration;

async fn world() -> World {
    world_where(|_| {}, |settings| (settings.login.mail, settings.login.sms) = (true, true)).await
}

pub(crate) async fn messages(world: &World) -> Vec<Message> {
    let jobs = world.store.list_jobs(None, 100).await.unwrap().it;
    jobs.iter().map(|j| outbox::open(&world.issuer, &j.job).unwrap()).collect()
}

/// The form of the sign-in page, sent by its second button.
fn by_mail(page: &Answer, address: &str) -> Form {
    assert!(page.text().contains("formaction=\"/login/email\" formnovalidate"), "{}", page.text());
    let form = form_to(page, "/login").set("username", address);
    Form { action: "/login/email".to_owned(), ..form }
}

/// Asks on the page at `target`, and answers the page that follows and the path of the link.
async fn asked(world: &World, browser: &mut Browser<'_>, target: &str) -> (Answer, String) {
    let page = browser.open(target).await;
    let check = browser.submit(&by_mail(&page, "ada@example.test")).await;
    assert_eq!(check.status, 200);
    assert!(check.text().contains("Check your mail"), "{}", check.text());
    let link = messages(world).await.iter().find_map(|m| post::link(m).map(str::to_owned)).unwrap();
    let path = link.strip_prefix(&world.url("")).unwrap().to_owned();
    assert!(path.starts_with("/auth/verify?token="), "{path}");
    (check, path)
}

#[tokio::test]
async fn a_link_signs_in_the_browser_that_asked() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let (_, link) = asked(&world, &mut browser, "/login").await;
    let before = world.log_end().await;
    // Scanners of mail, with and without the body.
    for _ in 0..3 {
        assert_eq!(world.send(Ask::new("HEAD", &link)).await.status, 200);
        let page = world.send(get(&link)).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(page.text().contains("This was asked for somewhere else"), "{}", page.text());
        assert!(!page.text().contains("value=\"sign_in\"") && !page.text().contains("<script"));
    }
    assert_eq!(world.log_end().await, before, "nothing was written");

    let here = browser.open(&link).await;
    let form = form_to(&here, "/auth/verify").press("sign_in");
    let mut other = Browser::phone(&world);
    other.open("/login").await;
    assert_eq!(other.post(&form).await.status, 403, "another browser's form");
    let stolen =
        form.clone().set("form_token", form_to(&other.open("/login").await, "/login").field("form_token"));
    let refused = other.submit(&stolen).await;
    assert!(refused.text().contains("somewhere else"), "{}", refused.text());
    assert_eq!(other.cookie("countersign-session"), "");

    let done = browser.submit(&form).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());
    for page in [browser.open(&link).await, browser.submit(&form).await] {
        assert!(page.text().contains("This link was used already"), "{}", page.text());
    }
}

#[tokio::test]
async fn in_another_browser_a_link_shows_the_code_to_type() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let (check, link) = asked(&world, &mut browser, "/login").await;
    let code = messages(&world).await.iter().find_map(|m| post::code(m).map(str::to_owned)).unwrap();
    let mut phone = Browser::phone(&world);
    let elsewhere = phone.open(&link).await;
    for part in [code.as_str(), "Firefox on Linux", "127.0.0.1", "I did not ask for this"] {
        assert!(elsewhere.text().contains(part), "{part}: {}", elsewhere.text());
    }
    let typed = form_to(&check, "/login/email_code");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let again = browser.submit(&typed.clone().set("code", wrong)).await;
    assert_eq!(again.status, 422);
    assert!(again.text().contains("That code is not right."), "{}", again.text());
    let done = browser.submit(&form_to(&again, "/login/email_code").set("code", &code)).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());
    assert!(phone.open(&link).await.text().contains("This link was used already"));
}

#[tokio::test]
async fn who_did_not_ask_voids_it() {
    let world = world().await;
    let mut stranger = Browser::new(&world);
    let (check, link) = asked(&world, &mut stranger, "/login").await;
    let code = messages(&world).await.iter().find_map(|m| post::code(m).map(str::to_owned)).unwrap();
    let mut owner = Browser::phone(&world);
    let voided = form_to(&owner.open(&link).await, "/auth/verify").press("not_me");
    assert!(owner.submit(&voided).await.text().contains("The link is void"));
    let late = stranger.submit(&form_to(&check, "/login/email_code").set("code", &code)).await;
    assert!(late.text().contains("no longer good"), "{}", late.text());
    for page in [stranger.open(&link).await, owner.open(&link).await, owner.open("/auth/verify").await] {
        assert!(page.text().contains("This link is no longer good"), "{}", page.text());
    }
}

#[tokio::test]
async fn a_link_goes_on_where_the_sign_in_was_asked_for() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let (_, link) = asked(&world, &mut browser, &request(&[])).await;
    let here = browser.open(&link).await;
    let consent = browser.submit(&form_to(&here, "/auth/verify").press("sign_in")).await;
    assert!(consent.text().contains("Allow access?"), "{}", consent.text());

    let mut late = Browser::new(&world);
    world.clock.advance(Duration::from_secs(31));
    let page = late.open("/login").await;
    late.submit(&by_mail(&page, "ada@example.test")).await;
    let newest = messages(&world).await.pop().unwrap();
    let link = post::link(&newest).unwrap().strip_prefix(&world.url("")).unwrap().to_owned();
    world.clock.advance(Duration::from_secs(600));
    assert!(late.open(&link).await.text().contains("This link is no longer good"));
}

#[tokio::test]
async fn the_page_is_the_same_for_every_address() {
    let world = world().await;
    let mut seen = Vec::new();
    for address in ["ada@example.test", "nobody@example.test"] {
        let mut browser = Browser::new(&world);
        let page = browser.open("/login").await;
        let answer = browser.submit(&by_mail(&page, address)).await;
        let token = form_to(&answer, "/login/email").field("form_token").to_owned();
        seen.push((answer.status, answer.text().replace(address, "-").replace(&token, "-")));
        for typed in ["ada", "", "a@b@c"] {
            let refused = browser.submit(&by_mail(&page, typed)).await;
            assert_eq!(refused.status, 422, "{typed}");
            assert!(refused.text().contains("Enter the email address"), "{}", refused.text());
        }
    }
    assert_eq!(seen[0], seen[1]);
}

/// Ada with a phone number.
pub(crate) async fn add_phone(world: &World) {
    let change = CredentialChange {
        user: world.ada.clone(),
        version: None,
        keep: None,
        until: UNTIL,
        event: EventDraft::new(EventKind::PhoneAdded, Actor::Operator),
    };
    world.store.put_phone(change, "+491701234589").await.unwrap().unwrap();
}

#[tokio::test]
async fn a_text_message_is_the_second_step_and_is_sent_by_a_button() {
    let world = world().await;
    add_phone(&world).await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    let second = browser.sign_in(&page, "ada", PASSWORD).await;
    assert!(second.text().contains("Send a code to your phone"), "{}", second.text());
    assert!(!second.text().contains("1701234589"));
    assert!(messages(&world).await.is_empty(), "nothing is sent for the asking");
    let sent = browser.submit(&form_to(&second, "/login/sms_code")).await;
    assert!(sent.text().contains("+49 *** 89") && !sent.text().contains("1701234589"), "{}", sent.text());
    let message = messages(&world).await.pop().unwrap();
    assert_eq!(post::address(&message), "+491701234589");
    let code = post::code(&message).unwrap().to_owned();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let again = browser.submit(&form_to(&sent, "/login/sms_code").set("code", wrong)).await;
    assert!(again.status == 422 && again.text().contains("That code is not right."), "{}", again.text());
    let typed = form_to(&again, "/login/sms_code").set("code", &code);
    let mut other = Browser::new(&world);
    other.open("/login").await;
    assert_eq!(other.submit(&typed).await.status, 403, "another browser's");
    let done = browser.submit(&typed).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());
}
