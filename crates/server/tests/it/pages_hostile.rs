//! Whatever stands in an address, a field or a name: it is shown as text, and leads nowhere.

use crate::pages::request;
use crate::tab::{Browser, form_to};
use crate::wire::{Answer, form, get, post};
use crate::world::{CALLBACK, PASSWORD, World, world};
use countersign_contract::fixture;
use countersign_issuer::model::{Actor, EventDraft, EventKind, Secret};
use countersign_issuer::port::{Clients, Users};

const TAINTS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><svg onload=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "</title><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 191 }}{% for x in y %}",
    "\u{202e}<b>\u{2066}",
    "a\r\nSet-Cookie: stolen=1\r\n\r\n<script>",
    "%0d%0aLocation:%20https://evil.example",
    "\u{feff}\u{0}\u{1b}[2J<i>",
];

/// Nothing of the taint became markup, a header, or a place to go.
fn inert(answer: &Answer, taint: &str, place: &str) {
    assert!(answer.status < 500, "{place} {taint:?}: {}", answer.status);
    for (name, value) in &answer.headers {
        let stolen = name == "set-cookie" && value.contains("stolen");
        assert!(!value.contains('<') && !stolen, "{place} {taint:?}: {name}: {value}");
    }
    let known = |l: &str| l.starts_with("http://localhost:") || l.starts_with(CALLBACK);
    assert!(
        answer.header("location").is_none_or(known),
        "{place} {taint:?}: {:?}",
        answer.header("location")
    );
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for raw in [
        "<script>alert",
        "<svg onload",
        "<img",
        "<b>",
        "<i>",
        "1337",
        "href=\"javascript",
        "action=\"javascript",
        "' autofocus",
    ] {
        assert!(!text.contains(raw), "{place} {taint:?}: {raw} in {text}");
    }
    if answer.header("content-type").is_some_and(|t| t.starts_with("text/html")) {
        assert!(text.contains("</html>"), "{place} {taint:?}: {text}");
        assert_eq!(text.matches("</title>").count(), 1, "{place} {taint:?}");
    }
}

#[tokio::test]
async fn addresses_are_text() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for taint in TAINTS {
        for name in [
            "login_hint",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "nonce",
            "prompt",
            "max_age",
            "resume",
            "response_type",
            "response_mode",
            "ui_locales",
            "acr_values",
            "id_token_hint",
            "code_challenge",
            "code_challenge_method",
            "display",
            "claims",
            "request",
            "request_uri",
            "resource",
            "something",
        ] {
            inert(&browser.send(get(&request(&[(name, taint)]))).await, taint, name);
        }
        for (path, name) in [
            ("/oauth/authorize", "resume"),
            ("/oauth/logout", "post_logout_redirect_uri"),
            ("/oauth/logout", "id_token_hint"),
            ("/oauth/logout", "client_id"),
            ("/oauth/logout", "state"),
            ("/login", "resume"),
            ("/login", "next"),
            ("/account", "done"),
        ] {
            inert(&browser.send(get(&format!("{path}?{}", form(&[(name, taint)])))).await, taint, path);
            let posted = browser.send(post(path).form(&[(name, taint)])).await;
            inert(&posted, taint, path);
        }
        let path: String = url::form_urlencoded::byte_serialize(taint.as_bytes()).collect();
        inert(&browser.send(get(&format!("/{path}"))).await, taint, "path");
        inert(&browser.send(get("/login").with("X-Forwarded-Host", "evil.example")).await, taint, "host");
    }
}

#[tokio::test]
async fn fields_are_text() {
    let world = world().await;
    for taint in TAINTS {
        let mut browser = Browser::new(&world);
        let page = browser.open(&request(&[])).await;
        let form = form_to(&page, "/login");
        inert(
            &browser.post(&form.clone().set("username", taint).set("password", "x")).await,
            taint,
            "username",
        );
        inert(
            &browser.post(&form.clone().set("username", "ada").set("password", taint)).await,
            taint,
            "password",
        );
        for field in ["resume", "next", "redirect_uri", "form_token"] {
            let form = form.clone().set("username", "ada").set("password", PASSWORD).set(field, taint);
            inert(&browser.post(&form).await, taint, field);
        }
        world.clock.advance(std::time::Duration::from_secs(3_600));
    }
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    let consent = browser.sign_in(&page, "ada", PASSWORD).await;
    let account = browser.open("/account").await;
    for taint in TAINTS {
        let form = form_to(&consent, "/consent");
        inert(&browser.post(&form.clone().set("choice", taint)).await, taint, "choice");
        inert(&browser.post(&form.press("allow").set("resume", taint)).await, taint, "resume");
        let form = form_to(&account, "/account/sign-out");
        inert(&browser.post(&form.set("me", taint)).await, taint, "me");
    }
}

/// Names as clients, operators and browsers chose them.
async fn named(world: &World, taint: &str) {
    let event = |kind| EventDraft::new(kind, Actor::Operator);
    let mut client = fixture::client("named");
    client.metadata.client_name = Some(taint.to_owned());
    client.metadata.client_uri = Some(taint.to_owned());
    client.metadata.policy_uri = Some(format!("javascript:alert(1)//{taint}"));
    client.metadata.tos_uri = Some("https://app.example.test/\"><script>alert(1)</script>".to_owned());
    world.store.apply_clients(vec![client], vec![event(EventKind::ClientApplied)]).await.unwrap();
    let mut mallory = fixture::new_user(&countersign_contract::SeededEntropy::new(5), "mallory");
    mallory.name = Some(taint.to_owned());
    mallory.password = Some(Secret::new(format!("plain:{PASSWORD}")));
    world.store.create_user(mallory, event(EventKind::UserCreated)).await.unwrap();
    world.issuer.follow().await.unwrap();
}

#[tokio::test]
async fn names_are_text() {
    for taint in TAINTS {
        let world = world().await;
        named(&world, taint).await;
        let mut browser = Browser::new(&world);
        let page = browser.open(&request(&[("client_id", "named")])).await;
        inert(&page, taint, "sign-in");
        let agent = taint.chars().filter(|c| matches!(c, ' '..='~')).collect::<String>();
        let form = form_to(&page, "/login").set("username", "mallory").set("password", PASSWORD);
        let jar = format!("countersign-flow={}", browser.cookie("countersign-flow"));
        // The same browser under an odd name, which the sessions list will show.
        let answer = world.send(form.ask().with("Cookie", &jar).with("User-Agent", &agent)).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let session =
            answer.cookie("countersign-session").unwrap().split([';', '=']).nth(1).unwrap().to_owned();
        browser.cookies.insert("countersign-session".to_owned(), session);
        let consent = browser.follow(answer).await;
        assert!(consent.text().contains("Allow access?"), "{}", consent.text());
        assert!(!consent.text().contains("href=\"javascript"), "{}", consent.text());
        inert(&consent, taint, "consent");
        inert(
            &browser.open(&request(&[("client_id", "named"), ("prompt", "select_account")])).await,
            taint,
            "choice",
        );
        inert(&browser.open("/account").await, taint, "account");
        inert(&browser.open("/oauth/logout?client_id=named").await, taint, "sign out");
    }
}

#[tokio::test]
async fn nothing_leads_elsewhere() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    browser.sign_in(&page, "ada", PASSWORD).await;
    for place in [
        "https://evil.example/",
        "https://app.example.test.evil.example/callback",
        "https://app.example.test@evil.example/callback",
        "https://app.example.test/callback/",
        "https://app.example.test/callback?x=1",
        "https://app.example.test/callback#x",
        "https://app.example.test/callback/../../evil",
        "https://APP.example.test/callback",
        "https://app.example.test:443/callback",
        "http://app.example.test/callback",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app.example.test/callback\t",
        " https://app.example.test/callback",
        "https://app.example.test%2ecallback",
        "",
    ] {
        let ask = request(&[("client_id", "spa"), ("redirect_uri", place)]);
        for more in ["", "&prompt=none", "&response_mode=form_post", "&response_type=token"] {
            let answer = browser.send(get(&format!("{ask}{more}"))).await;
            assert_eq!((answer.status, answer.header("location")), (400, None), "{place:?} {more}");
            assert!(
                !answer.text().contains(&format!("=\"{place}")) || place.is_empty(),
                "{place:?}: {}",
                answer.text()
            );
        }
        let query = form(&[("client_id", "spa"), ("post_logout_redirect_uri", place)]);
        let answer = browser.send(get(&format!("/oauth/logout?{query}"))).await;
        assert_eq!(answer.header("location"), None, "logout {place:?}");
        if !place.is_empty() {
            assert_eq!(answer.status, 400, "logout {place:?}");
        }
        for name in ["next", "rd", "return_to", "redirect_uri", "continue", "url"] {
            let answer = browser.send(get(&format!("/login?{}", form(&[(name, place)])))).await;
            assert_eq!(answer.header("location"), Some(world.url("/account").as_str()), "{name} {place:?}");
        }
    }
    for path in [
        "//evil.example",
        "//evil.example/login",
        "/\\evil.example",
        "/login//evil.example",
        "/.//evil.example",
    ] {
        let answer = browser.send(get(path)).await;
        assert_eq!((answer.status, answer.header("location")), (404, None), "{path}");
    }
    let answer = browser.send(get("/login").with("Host", "evil.example")).await;
    assert_eq!(answer.header("location"), Some(world.url("/account").as_str()), "Host says nothing");
    let good = browser.send(get(&request(&[("client_id", "spa")]))).await;
    assert!(good.header("location").unwrap().starts_with(CALLBACK), "the one way there is");
}
