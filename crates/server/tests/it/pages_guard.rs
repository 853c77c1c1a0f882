//! What guards the pages: form tokens, where a form was sent from, cookies, headers; and two people in one
//! browser.

use crate::pages::{bob, request};
use crate::tab::{Browser, Form, answer_of, form_to};
use crate::wire::{Answer, Ask, get};
use crate::world::{PASSWORD, World, world, world_with};
use countersign_issuer::port::BrowserSessions;
use std::time::Duration;

const SESSION: &str = "countersign-session";
const FLOW: &str = "countersign-flow";

/// One form of every kind there is, as one signed-in browser sees it (the sign-in form apart, which comes first).
async fn forms_of(browser: &mut Browser<'_>) -> Vec<Form> {
    let page = browser.open(&request(&[])).await;
    let sign_in = form_to(&page, "/login").set("username", "ada").set("password", PASSWORD);
    let consent = form_to(&browser.submit(&sign_in).await, "/consent").press("allow");
    let account = browser.open("/account").await;
    let out = form_to(&browser.open("/oauth/logout").await, "/oauth/logout/confirm");
    let end = form_to(&account, "/account/sign-out").set("id", "b_x");
    let others = Form { action: "/account/end-others".to_owned(), ..end.clone() };
    let one = Form { action: "/account/end".to_owned(), ..end.clone() };
    vec![sign_in, consent, out, others, one, form_to(&account, "/account/sign-out")]
}

#[tokio::test]
async fn a_form_counts_only_from_our_page_in_this_browser() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let mut other = Browser::new(&world);
    let foreign = form_to(&other.open("/login").await, "/login").field("form_token").to_owned();
    let ours = world.url("");
    for form in forms_of(&mut browser).await {
        let with = |form: &Form, headers: &[(&str, &str)]| -> Ask {
            headers.iter().fold(form.ask(), |ask, (name, value)| ask.with(name, value))
        };
        let before = (world.hashed(), world.log_end().await);
        let asks = [
            ("no token", with(&form.clone().without("form_token"), &[])),
            ("empty token", with(&form.clone().set("form_token", ""), &[])),
            ("made-up token", with(&form.clone().set("form_token", &"A".repeat(43)), &[])),
            ("other browser's token", with(&form.clone().set("form_token", &foreign), &[])),
            ("cross-site", with(&form, &[("Sec-Fetch-Site", "cross-site")])),
            ("same-site", with(&form, &[("Sec-Fetch-Site", "same-site"), ("Origin", &ours)])),
            ("typed in", with(&form, &[("Sec-Fetch-Site", "none")])),
            ("wrong origin", with(&form, &[("Origin", "https://evil.example")])),
            ("nearly our origin", with(&form, &[("Origin", &format!("{ours}.evil.example"))])),
            ("other scheme", with(&form, &[("Origin", &ours.replace("http:", "https:"))])),
        ];
        for (why, ask) in asks {
            let answer = browser.send(ask).await;
            assert_eq!(answer.status, 403, "{why}: {form:?}");
            assert!(answer.text().contains("could not be accepted"), "{why}: {}", answer.text());
            assert_eq!(answer.cookie(SESSION), None, "{why}: {form:?}");
        }
        // Without cookies: a form that somebody else's page carries.
        let bare = world.send(with(&form, &[("Accept", "text/html")])).await;
        assert_eq!((bare.status, bare.cookie(SESSION)), (403, None), "no cookies: {form:?}");
        assert_eq!((world.hashed(), world.log_end().await), before, "nothing happened: {form:?}");
    }
    assert!(browser.open("/account").await.text().contains("Where you are signed in"));
}

#[tokio::test]
async fn old_browsers_and_private_ones_get_in() {
    let world = world().await;
    for headers in [&[][..], &[("Origin", "null")], &[("Origin", "null"), ("Sec-Fetch-Site", "same-origin")]]
    {
        let mut browser = Browser::new(&world);
        let form =
            form_to(&browser.open("/login").await, "/login").set("username", "ada").set("password", PASSWORD);
        let ask = headers.iter().fold(form.ask(), |ask, (name, value)| ask.with(name, value));
        let answer = browser.send(ask).await;
        assert_eq!(answer.status, 303, "{headers:?}: {}", answer.text());
    }
}

fn attributes(answer: &Answer, name: &str) -> Vec<String> {
    let line = answer.cookie(name).unwrap_or_else(|| panic!("no cookie {name}"));
    let mut attributes: Vec<_> = line.split("; ").skip(1).map(str::to_owned).collect();
    attributes.sort();
    attributes
}

#[tokio::test]
async fn cookies_are_host_cookies_out_of_scripts_reach() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    assert_eq!(attributes(&page, FLOW), ["HttpOnly", "Path=/", "SameSite=Lax"]);
    let form = form_to(&page, "/login").set("username", "ada").set("password", PASSWORD);
    let signed_in = browser.post(&form).await;
    assert_eq!(attributes(&signed_in, SESSION), ["HttpOnly", "Path=/", "SameSite=Lax"]);
    assert!(browser.open("/account").await.all("set-cookie").is_empty(), "set once");

    let public = world_with(|config| {
        config.public_url = "https://id.example.test".to_owned();
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let mut browser = Browser::new(&public);
    let page = browser.open("/login").await;
    assert_eq!(attributes(&page, "__Host-flow"), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    let form = form_to(&page, "/login").set("username", "ada").set("password", PASSWORD);
    let signed_in = browser.post(&form).await;
    assert_eq!(attributes(&signed_in, "__Host-session"), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    let out = form_to(&browser.open("/account").await, "/account/sign-out");
    let out = browser.post(&out).await;
    assert_eq!(
        attributes(&out, "__Host-session"),
        ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]
    );
}

#[tokio::test]
async fn the_session_cookie_changes_at_every_sign_in() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let planted = "p".repeat(43);
    browser.cookies.insert(SESSION.to_owned(), planted.clone());
    let page = browser.open("/login").await;
    browser.sign_in(&page, "ada", PASSWORD).await;
    let first = browser.cookie(SESSION).to_owned();
    assert!(first != planted && first.len() == 43, "{first}");

    world.clock.advance(Duration::from_secs(1));
    let page = browser.open(&request(&[("client_id", "spa"), ("prompt", "login")])).await;
    browser.sign_in(&page, "ada", PASSWORD).await;
    let second = browser.cookie(SESSION).to_owned();
    assert_ne!(first, second);

    let signed_in = async |value: &str| {
        let mut thief = Browser::new(&world);
        thief.cookies.insert(SESSION.to_owned(), value.to_owned());
        thief.open("/account").await.text().contains("Where you are signed in")
    };
    assert!(signed_in(&second).await && !signed_in(&planted).await);
    // Requests under way with the old value may still end; then it is dead.
    world.clock.advance(Duration::from_secs(31));
    assert!(!signed_in(&first).await && signed_in(&second).await);
    for odd in ["", "x", &format!("{second}x"), &second.to_uppercase(), &"é".repeat(20)] {
        assert!(!signed_in(odd).await, "{odd}");
    }
}

#[tokio::test]
async fn two_people_in_one_browser() {
    let world = world().await;
    bob(&world).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    let adas_consent = browser.sign_in(&page, "ada", PASSWORD).await;
    let adas_account = browser.open("/account").await;
    let adas_cookie = browser.cookie(SESSION).to_owned();

    // In a second tab somebody else signs in.
    world.clock.advance(Duration::from_secs(1));
    let page = browser.open(&request(&[("client_id", "spa"), ("prompt", "login")])).await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    assert!(browser.open("/account").await.text().contains("bob@example.test"));

    // Ada's open pages act for nobody else.
    for choice in ["allow", "deny"] {
        let answer = browser.submit(&form_to(&adas_consent, "/consent").press(choice)).await;
        assert!(
            answer.status == 200 && answer.text().contains("bob@example.test"),
            "{choice}: {}",
            answer.text()
        );
        assert!(form_to(&answer, "/consent").buttons.len() == 2, "bob is asked himself");
    }
    let end = world.log_end().await;
    for action in ["/account/sign-out", "/account/end-others", "/account/end"] {
        let form = Form {
            action: action.to_owned(),
            ..form_to(&adas_account, "/account/sign-out").set("id", "b_x")
        };
        let answer = browser.submit(&form).await;
        assert!(answer.text().contains("Somebody else has signed in"), "{action}: {}", answer.text());
    }
    assert_eq!(world.log_end().await, end, "nothing was written");

    // And her sign-in here is over, whatever became of its cookie.
    let mut copy = Browser::new(&world);
    copy.cookies.insert(SESSION.to_owned(), adas_cookie);
    assert!(copy.open("/account").await.text().contains("current-password"));
}

#[tokio::test]
async fn a_person_ends_only_their_own_sessions() {
    let world = world().await;
    bob(&world).await;
    let (mut ada, mut bob) = (Browser::new(&world), Browser::phone(&world));
    let page = ada.open("/login").await;
    ada.sign_in(&page, "ada", PASSWORD).await;
    let page = bob.open("/login").await;
    let account = bob.sign_in(&page, "bob", PASSWORD).await;
    let victim = world.store.list_browsers(&world.ada).await.unwrap()[0].id.to_string();
    for id in [victim.as_str(), "b_", "", "x", "AAAAAAAAAAAAAAAAAAAAAA", "' OR 1=1 --"] {
        let form = Form {
            action: "/account/end".to_owned(),
            ..form_to(&account, "/account/sign-out").set("id", id)
        };
        let answer = bob.submit(&form).await;
        assert_ne!(answer.status / 100, 5, "{id}");
        assert!(!answer.text().contains("The session has ended"), "{id}: {}", answer.text());
    }
    assert!(ada.open("/account").await.text().contains("Where you are signed in"));
}

/// Which pages may lead to a client, and where a referrer is sent.
#[tokio::test]
async fn headers_of_every_page() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let leads = false;
    let stays = true;
    let mut seen = vec![
        ("home", browser.open("/").await, stays, "no-referrer"),
        ("sign-in", browser.open("/login").await, stays, "same-origin"),
        ("unknown", browser.open("/nowhere").await, stays, "no-referrer"),
        ("bad request", browser.open("/oauth/authorize?client_id=nobody").await, stays, "no-referrer"),
    ];
    let page = browser.open(&request(&[])).await;
    let wrong = browser.sign_in(&page, "ada", "wrong").await;
    let consent = browser.sign_in(&page, "ada", PASSWORD).await;
    seen.push(("sign-in for a client", page, leads, "same-origin"));
    seen.push(("wrong password", wrong, leads, "same-origin"));
    seen.push(("consent", consent, leads, "same-origin"));
    let select = browser.open(&request(&[("prompt", "select_account")])).await;
    seen.push(("account choice or consent", select, leads, "same-origin"));
    seen.push(("account", browser.open("/account").await, stays, "same-origin"));
    let out = browser.open("/oauth/logout").await;
    let done = browser.submit(&form_to(&out, "/oauth/logout/confirm")).await;
    seen.push(("sign out?", out, leads, "no-referrer"));
    seen.push(("signed out", done, stays, "no-referrer"));
    for (name, answer, form_action, referrer) in seen {
        let csp = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(csp.contains(part), "{name}: {csp}");
        }
        assert!(!csp.contains("unsafe") && !csp.contains("http"), "{name}: {csp}");
        // Passkeys need a script of ours, which asks us for a challenge.
        let signs_in = name.starts_with("sign-in") || name == "wrong password";
        assert_eq!(csp.contains("script-src 'self'; connect-src 'self'"), signs_in, "{name}: {csp}");
        assert_eq!(csp.contains("script-src"), signs_in, "{name}: {csp}");
        assert_eq!(csp.contains("form-action 'self'"), form_action, "{name}: {csp}");
        assert_eq!(answer.header("referrer-policy"), Some(referrer), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{name}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{name}");
    }
    // The one page that posts itself.
    let posts = browser.open(&request(&[("client_id", "spa"), ("response_mode", "form_post")])).await;
    let posts = browser.sign_in(&posts, "ada", PASSWORD).await;
    let csp = posts.header("content-security-policy").unwrap();
    assert!(csp.contains("script-src 'self'") && !csp.contains("form-action"), "{csp}");
    // A pop-up of a client's page keeps its opener on the way, and nowhere else.
    assert_eq!(posts.header("cross-origin-opener-policy"), None);
    assert_eq!(browser.open("/account").await.header("cross-origin-opener-policy"), Some("same-origin"));
}

#[tokio::test]
async fn pages_of_a_sign_in_are_not_for_frames_or_other_methods() {
    let world: World = world().await;
    for path in ["/consent", "/account/end", "/account/sign-out", "/oauth/logout/confirm"] {
        let answer = world.send(get(path).with("Accept", "text/html")).await;
        assert!(answer.status == 405 && answer.text().contains("works differently"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    }
    let answer = answer_of(&Browser::new(&world).open(&request(&[("prompt", "none")])).await);
    assert_eq!(answer["state"], "s1");
}
