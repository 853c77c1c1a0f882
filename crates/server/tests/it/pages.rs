//! The ways through the pages, by a browser without script.

use crate::tab::{Browser, answer_of, form_to, forms};
use crate::wire::{form, get, post};
use crate::world::{CALLBACK, CHALLENGE, PASSWORD, VERIFIER, World, world, world_with};
use countersign_contract::{SeededEntropy, fixture};
use countersign_issuer::model::{Actor, EventDraft, EventKind, Secret};
use countersign_issuer::port::Users;
use std::time::Duration;

/// A request of a client that needs consent, with more parameters.
pub(crate) fn request(more: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "indirect"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email"),
        ("state", "s1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| !more.iter().any(|(n, _)| n == name));
    pairs.extend_from_slice(more);
    format!("/oauth/authorize?{}", form(&pairs))
}

/// Another person.
pub(crate) async fn bob(world: &World) {
    let mut bob = fixture::new_user(&SeededEntropy::new(99), "bob");
    bob.password = Some(Secret::new(format!("plain:{PASSWORD}")));
    let event = EventDraft::new(EventKind::UserCreated, Actor::Operator);
    world.store.create_user(bob, event).await.unwrap();
}

#[tokio::test]
async fn sign_in_consent_code_and_single_sign_on() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("to continue to <bdi>Test app</bdi>"), "{}", page.text());

    let page = browser.sign_in(&page, "ada@example.test", PASSWORD).await;
    assert_eq!(page.status, 200, "{}", page.text());
    for needed in ["Allow access?", "ada@example.test", "app.example.test", "See your email address"] {
        assert!(page.text().contains(needed), "{needed} in {}", page.text());
    }
    let answer = browser.submit(&form_to(&page, "/consent").press("allow")).await;
    let answer = answer_of(&answer);
    assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("s1", world.url("").as_str()));

    let ask = post("/oauth/token").form(&[
        ("grant_type", "authorization_code"),
        ("code", &answer["code"]),
        ("redirect_uri", CALLBACK),
        ("client_id", "indirect"),
        ("code_verifier", VERIFIER),
    ]);
    let tokens = world.send(ask).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    assert!(tokens.json()["id_token"].is_string());

    let again = answer_of(&browser.open(&request(&[])).await);
    assert!(again.contains_key("code") && again["code"] != answer["code"], "{again:?}");
}

#[tokio::test]
async fn saying_no_goes_back_to_the_client_with_an_error() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    let page = browser.sign_in(&page, "ada", PASSWORD).await;
    let answer = answer_of(&browser.submit(&form_to(&page, "/consent").press("deny")).await);
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("access_denied", "s1"));
    assert!(!answer.contains_key("code"));
    // Nothing was remembered: the next request asks again.
    assert!(browser.open(&request(&[])).await.text().contains("Allow access?"));
}

#[tokio::test]
async fn a_wrong_password_is_told_on_the_page_and_may_be_tried_again() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    let wrong = browser.sign_in(&page, "ada", "not the password").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("role=\"alert\"") && wrong.text().contains("Test app"), "{}", wrong.text());
    assert!(!wrong.text().contains("not the password"));
    assert_eq!(form_to(&wrong, "/login").field("username"), "ada");
    assert_eq!(wrong.cookie("countersign-session"), None);

    // Nobody of that name: the same answer, at the same cost.
    let jobs = world.hashed();
    let unknown = browser.sign_in(&page, "eve", "not the password").await;
    assert_eq!((unknown.status, world.hashed()), (422, jobs + 1));
    let same = |text: String, name: &str| text.replace(&format!("value=\"{name}\""), "value=\"-\"");
    assert_eq!(same(wrong.text(), "ada"), same(unknown.text(), "eve"));

    let missing = browser.sign_in(&wrong, "ada", "").await;
    assert_eq!((missing.status, world.hashed()), (422, jobs + 1));
    assert!(browser.sign_in(&wrong, "ada", PASSWORD).await.text().contains("Allow access?"));
}

#[tokio::test]
async fn too_many_attempts_say_when_to_come_back() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    for _ in 0..1_000 {
        let answer = browser.sign_in(&page, "ada", "not the password").await;
        if answer.status == 429 {
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!(wait > 0);
            assert!(answer.text().contains("Too many attempts") && answer.text().contains("Try again in"));
            // The page still shows its form, for later.
            world.clock.advance(Duration::from_secs(wait + 1));
            let later = browser.sign_in(&answer, "ada", PASSWORD).await;
            assert!(later.text().contains("Where you are signed in"), "{}", later.text());
            return;
        }
        assert_eq!(answer.status, 422);
    }
    panic!("never throttled");
}

#[tokio::test]
async fn proving_again_and_choosing_an_account() {
    let world = world().await;
    bob(&world).await;
    let mut browser = Browser::new(&world);
    let first_party = [("client_id", "spa"), ("prompt", "login")];
    let page = browser.open(&request(&first_party)).await;
    browser.sign_in(&page, "ada", PASSWORD).await;
    world.clock.advance(Duration::from_secs(5));

    let page = browser.open(&request(&first_party)).await;
    assert!(page.text().contains("Confirm it is you"), "{}", page.text());
    assert_eq!(form_to(&page, "/login").field("username"), "ada@example.test");
    let wrong = browser.sign_in(&page, "ada@example.test", "wrong").await;
    assert!(wrong.status == 422 && wrong.text().contains("Confirm it is you"));
    assert!(answer_of(&browser.sign_in(&wrong, "ada", PASSWORD).await).contains_key("code"));

    world.clock.advance(Duration::from_secs(5));
    let select = [("client_id", "spa"), ("prompt", "select_account")];
    let page = browser.open(&request(&select)).await;
    assert!(page.text().contains("Choose an account"), "{}", page.text());
    let on = browser.submit(&form_to(&page, "/consent").press("continue")).await;
    assert!(answer_of(&on).contains_key("code"));
    let other = browser.submit(&form_to(&page, "/consent").press("another")).await;
    assert_eq!(form_to(&other, "/login").field("username"), "");
    assert!(answer_of(&browser.sign_in(&other, "bob", PASSWORD).await).contains_key("code"));
    assert!(browser.open("/").await.text().contains("bob@example.test"));
}

#[tokio::test]
async fn no_page_when_none_is_wanted() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let answer = answer_of(&browser.open(&request(&[("prompt", "none")])).await);
    assert_eq!(answer["error"], "login_required");
}

#[tokio::test]
async fn twice_pressed_and_gone_back() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let start = request(&[]);
    let sign_in = browser.open(&start).await;
    let consent = browser.sign_in(&sign_in, "ada", PASSWORD).await;
    // The sign-in form once more, as by a second press or after going back.
    let again = browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert!(again.text().contains("Allow access?"), "{}", again.text());
    let allow = form_to(&consent, "/consent").press("allow");
    let (one, two) = (browser.submit(&allow).await, browser.submit(&allow).await);
    assert_ne!(answer_of(&one)["code"], answer_of(&two)["code"]);
    // Going back to the very first page goes on to the client.
    assert!(answer_of(&browser.open(&start).await).contains_key("code"));
    // One sign-in in the list, not three.
    let account = browser.open("/account").await;
    assert_eq!(sessions(&account).matches("Firefox on Linux").count(), 1, "{}", account.text());
}

/// The account page without the devices, which it also names.
fn sessions(page: &crate::wire::Answer) -> String {
    page.text().split("Devices that know you").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_left_open_too_long_says_how_to_start_again() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    let mut stranger = Browser::new(&world);
    stranger.open("/login").await;
    let token = form_to(&stranger.open("/login").await, "/login").field("form_token").to_owned();
    // Another browser's request, with that browser's own form token.
    let stolen =
        form_to(&page, "/login").set("form_token", &token).set("username", "ada").set("password", PASSWORD);
    let answer = stranger.submit(&stolen).await;
    assert!(answer.status == 400 && answer.text().contains("This took too long"), "{}", answer.text());

    world.clock.advance(Duration::from_secs(601));
    let jobs = world.hashed();
    let answer = browser.sign_in(&page, "ada", PASSWORD).await;
    assert_eq!((answer.status, world.hashed()), (400, jobs));
    assert!(answer.text().contains("start signing in again"), "{}", answer.text());
    let resume = form_to(&page, "/login").field("resume").to_owned();
    let back = browser.send(get(&format!("/oauth/authorize?{}", form(&[("resume", &resume)])))).await;
    assert!(back.status == 400 && back.text().contains("This took too long"));
}

#[tokio::test]
async fn an_answer_that_posts_itself() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[("client_id", "spa"), ("response_mode", "form_post")])).await;
    let page = browser.sign_in(&page, "ada", PASSWORD).await;
    assert_eq!(page.status, 200);
    let form = forms(&page).remove(0);
    assert_eq!(form.action, CALLBACK);
    assert_eq!((form.field("state"), form.field("iss")), ("s1", world.url("").as_str()));
    assert!(!form.field("code").is_empty());
    let text = page.text();
    let (_, script) = text.split_once("<script src=\"").unwrap();
    let script = script.split('"').next().unwrap().replace("&#x2f;", "/");
    let script = world.send(get(&script)).await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(script.text().contains("submit()"));
}

#[tokio::test]
async fn a_posted_request_comes_back_as_a_get() {
    let world = world().await;
    let (path, query) = {
        let r = request(&[]);
        let (p, q) = r.split_once('?').unwrap();
        (p.to_owned(), q.to_owned())
    };
    let cross = |ask: crate::wire::Ask| {
        ask.with("Origin", "https://app.example.test").with("Sec-Fetch-Site", "cross-site")
    };
    let answer =
        world.send(cross(post(&path).body("application/x-www-form-urlencoded", query.clone()))).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(world.url(&format!("{path}?{query}")).as_str()))
    );
    assert!(answer.all("set-cookie").is_empty());
    let answer = world.send(cross(post("/oauth/logout").form(&[("state", "a b&c")]))).await;
    assert_eq!(answer.header("location"), Some(world.url("/oauth/logout?state=a+b%26c").as_str()));
    for (content_type, body, status) in [
        ("application/json", "{}", 415),
        ("application/x-www-form-urlencoded", "a=%zz", 400),
        ("application/x-www-form-urlencoded", "a=\u{7}\r\nSet-Cookie: x=y<script>", 303),
    ] {
        let answer = world.send(post("/oauth/authorize").body(content_type, body)).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.all("set-cookie").is_empty());
    }
}

#[tokio::test]
async fn signing_out() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    browser.sign_in(&page, "ada", PASSWORD).await;
    let old = browser.cookie("countersign-session").to_owned();

    // Nobody is signed out by a link.
    let asked = browser.open("/oauth/logout").await;
    assert!(asked.text().contains("Do you want to sign out"), "{}", asked.text());
    assert!(browser.open("/account").await.text().contains("Where you are signed in"));

    let done = browser.submit(&form_to(&asked, "/oauth/logout/confirm")).await;
    assert!(done.text().contains("You are signed out"), "{}", done.text());
    assert_eq!(browser.cookie("countersign-session"), "");
    browser.cookies.insert("countersign-session".to_owned(), old);
    assert!(form_to(&browser.open("/account").await, "/login").fields.len() > 1, "the old value is dead");
}

#[tokio::test]
async fn signing_out_on_behalf_of_a_client() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[("client_id", "spa")])).await;
    let code = answer_of(&browser.sign_in(&page, "ada", PASSWORD).await)["code"].clone();
    let tokens = world.send(world.redeem(&code)).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    let home = "https://app.example.test/";
    let query = form(&[("id_token_hint", hint), ("post_logout_redirect_uri", home), ("state", "bye")]);
    let answer = browser.open(&format!("/oauth/logout?{query}")).await;
    assert_eq!(answer.header("location"), Some("https://app.example.test/?state=bye"));
    assert_eq!(browser.cookie("countersign-session"), "");

    let elsewhere = form(&[("id_token_hint", hint), ("post_logout_redirect_uri", "https://evil.example/")]);
    let answer = browser.open(&format!("/oauth/logout?{elsewhere}")).await;
    assert_eq!((answer.status, answer.header("location")), (400, None));
}

#[tokio::test]
async fn the_account_page_shows_and_ends_sessions() {
    let world = world().await;
    let mut laptop = Browser::new(&world);
    let page = laptop.open(&request(&[("client_id", "spa")])).await;
    let code = answer_of(&laptop.sign_in(&page, "ada", PASSWORD).await)["code"].clone();
    assert_eq!(world.send(world.redeem(&code)).await.status, 200);
    let mut phone = Browser::phone(&world);
    let page = phone.open("/account").await;
    let account = phone.sign_in(&page, "ada", PASSWORD).await;
    world.login("spa").await;
    for needed in ["ada of the tests", "Safari on iPhone", "Firefox on Linux", "This browser", "Test app"] {
        assert!(account.text().contains(needed), "{needed} in {}", account.text());
    }

    let ends = |page: &crate::wire::Answer| -> Vec<_> {
        forms(page).into_iter().filter(|f| f.action == "/account/end").collect()
    };
    let browser_end = ends(&account).into_iter().find(|f| f.field("id").starts_with("b_")).unwrap();
    let after = phone.submit(&browser_end).await;
    assert!(
        after.text().contains("The session has ended") && !sessions(&after).contains("Firefox"),
        "{}",
        after.text()
    );
    assert!(laptop.open("/account").await.text().contains("current-password"), "the laptop is signed out");
    let gone = phone.submit(&browser_end).await;
    assert!(gone.text().contains("had ended already"), "{}", gone.text());

    let app_end = ends(&after).remove(0);
    let after = phone.submit(&app_end).await;
    assert!(ends(&after).is_empty(), "{}", after.text());

    let page = laptop.open("/account").await;
    laptop.sign_in(&page, "ada", PASSWORD).await;
    let account = phone.open("/account").await;
    let alone = phone.submit(&form_to(&account, "/account/end-others")).await;
    assert!(alone.text().contains("signed in nowhere else"), "{}", alone.text());
    assert!(laptop.open("/account").await.text().contains("current-password"));
    let out = phone.submit(&form_to(&alone, "/account/sign-out")).await;
    assert!(out.text().contains("You are signed out"));
    assert!(phone.open("/account").await.text().contains("current-password"));
}

#[tokio::test]
async fn the_root_assets_and_unknown_addresses() {
    let world = world().await;
    let home = world.send(get("/").with("Accept", "text/html")).await;
    assert!(home.status == 200 && home.text().contains("/login"));
    let text = home.text();
    let (_, style) = text.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let style = style.split('"').next().unwrap().replace("&#x2f;", "/");
    let css = world.send(get(&style)).await;
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(css.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let known = get(&style).with("If-None-Match", css.header("etag").unwrap());
    assert_eq!(world.send(known).await.status, 304);
    for path in ["/assets/style.css", "/assets/", "/assets/%2e%2e/%2e%2e/Cargo.toml", "/nowhere"] {
        let answer = world.send(get(path).with("Accept", "text/html")).await;
        assert!(answer.status == 404 && answer.text().contains("There is no page here"), "{path}");
        let id = answer.header("x-request-id").unwrap();
        assert!(answer.text().contains(id), "the page names the request");
    }
}

#[tokio::test]
async fn a_folder_dresses_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("en.json"), r#"{"brand": "Lighthouse"}"#).unwrap();
    let dir = folder.path().to_owned();
    let world = world_with(|config| config.template_dir = Some(dir)).await;
    assert!(world.send(get("/login")).await.text().contains("Sign in · Lighthouse"));
}

#[tokio::test]
async fn below_a_path_links_and_forms_stay_below_it() {
    let world = world_with(|config| config.public_url.push_str("/id")).await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/id/login").await;
    let form = form_to(&page, "/id/login").set("username", "ada").set("password", PASSWORD);
    let answer = browser.post(&form).await;
    assert_eq!(answer.header("location"), Some(world.url("/account").as_str()));
}
