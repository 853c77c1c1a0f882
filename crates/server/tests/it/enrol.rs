//! A second factor set up within the sign-in that demands it: every way that would do, by nobody but who is
//! signing in, and never in the place of one that is there.

use crate::pages::request;
use crate::tab::{Browser, Form, answer_of, form_to, forms};
use crate::wire::Answer;
use crate::world::{PASSWORD, World, world_where};
use countersign_contract::fixture::{credential_change, event};
use countersign_contract::flow::authenticator::{Key, Page, flag};
use countersign_contract::flow::{post, totp};
use countersign_issuer::login::Mfa;
use countersign_issuer::model::{Acr, Client, ClientId, Enrolled, EventKind, Message};
use countersign_issuer::outbox;
use countersign_issuer::port::{Accounts, BrowserSessions, Clients, Outbox, Phones, Users};
use serde_json::Value;
use std::time::Duration;
use totp_rs::Totp;

const DEVICE: u8 = flag::UP | flag::UV;
const NUMBER: &str = "+447700900123";

/// Two factors of everybody; mail and text messages are sent.
async fn world() -> World {
    world_where(
        |_| {},
        |settings| {
            settings.login.mfa = Mfa::Always;
            settings.login.mail = true;
            settings.login.sms = true;
        },
    )
    .await
}

async fn after_password<'w>(world: &'w World) -> (Browser<'w>, Answer) {
    let mut browser = Browser::new(world);
    let page = browser.open("/login").await;
    let page = browser.sign_in(&page, "ada", PASSWORD).await;
    (browser, page)
}

async fn enrolled(world: &World) -> Enrolled {
    world.store.account(&world.ada).await.unwrap().it.unwrap().enrolled
}

fn offers(page: &Answer) -> Vec<String> {
    let all = forms(page).into_iter().map(|f| f.action).filter(|a| a.starts_with("/login/"));
    all.map(|a| a.trim_start_matches("/login/").to_owned()).collect()
}

/// Codes that were sent, the newest last: to whom, and the code.
async fn sent(world: &World) -> Vec<(String, String)> {
    let jobs = world.store.list_jobs(None, 100).await.unwrap().it;
    let messages: Vec<Message> = jobs.iter().map(|j| outbox::open(&world.issuer, &j.job).unwrap()).collect();
    let of = |m: &Message| Some((post::address(m).to_owned(), post::code(m)?.to_owned()));
    messages.iter().filter_map(of).collect()
}

fn options(form: &Form) -> Form {
    Form { action: format!("{}/options", form.action), ..form.clone() }
}

/// What the page's script does.
async fn made(world: &World, browser: &mut Browser<'_>, page: &Answer) -> Form {
    let form = form_to(page, "/login/enrol/passkey");
    let asked = browser.post(&options(&form)).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    let asked: Value = serde_json::from_str(&asked.text()).unwrap();
    let (_, posted) = Key::create(&asked["options"], &Page::of(&world.url(""), "localhost"), DEVICE);
    form.set("state", asked["state"].as_str().unwrap()).set("credential", &posted.to_string())
}

/// What the app shows that the page set up.
fn shown(world: &World, page: &Answer) -> String {
    let text = page.text();
    let address = text.split_once("href=\"otpauth:").unwrap().1.split('"').next().unwrap();
    let address = format!("otpauth:{address}").replace("&amp;", "&").replace("&#x2f;", "/");
    let now = u64::try_from(world.clock.now().seconds()).unwrap();
    Totp::from_url(&address).unwrap().generate(now).to_string()
}

async fn reached(world: &World) -> Vec<(String, Vec<String>)> {
    let live = world.store.list_browsers(&world.ada).await.unwrap();
    live.into_iter().map(|b| (b.authentication.acr, b.authentication.amr)).collect()
}

#[tokio::test]
async fn a_passkey_is_set_up_and_counts_at_once() {
    let world = world().await;
    let (mut browser, page) = after_password(&world).await;
    assert_eq!(offers(&page), ["enrol/passkey", "enrol", "enrol/phone"]);
    let form = made(&world, &mut browser, &page).await;
    let garbled = form.clone().set("credential", "{}");
    let refused = browser.submit(&garbled).await;
    assert!(refused.status == 422 && refused.text().contains("role=\"alert\""), "{}", refused.text());
    let codes = browser.submit(&form).await;
    assert_eq!(codes.text().matches("<li><code>").count(), 10, "{}", codes.text());
    assert_eq!(browser.cookie("countersign-session"), "", "not before the codes are kept");
    let done = browser.submit(&form_to(&codes, "/login/enrol/done")).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());
    // The key alone is two factors.
    let amr = ["hwk", "user", "mfa"].map(str::to_owned).to_vec();
    assert_eq!(reached(&world).await, [("urn:countersign:phr".to_owned(), amr)]);
    // The same answer once more.
    let again = browser.submit(&form).await;
    assert!(!again.text().contains("Your new codes"), "{}", again.text());
    assert_eq!(enrolled(&world).await.passkeys, 1);
}

#[tokio::test]
async fn a_phone_is_set_up_and_counts_at_once() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[("client_id", "spa")])).await;
    let page = browser.sign_in(&page, "ada", PASSWORD).await;
    let form = form_to(&page, "/login/enrol/phone");
    let refused = browser.submit(&form.clone().set("number", "0170")).await;
    assert!(refused.status == 422 && refused.text().contains("no phone number"), "{}", refused.text());
    let page = browser.submit(&form.set("number", NUMBER)).await;
    let (to, code) = sent(&world).await.pop().unwrap();
    assert_eq!((to.as_str(), enrolled(&world).await.phone), (NUMBER, None));
    let form = form_to(&page, "/login/enrol/phone/confirm");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let page = browser.submit(&form.set("code", wrong)).await;
    assert!(page.status == 422 && enrolled(&world).await.phone.is_none(), "{}", page.text());
    let form = form_to(&page, "/login/enrol/phone/confirm").set("code", &code);
    let codes = browser.submit(&form).await;
    assert_eq!(enrolled(&world).await.phone.as_deref(), Some(NUMBER));
    let answer = answer_of(&browser.submit(&form_to(&codes, "/login/enrol/done")).await);
    assert!(answer.contains_key("code"), "{answer:?}");
    assert_eq!(reached(&world).await[0].0, "urn:countersign:2");
}

/// The form that led to a session leads to no other once that ended, whoever kept the page and the flow's cookie.
#[tokio::test]
async fn a_form_sent_again_after_signing_out_signs_nobody_in() {
    let world = world().await;
    let (mut browser, page) = after_password(&world).await;
    let form = made(&world, &mut browser, &page).await;
    let codes = browser.submit(&form).await;
    let kept = form_to(&codes, "/login/enrol/done");
    let done = browser.submit(&kept).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());
    let out = form_to(&browser.open("/account").await, "/account/sign-out");
    browser.submit(&out).await;
    assert!(reached(&world).await.is_empty(), "signed out");
    world.clock.advance_seconds(1);
    let again = browser.submit(&kept).await;
    assert!(again.status >= 400, "{} {}", again.status, again.text());
    assert!(reached(&world).await.is_empty(), "and stays so");
}

/// Another browser, no cookies, or no proof at all: nothing is set up.
#[tokio::test]
async fn a_set_up_is_bound_to_its_sign_in() {
    let world = world().await;
    let (mut browser, page) = after_password(&world).await;
    let key = made(&world, &mut browser, &page).await;
    let app = form_to(&page, "/login/enrol").set("code", &shown(&world, &page));
    let phone = form_to(&page, "/login/enrol/phone").set("number", NUMBER);
    let (mut other, theirs) = after_password(&world).await;
    let own = form_to(&theirs, "/login/enrol");
    for form in [&key, &app, &phone, &options(&key)] {
        let stolen = other.post(form).await;
        assert!(stolen.status >= 400, "{}: {}", form.action, stolen.text());
        // With the thief's own form token and sign-in the key and the secret are still another's.
        let mixed = form
            .clone()
            .set("form_token", own.field("form_token"))
            .set("transaction", own.field("transaction"));
        if form.action == "/login/enrol/passkey" || form.action == "/login/enrol" {
            let mixed = other.post(&mixed).await;
            assert!(mixed.status >= 400, "{}: {}", form.action, mixed.text());
        }
        for nothing in ["", "x", own.field("form_token")] {
            let refused = browser.post(&form.clone().set("transaction", nothing)).await;
            assert!(refused.status >= 400, "{} {nothing}", form.action);
        }
    }
    browser.cookies.clear();
    for form in [&key, &app, &phone, &options(&key)] {
        assert!(browser.post(form).await.status >= 400, "{} without cookies", form.action);
    }
    assert!(!enrolled(&world).await.two_steps());
    assert!(sent(&world).await.is_empty());
}

/// Two who know the password: one sets something up, the other nothing, whatever they were shown.
#[tokio::test]
async fn one_of_two_sets_something_up() {
    let world = world().await;
    let (mut one, page) = after_password(&world).await;
    let first = made(&world, &mut one, &page).await;
    let (mut two, page) = after_password(&world).await;
    let second = form_to(&page, "/login/enrol").set("code", &shown(&world, &page));
    let (mut three, page) = after_password(&world).await;
    let phone = form_to(&page, "/login/enrol/phone").set("number", NUMBER);
    let third = form_to(&three.submit(&phone).await, "/login/enrol/phone/confirm");
    let third = third.set("code", &sent(&world).await.pop().unwrap().1);

    let (a, b, c) = tokio::join!(one.submit(&first), two.submit(&second), three.submit(&third));
    let won = [a, b, c].iter().filter(|page| page.text().contains("<li><code>")).count();
    assert_eq!(won, 1, "one gets codes");
    let now = enrolled(&world).await;
    assert_eq!(u32::from(now.totp) + u32::from(now.passkeys) + u32::from(now.phone.is_some()), 1, "{now:?}");
    for (browser, form) in [(&mut one, &first), (&mut two, &second), (&mut three, &third)] {
        let late = browser.submit(form).await;
        assert!(!late.text().contains("<li><code>"), "{}", late.text());
        assert_eq!(browser.cookie("countersign-session"), "");
    }
    assert_eq!(enrolled(&world).await, now);
}

/// The password alone adds nothing to an account that has a second factor, whatever a client demands.
#[tokio::test]
async fn what_is_there_is_proven_first() {
    let world = world().await;
    let ada = world.store.subject(&world.ada).await.unwrap().it.unwrap().user;
    let phone = totp::enrolled_with(&world.issuer, &world.clock, &ada).await;
    let (mut empty, page) = after_password(&world).await;
    assert_eq!(offers(&page)[0], "totp", "{}", page.text());
    let second = form_to(&page, "/login/totp");
    for action in
        ["/login/enrol/passkey", "/login/enrol/passkey/options", "/login/enrol/phone", "/login/enrol"]
    {
        let form =
            Form { action: action.to_owned(), ..second.clone() }.set("number", NUMBER).set("sealed", "x");
        let answer = empty.post(&form).await;
        assert!(answer.status != 200 || offers(&answer)[0] == "totp", "{action}: {}", answer.text());
    }
    assert!(sent(&world).await.is_empty());
    demand(&world, |client| client.metadata.demands.acr = Some(Acr::PhishingResistant)).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[("client_id", "spa")])).await;
    let page = browser.sign_in(&page, "ada", PASSWORD).await;
    assert_eq!(offers(&page)[0], "totp");
    let code = totp::shown(&phone, world.clock.now());
    let page = browser.submit(&form_to(&page, "/login/totp").set("code", code.expose())).await;
    assert_eq!(offers(&page), ["enrol/passkey"], "a key alone would do, {}", page.text());
    let app = Form { action: "/login/enrol".to_owned(), ..form_to(&page, "/login/enrol/passkey") };
    assert!(
        browser.post(&app.set("sealed", "x").set("code", "000000")).await.text().contains("enrol/passkey")
    );
    let form = made(&world, &mut browser, &page).await;
    let answer = answer_of(&browser.submit(&form).await);
    assert!(answer.contains_key("code"), "codes were there already: {answer:?}");
}

async fn demand(world: &World, change: impl FnOnce(&mut Client)) {
    let id = ClientId::parse("spa").unwrap();
    let mut client = world.store.client(&id).await.unwrap().unwrap();
    change(&mut client);
    world.store.apply_clients(vec![client], vec![]).await.unwrap();
    world.issuer.follow().await.unwrap();
}

/// An earlier sign-in alone sets nothing up: the first step is proven once more.
#[tokio::test]
async fn a_session_alone_opens_no_set_up() {
    let world = world_where(|_| {}, |_| {}).await;
    let (mut browser, page) = after_password(&world).await;
    assert!(page.text().contains("Where you are signed in"), "{}", page.text());
    demand(&world, |client| client.metadata.demands.acr = Some(Acr::Two)).await;
    let page = browser.open(&request(&[("client_id", "spa")])).await;
    let form = form_to(&page, "/login");
    let forged = Form { action: "/login/enrol/passkey/options".to_owned(), ..form };
    assert!(browser.post(&forged).await.status >= 400);
    let page = browser.sign_in(&page, "ada", PASSWORD).await;
    assert_eq!(offers(&page), ["enrol/passkey", "enrol"]);
    let form = made(&world, &mut browser, &page).await;
    let codes = browser.submit(&form).await;
    let answer = answer_of(&browser.submit(&form_to(&codes, "/login/enrol/done")).await);
    assert!(answer.contains_key("code"), "{answer:?}");
}

/// Where text messages are sent no more, the mailbox opens the set-up of another factor, and the password alone
/// does not.
#[tokio::test]
async fn a_phone_that_is_asked_no_more_is_replaced_by_way_of_the_mailbox() {
    let world = world_where(|_| {}, |settings| settings.login.mail = true).await;
    let change = credential_change(&world.ada, EventKind::PhoneAdded);
    world.store.put_phone(change, NUMBER).await.unwrap().unwrap();
    let ada = world.store.subject(&world.ada).await.unwrap().it.unwrap().user;
    let proven = event(EventKind::EmailVerified);
    assert!(world.store.verify_email(&ada.id, &ada.email, proven).await.unwrap());
    world.clock.advance(Duration::from_secs(1));
    let (mut browser, page) = after_password(&world).await;
    assert_eq!(offers(&page), ["email_code"], "{}", page.text());
    let ask = form_to(&page, "/login/email_code");
    let forged = Form { action: "/login/enrol/passkey/options".to_owned(), ..ask.clone() };
    assert!(browser.post(&forged).await.status >= 400);
    let page = browser.submit(&ask).await;
    let (to, code) = sent(&world).await.pop().unwrap();
    assert_eq!(to, "ada@example.test");
    let page = browser.submit(&form_to(&page, "/login/email_code").set("code", &code)).await;
    assert_eq!(offers(&page), ["enrol/passkey", "enrol"], "{}", page.text());
    assert_eq!(browser.cookie("countersign-session"), "", "the mailbox alone is not in");
    let pending = form_to(&page, "/login/enrol").set("code", &shown(&world, &page));
    let codes = browser.submit(&pending).await;
    let done = browser.submit(&form_to(&codes, "/login/enrol/done")).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());
    let amr = ["otp", "mfa"].map(str::to_owned).to_vec();
    assert_eq!(reached(&world).await, [("urn:countersign:2".to_owned(), amr)]);
}
