//! A lost password through the pages: the mailbox, then each kind of second factor an account may have, then
//! the new password.

use crate::direct_mfa::enrolled;
use crate::pages::request;
use crate::pages_codes::{add_phone, messages};
use crate::passkey;
use crate::tab::{Browser, form_to};
use crate::wire::Answer;
use crate::world::{PASSWORD, World, world_where};
use countersign_contract::flow::caller;
use countersign_contract::flow::post;
use countersign_contract::flow::totp::shown;
use countersign_issuer::account::enrol::recovery_code;
use countersign_issuer::port::{Accounts, BrowserSessions, Users};
use std::time::Duration;

const NEW: &str = "nine purple elephants yawn";

async fn world() -> World {
    world_where(|_| {}, |settings| (settings.login.mail, settings.login.sms) = (true, true)).await
}

/// Asks on the page at `target`, presses the link's button, and answers the page after it.
async fn mailbox_proven(world: &World, browser: &mut Browser<'_>, target: &str) -> Answer {
    let page = browser.open(target).await;
    let sent = browser.submit(&form_to(&page, "/recover").set("email", "ada@example.test")).await;
    assert!(sent.text().contains("Check your mail"), "{}", sent.text());
    let sent = messages(world).await;
    let link = sent.iter().rev().find_map(post::link).unwrap();
    let page = browser.open(link.strip_prefix(&world.url("")).unwrap()).await;
    browser.submit(&form_to(&page, "/recover/confirm")).await
}

/// Chooses on that page, and is signed in; from then on the new password is the right one.
async fn chosen(world: &World, browser: &mut Browser<'_>, page: &Answer) {
    let form = form_to(page, "/recover/password").set("password", NEW);
    let done = browser.submit(&form).await;
    assert!(done.text().contains("Where you are signed in"), "{} {}", done.status, done.text());
    let mut other = Browser::new(world);
    let page = other.open("/login").await;
    let old = other.sign_in(&page, "ada", PASSWORD).await;
    assert!(old.status == 422, "{}", old.text());
    let new = other.sign_in(&old, "ada", NEW).await;
    assert!(new.text().contains("One more step"), "{}", new.text());
}

/// How many of her sessions are live.
async fn live(world: &World) -> usize {
    world.store.list_browsers(&world.ada).await.unwrap().len()
}

#[tokio::test]
async fn a_code_of_the_app_leads_to_the_new_password() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let mut browser = Browser::new(&world);
    let second = mailbox_proven(&world, &mut browser, "/recover").await;
    assert!(second.text().contains("One more step"), "{}", second.text());

    let wrong = browser.submit(&form_to(&second, "/login/totp").set("code", "12345")).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("That code did not work."), "{}", wrong.text());
    let code = shown(&pending, world.clock.now());
    let choose = browser.submit(&form_to(&wrong, "/login/totp").set("code", code.expose())).await;
    assert_eq!(live(&world).await, 0, "nobody is signed in yet");
    chosen(&world, &mut browser, &choose).await;
}

#[tokio::test]
async fn a_code_on_paper_leads_to_the_new_password() {
    let world = world().await;
    enrolled(&world).await;
    let ada = world.store.subject(&world.ada).await.unwrap().it.unwrap().user;
    let codes = recovery_code::make(&world.issuer, &ada, None, &caller()).await.unwrap();
    let mut browser = Browser::new(&world);
    let second = mailbox_proven(&world, &mut browser, "/recover").await;
    let wrong = form_to(&second, "/login/recovery_code").set("code", "AAAA-AAAA-AAAA");
    let wrong = browser.submit(&wrong).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    let typed = form_to(&wrong, "/login/recovery_code").set("code", codes[0].expose());
    let choose = browser.submit(&typed).await;
    let account = world.store.account(&world.ada).await.unwrap().it.unwrap();
    assert_eq!(account.enrolled.recovery_codes, 9);
    chosen(&world, &mut browser, &choose).await;
}

#[tokio::test]
async fn a_text_message_leads_to_the_new_password() {
    let world = world().await;
    add_phone(&world).await;
    let mut browser = Browser::new(&world);
    let second = mailbox_proven(&world, &mut browser, "/recover").await;
    let sent = browser.submit(&form_to(&second, "/login/sms_code")).await;
    assert_eq!(sent.status, 200);
    let all = messages(&world).await;
    let text = all.iter().find(|m| post::address(m).starts_with('+')).unwrap();
    let code = post::code(text).unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let again = browser.submit(&form_to(&sent, "/login/sms_code").set("code", wrong)).await;
    assert_eq!(again.status, 422, "{}", again.text());
    let choose = browser.submit(&form_to(&again, "/login/sms_code").set("code", code)).await;
    chosen(&world, &mut browser, &choose).await;
}

#[tokio::test]
async fn a_passkey_leads_to_the_new_password() {
    let world = world().await;
    let mut owner = passkey::signed_in(&world).await;
    let mut key = passkey::register(&world, &mut owner, passkey::PHONE).await;
    let before = live(&world).await;
    let mut browser = Browser::new(&world);
    let second = mailbox_proven(&world, &mut browser, "/recover").await;
    let wrong = passkey::answer(&mut browser, &second, &mut key, "https://evil.example").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("That passkey did not work here."), "{}", wrong.text());
    let choose = passkey::answer(&mut browser, &wrong, &mut key, &world.url("")).await;
    assert_eq!(live(&world).await, before, "nobody is signed in yet");
    chosen(&world, &mut browser, &choose).await;
}

#[tokio::test]
async fn a_request_that_became_too_old_keeps_nobody_from_the_new_password() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    let resume = form_to(&page, "/login").field("resume").to_owned();
    world.clock.advance(Duration::from_secs(590));
    let second = mailbox_proven(&world, &mut browser, &format!("/recover?resume={resume}")).await;
    world.clock.advance(Duration::from_secs(30));
    let code = shown(&pending, world.clock.now());
    let choose = browser.submit(&form_to(&second, "/login/totp").set("code", code.expose())).await;
    chosen(&world, &mut browser, &choose).await;
}

/// What was proven for a recovery is worth nothing on the way to a sign-in: the password typed beside it is
/// refused, not taken in its place.
#[tokio::test]
async fn a_recovery_under_way_is_no_sign_in_under_way() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let mut browser = Browser::new(&world);
    let second = mailbox_proven(&world, &mut browser, "/recover").await;
    let carried = form_to(&second, "/login/totp").field("transaction").to_owned();
    let page = browser.open("/login").await;
    let form = form_to(&page, "/login").set("transaction", &carried);
    let mixed = browser.submit(&form.set("username", "ada").set("password", PASSWORD)).await;
    assert_eq!(mixed.status, 422, "{}", mixed.text());
    assert_eq!(live(&world).await, 0);

    // The recovery itself is as good as before.
    let code = shown(&pending, world.clock.now());
    let choose = browser.submit(&form_to(&second, "/login/totp").set("code", code.expose())).await;
    chosen(&world, &mut browser, &choose).await;
}
