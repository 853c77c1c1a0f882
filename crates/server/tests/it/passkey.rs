//! Passkeys through the pages, with a software authenticator in place of the browser's.

use crate::tab::{Browser, Form, form_to};
use crate::wire::{Answer, get, post};
use crate::world::{PASSWORD, World, world};
use countersign_contract::flow::authenticator::{Key, Page, flag};
use countersign_issuer::model::Digest;
use countersign_issuer::port::Passkeys;
use countersign_token::base64url;
use serde_json::{Value, json};

pub(crate) const PHONE: u8 = flag::UP | flag::UV | flag::BE | flag::BS;

fn here(world: &World) -> Page {
    Page::of(&world.url(""), "localhost")
}

/// What the script does first: a challenge for the form.
async fn challenge(browser: &mut Browser<'_>, form: &Form) -> Value {
    let asked = Form { action: format!("{}/options", form.action), ..form.clone() };
    let answer = browser.post(&asked).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
    serde_json::from_str(&answer.text()).unwrap()
}

/// What it does last.
fn filled(form: Form, asked: &Value, posted: &Value) -> Form {
    form.set("state", asked["state"].as_str().unwrap()).set("credential", &posted.to_string())
}

/// Registers a key for who is signed in.
pub(crate) async fn register(world: &World, browser: &mut Browser<'_>, flags: u8) -> Key {
    let page = browser.open("/account/passkeys").await;
    let form = form_to(&page, "/account/passkeys").set("name", "Key <1>");
    let asked = challenge(browser, &form).await;
    let (key, posted) = Key::create(&asked["options"], &here(world), flags);
    let done = browser.submit(&filled(form, &asked, &posted)).await;
    assert!(done.text().contains("The passkey is ready."), "{}", done.text());
    assert!(done.text().contains("Key &lt;1&gt;"));
    key
}

/// Answers the page's challenge with the key, as a page of that origin would.
pub(crate) async fn answer(browser: &mut Browser<'_>, page: &Answer, key: &mut Key, origin: &str) -> Answer {
    let form = form_to(page, "/login/passkey");
    let asked = challenge(browser, &form).await;
    let posted = key.answer(&asked["options"], &Page::of(origin, "localhost"));
    browser.submit(&filled(form, &asked, &posted)).await
}

pub(crate) async fn signed_in<'w>(world: &'w World) -> Browser<'w> {
    let mut browser = Browser::new(world);
    let page = browser.open("/login").await;
    browser.sign_in(&page, "ada", PASSWORD).await;
    browser
}

#[tokio::test]
async fn registered_used_and_removed() {
    let world = world().await;
    let mut browser = signed_in(&world).await;
    let mut key = register(&world, &mut browser, PHONE).await;

    let mut other = Browser::new(&world);
    let page = other.open("/login").await;
    let form = form_to(&page, "/login/passkey");
    let asked = challenge(&mut other, &form).await;
    assert_eq!(asked["options"]["publicKey"]["allowCredentials"], json!([]), "nobody is named");
    let posted = key.answer(&asked["options"], &here(&world));
    let answer = filled(form, &asked, &posted);
    let page = other.submit(&answer).await;
    assert!(page.text().contains("Where you are signed in"), "{}", page.text());
    let mut thief = Browser::new(&world);
    thief.open("/login").await;
    let stolen = thief.post(&answer).await;
    assert_eq!(stolen.status, 403, "another browser's form");

    let page = other.open("/account/passkeys").await;
    let form = form_to(&page, "/account/passkeys/rename").set("name", "Old phone");
    assert!(other.submit(&form).await.text().contains("Old phone"));
    let form = form_to(&page, "/account/passkeys/rename").set("name", &"x".repeat(61));
    let refused = other.submit(&form).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("That name does not fit."));
    let form = form_to(&page, "/account/passkeys/remove");
    for odd in ["", "AAAAAAAAAAAAAAAAAAAAAA", "../x"] {
        let answer = other.submit(&form.clone().set("id", odd)).await;
        assert!(
            answer.status == 400 || answer.text().contains("removed already"),
            "{odd:?} {}",
            answer.text()
        );
    }
    assert!(other.submit(&form).await.text().contains("The passkey is removed."));
}

/// A name typed stays; the one suggested gives way to that of who keeps the key, where that is known.
#[tokio::test]
async fn a_key_is_called_after_who_keeps_it() {
    const BITWARDEN: [u8; 16] = *b"\xd5\x48\x82\x6e\x79\xb4\xdb\x40\xa3\xd8\x11\x11\x6f\x7e\x83\x49";
    let suggested = "Firefox on Linux";
    for (typed, aaguid, due) in [
        (suggested, BITWARDEN, "Bitwarden"),
        ("", BITWARDEN, "Bitwarden"),
        ("Mine", BITWARDEN, "Mine"),
        (suggested, [0; 16], suggested),
        (suggested, [9; 16], suggested),
    ] {
        let world = world().await;
        let mut browser = signed_in(&world).await;
        let page = browser.open("/account/passkeys").await;
        let form = form_to(&page, "/account/passkeys");
        assert_eq!((form.field("name"), form.field("suggested")), (suggested, suggested));
        let form = form.set("name", typed);
        let asked = challenge(&mut browser, &form).await;
        let (_, mut posted) = Key::create(&asked["options"], &here(&world), PHONE);
        let text = posted["response"]["attestationObject"].as_str().unwrap();
        let mut object = base64url::decode(text).unwrap();
        let hash = Digest::of("localhost").0;
        let at = object.windows(32).position(|w| *w == hash).unwrap() + 37;
        object[at..at + 16].copy_from_slice(&aaguid);
        posted["response"]["attestationObject"] = base64url::encode(object).into();
        let done = browser.submit(&filled(form, &asked, &posted)).await;
        assert!(done.text().contains("The passkey is ready."), "{}", done.text());
        let keys = world.store.list_passkeys(&world.ada).await.unwrap().it;
        assert_eq!(keys.last().unwrap().name, due, "{typed} {aaguid:?}");
    }
}

#[tokio::test]
async fn a_second_step_after_the_password() {
    let world = world().await;
    let mut browser = signed_in(&world).await;
    let mut key = register(&world, &mut browser, flag::UP).await;

    let mut other = Browser::new(&world);
    let page = other.open("/login").await;
    let page = other.sign_in(&page, "ada", PASSWORD).await;
    let form = form_to(&page, "/login/passkey");
    let asked = challenge(&mut other, &form).await;
    assert_eq!(asked["options"]["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
    let again = answer(&mut other, &page, &mut key, "https://evil.example").await;
    assert_eq!(again.status, 422);
    assert!(again.text().contains("That passkey did not work here."), "{}", again.text());
    let page = answer(&mut other, &again, &mut key, &world.url("")).await;
    assert!(page.text().contains("Where you are signed in"), "{}", page.text());
}

/// Nothing that is posted is more than a refusal.
#[tokio::test]
async fn nonsense_is_refused() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    let form = form_to(&page, "/login/passkey");
    let asked = challenge(&mut browser, &form).await;
    for (state, credential) in [
        ("", ""),
        ("x", "{}"),
        (asked["state"].as_str().unwrap(), "{\"rawId\":\"AAAA\"}"),
        (asked["state"].as_str().unwrap(), &"[".repeat(8_000)),
    ] {
        let answer = browser.submit(&form.clone().set("state", state).set("credential", credential)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains("That passkey did not work here."));
    }
    let huge = browser.post(&form.clone().set("credential", &"x".repeat(100_000))).await;
    assert!([400, 413].contains(&huge.status), "{}", huge.status);
    let bare = world.send(post("/login/passkey/options").form(&[("form_token", "x")])).await;
    assert_eq!(bare.status, 403);
    let nobody = browser.post(&Form { action: "/account/passkeys/options".into(), ..form.clone() }).await;
    assert_ne!(nobody.status, 200);
    let nobody = browser.open("/account/passkeys").await;
    assert!(nobody.text().contains("type=\"password\""), "sign in first");
}

#[tokio::test]
async fn browsers_are_told_where() {
    let world = world().await;
    let told = world.send(get("/.well-known/passkey-endpoints")).await;
    let page = world.url("/account/passkeys");
    assert_eq!(
        serde_json::from_str::<Value>(&told.text()).unwrap(),
        json!({ "enroll": page, "manage": page })
    );
    let change = world.send(get("/.well-known/change-password")).await;
    assert_eq!(change.status, 303);
    assert_eq!(change.header("location"), Some(world.url("/account/password").as_str()));
}
