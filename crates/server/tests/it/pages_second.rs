//! The second step on the sign-in pages: codes of an app and codes on paper.

use crate::direct_mfa::enrolled;
use crate::tab::{Browser, form_to};
use crate::world::{PASSWORD, world};
use countersign_contract::flow::caller;
use countersign_contract::flow::totp::shown;
use countersign_issuer::account::enrol::recovery_code;
use countersign_issuer::port::{BrowserSessions, Users};

#[tokio::test]
async fn a_code_of_the_app_is_the_second_step() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    let second = browser.sign_in(&page, "ada", PASSWORD).await;
    assert!(second.text().contains("One more step"), "{}", second.text());
    assert_eq!(second.cookie("countersign-session"), None, "not signed in yet");

    let wrong = browser.submit(&form_to(&second, "/login/totp").set("code", "12345")).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("That code did not work."), "{}", wrong.text());
    let code = shown(&pending, world.clock.now());
    let typed = form_to(&wrong, "/login/totp").set("code", code.expose());
    let mut other = Browser::new(&world);
    other.open("/login").await;
    assert!(other.submit(&typed).await.status >= 400, "another browser's sign-in");
    let done = browser.submit(&typed).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());

    let mut twice = Browser::new(&world);
    let page = twice.open("/login").await;
    let second = twice.sign_in(&page, "ada", PASSWORD).await;
    let again = twice.submit(&form_to(&second, "/login/totp").set("code", code.expose())).await;
    assert!(again.text().contains("That code did not work."), "a code is good once");
}

#[tokio::test]
async fn a_code_on_paper_is_the_second_step() {
    let world = world().await;
    enrolled(&world).await;
    let ada = world.store.subject(&world.ada).await.unwrap().it.unwrap().user;
    let codes = recovery_code::make(&world.issuer, &ada, None, &caller()).await.unwrap();
    for good in [true, false] {
        let mut browser = Browser::new(&world);
        let page = browser.open("/login").await;
        let second = browser.sign_in(&page, "ada", PASSWORD).await;
        let typed = form_to(&second, "/login/recovery_code").set("code", &codes[0].expose().to_lowercase());
        let done = browser.submit(&typed).await;
        assert_eq!(done.text().contains("Where you are signed in"), good, "once");
    }
}

/// The factors that are guessed, at the second step: too many tries are told as such, with when to come back.
#[tokio::test]
async fn too_many_codes_are_put_off() {
    let world = world().await;
    enrolled(&world).await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    let second = browser.sign_in(&page, "ada", PASSWORD).await;
    for path in ["/login/totp", "/login/recovery_code"] {
        let mut refused = 0;
        let put_off = loop {
            let typed = form_to(&second, path).set("code", "000000");
            let answer = browser.submit(&typed).await;
            if answer.status != 422 {
                break answer;
            }
            refused += 1;
            assert!(refused <= 20, "{path}: no end of guesses");
        };
        assert_eq!(put_off.status, 429, "{path}: {}", put_off.text());
        let wait: u64 = put_off.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&wait), "{path}: {wait}");
        assert!(put_off.text().contains("Too many"), "{path}: {}", put_off.text());
        form_to(&put_off, path);
    }
}

/// Two tabs at the second step, one code: whoever comes late with it stays signed in.
#[tokio::test]
async fn a_used_code_in_another_tab_signs_nobody_out() {
    let world = world().await;
    let pending = enrolled(&world).await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    let (one, two) =
        (browser.sign_in(&page, "ada", PASSWORD).await, browser.sign_in(&page, "ada", PASSWORD).await);
    let code = shown(&pending, world.clock.now());
    let done = browser.submit(&form_to(&one, "/login/totp").set("code", code.expose())).await;
    assert!(done.text().contains("Where you are signed in"), "{}", done.text());
    let late = browser.submit(&form_to(&two, "/login/totp").set("code", code.expose())).await;
    assert!(late.text().contains("Where you are signed in"), "{} {}", late.status, late.text());
    assert!(browser.open("/account").await.text().contains("Where you are signed in"));
    assert_eq!(world.store.list_browsers(&world.ada).await.unwrap().len(), 1, "one session");
}
