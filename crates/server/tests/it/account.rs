//! The account pages, by a browser without script.

use crate::pages::{bob, request};
use crate::tab::{Browser, Form, answer_of, form_to, forms};
use crate::wire::Answer;
use crate::world::{PASSWORD, World, world, world_where};
use countersign_issuer::account::signup::SignUp;
use countersign_issuer::port::{Accounts, BrowserSessions, Totps};
use std::time::Duration;
use totp_rs::Totp;

const NEW: &str = "nine purple elephants yawn";

async fn signed_in<'w>(world: &'w World, name: &str) -> Browser<'w> {
    let mut browser = Browser::new(world);
    let page = browser.open("/account").await;
    let page = browser.sign_in(&page, name, PASSWORD).await;
    assert!(page.text().contains("Where you are signed in"), "{}", page.text());
    browser
}

/// What the app shows that was set up by this page.
fn shown(world: &World, page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("href=\"otpauth:").unwrap();
    let address =
        format!("otpauth:{}", rest.split('"').next().unwrap()).replace("&amp;", "&").replace("&#x2f;", "/");
    let now = u64::try_from(world.clock.now().seconds()).unwrap();
    Totp::from_url(&address).unwrap().generate(now).to_string()
}

#[tokio::test]
async fn every_page_is_there_and_asks_to_sign_in() {
    let world = world().await;
    let mut browser = signed_in(&world, "ada").await;
    for (path, needed) in [
        ("/account/security", "Ways to sign in"),
        ("/account/totp", "Show this to the app"),
        ("/account/phone", "sends no text messages"),
        ("/account/password", "New password"),
        ("/.well-known/change-password", "New password"),
        ("/account/email", "Another address"),
        ("/account/consents", "Applications with access"),
        ("/account/data", "Take your data"),
        ("/account/delete", "To confirm, type"),
        ("/account/recovery-codes", "Ways to sign in"),
    ] {
        let page = browser.open(path).await;
        assert!(page.status == 200 && page.text().contains(needed), "{path}: {}", page.text());
        let stranger = Browser::new(&world).open(path).await;
        assert!(stranger.text().contains("current-password"), "{path}: {}", stranger.text());
    }
}

#[tokio::test]
async fn a_password_is_changed_and_others_are_signed_out() {
    let world = world().await;
    let (mut laptop, mut phone) = (signed_in(&world, "ada").await, signed_in(&world, "ada").await);
    world.clock.advance(Duration::from_secs(601));
    let page = laptop.open("/account/password").await;
    let form = form_to(&page, "/account/password");
    assert_eq!(form.field("old"), "", "not fresh: the old one is asked for");
    let wrong = laptop.submit(&form.clone().set("old", "not the password").set("password", NEW)).await;
    assert!(wrong.status == 422 && wrong.text().contains("role=\"alert\""), "{}", wrong.text());
    let weak = laptop.submit(&form.clone().set("old", PASSWORD).set("password", "password1")).await;
    assert!(weak.status == 422 && weak.text().contains("too easy"), "{}", weak.text());
    laptop.open("/account/password?lang=de").await;
    let weak = laptop.submit(&form.clone().set("old", PASSWORD).set("password", "password1")).await;
    assert!(
        weak.text().contains("zu leicht zu erraten") && !weak.text().contains("too easy"),
        "{}",
        weak.text()
    );
    laptop.open("/account?lang=en").await;
    let done = laptop.submit(&form.set("old", PASSWORD).set("password", NEW)).await;
    assert!(done.text().contains("Your password is changed"), "{}", done.text());
    assert!(phone.open("/account").await.text().contains("current-password"));
    let page = phone.open("/login").await;
    assert_eq!(phone.sign_in(&page, "ada", PASSWORD).await.status, 422);
    assert_eq!(phone.sign_in(&page, "ada", NEW).await.status, 200);
}

#[tokio::test]
async fn devices_are_listed_and_forgotten() {
    let world = world().await;
    bob(&world).await;
    let (mut laptop, mut other) = (signed_in(&world, "ada").await, signed_in(&world, "ada").await);
    let mut bobs = signed_in(&world, "bob").await;
    let forget = |page: &Answer| forms(page).into_iter().filter(|f| f.action == "/account/devices/forget");
    let page = laptop.open("/account").await;
    assert_eq!(forget(&page).count(), 2, "{}", page.text());
    // This browser's are its session and its device.
    assert_eq!(page.text().matches("This browser</span>").count(), 2);
    let theirs = forget(&other.open("/account").await).next().unwrap();
    let mine = forget(&bobs.open("/account").await).next().unwrap();
    let stolen = bobs.submit(&mine.clone().set("id", theirs.field("id"))).await;
    assert!(stolen.text().contains("forgotten already"), "{}", stolen.text());
    for odd in ["", "x", "AAAA", "../x"] {
        let answer = bobs.submit(&mine.clone().set("id", odd)).await;
        assert!(answer.status == 400 || answer.text().contains("forgotten already"), "{odd}");
    }
    let as_ada = mine.set("me", theirs.field("me"));
    assert!(bobs.submit(&as_ada).await.text().contains("Nothing was done"));
    assert_eq!(world.store.list_devices(&world.ada).await.unwrap().len(), 2);

    let page = laptop
        .submit(
            &theirs
                .clone()
                .set("form_token", form_to(&page, "/account/devices/forget-all").field("form_token")),
        )
        .await;
    assert!(page.text().contains("The device is forgotten."), "{}", page.text());
    assert_eq!(forget(&page).count(), 1);
    assert!(other.open("/account").await.text().contains("Where you are signed in"), "still signed in");
    let page = laptop.submit(&form_to(&page, "/account/devices/forget-all")).await;
    assert!(
        page.text().contains("All devices are forgotten.") && forget(&page).count() == 0,
        "{}",
        page.text()
    );
    assert_eq!(world.store.list_devices(&world.ada).await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_app_is_set_up_and_proves_the_next_step_up() {
    let world = world().await;
    let mut browser = signed_in(&world, "ada").await;
    let page = browser.open("/account/totp").await;
    let form = form_to(&page, "/account/totp");
    let wrong = browser.submit(&form.clone().set("code", "000000x")).await;
    assert_eq!(wrong.status, 422);
    let done = browser.submit(&form_to(&wrong, "/account/totp").set("code", &shown(&world, &page))).await;
    assert!(done.text().contains("They are shown this once"), "{}", done.text());
    assert_eq!(done.text().matches("<li><code>").count(), 10);
    let security = browser.open("/account/security").await;
    assert!(security.text().contains("10 left"), "{}", security.text());
    // A password alone no longer reaches the pages that change something.
    let deleted = browser.open("/account/delete").await;
    assert!(!deleted.text().contains("To confirm, type"), "{}", deleted.text());
    assert!(world.store.account(&world.ada).await.unwrap().it.unwrap().enrolled.totp);
}

#[tokio::test]
async fn a_second_factor_is_set_up_on_the_way_where_one_is_demanded() {
    let world =
        world_where(|_| {}, |settings| settings.login.mfa = countersign_issuer::login::Mfa::Always).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[("client_id", "spa")])).await;
    let enrol = browser.sign_in(&page, "ada", PASSWORD).await;
    assert!(enrol.text().contains("Set up a second step"), "{}", enrol.text());
    assert_eq!(browser.cookie("countersign-session"), "", "no session before");
    let form = form_to(&enrol, "/login/enrol");
    let early = Form { action: "/login/enrol/done".to_owned(), ..form.clone() };
    let still = browser.submit(&early).await;
    assert!(still.text().contains("Set up a second step"), "{}", still.text());
    let wrong = browser.submit(&form.clone().set("code", "12345")).await;
    assert!(wrong.status == 422 && browser.cookie("countersign-session").is_empty());
    let code = shown(&world, &enrol);
    let codes = browser.submit(&form.clone().set("code", &code)).await;
    assert!(codes.text().contains("Your new codes"), "{}", codes.text());
    let answer = answer_of(&browser.submit(&form_to(&codes, "/login/enrol/done")).await);
    assert!(answer.contains_key("code"), "{answer:?}");
    // The form once more: its key is in force, what it proved is spent.
    let again = browser.submit(&form.set("code", &code)).await;
    assert!(again.status != 200 || again.header("location").is_some() || again.text().contains("password"));
}

#[tokio::test]
async fn data_is_taken_and_the_account_deleted() {
    let world = world().await;
    bob(&world).await;
    let mut browser = signed_in(&world, "ada").await;
    let take = form_to(&browser.open("/account/data").await, "/account/data");
    let file = browser.post(&take).await;
    assert_eq!(file.header("content-type"), Some("application/json"));
    assert!(file.header("content-disposition").unwrap().starts_with("attachment"));
    let document = file.json();
    assert_eq!(document["profile"]["email"], "ada@example.test");
    assert!(!file.text().contains("plain:") && !file.text().contains("bob"), "{}", file.text());

    let form = form_to(&browser.open("/account/delete").await, "/account/delete");
    let wrong = browser.submit(&form.clone().set("email", "bob@example.test")).await;
    assert!(wrong.status == 422, "{}", wrong.text());
    let gone = browser.submit(&form.set("email", "Ada@example.test")).await;
    assert!(gone.text().contains("Your account is deleted"), "{}", gone.text());
    assert_eq!(browser.cookie("countersign-session"), "");
    let page = browser.open("/login").await;
    assert_eq!(browser.sign_in(&page, "ada", PASSWORD).await.status, 422);
    assert_eq!(browser.sign_in(&page, "bob", PASSWORD).await.status, 200, "others stay");
}

#[tokio::test]
async fn consent_is_taken_back() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[])).await;
    let consent = browser.sign_in(&page, "ada", PASSWORD).await;
    browser.submit(&form_to(&consent, "/consent").press("allow")).await;
    assert!(answer_of(&browser.open(&request(&[])).await).contains_key("code"));
    let page = browser.open("/account/consents").await;
    assert!(page.text().contains("Test app"), "{}", page.text());
    let form = form_to(&page, "/account/consents/withdraw");
    let done = browser.submit(&form).await;
    assert!(done.text().contains("has no access any more"), "{}", done.text());
    assert!(browser.submit(&form).await.text().contains("nothing to remove"));
    assert!(browser.open(&request(&[])).await.text().contains("Allow access?"));
}

/// Every form that changes an account, filled in.
async fn forms_of(browser: &mut Browser<'_>) -> Vec<Form> {
    let mut all = Vec::new();
    for path in ["/account/totp", "/account/password", "/account/data", "/account/delete"] {
        let page = browser.open(path).await;
        all.extend(forms(&page).into_iter().filter(|f| f.action != "/account/sign-out"));
    }
    let any = all[0].clone();
    for action in [
        "/account/totp/remove",
        "/account/phone",
        "/account/phone/confirm",
        "/account/phone/remove",
        "/account/recovery-codes",
        "/account/email",
        "/account/email/verify",
        "/account/email/confirm",
        "/account/consents/withdraw",
    ] {
        all.push(Form { action: action.to_owned(), ..any.clone() });
    }
    let fill = |form: Form| {
        form.set("code", "123456").set("password", NEW).set("email", "ada@example.test").set("client", "spa")
    };
    all.into_iter().map(fill).collect()
}

#[tokio::test]
async fn a_page_of_one_person_does_not_act_for_the_next() {
    let world = world().await;
    bob(&world).await;
    let mut browser = signed_in(&world, "ada").await;
    let adas = forms_of(&mut browser).await;
    let out = form_to(&browser.open("/account").await, "/account/sign-out");
    browser.submit(&out).await;
    let page = browser.open("/login").await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    for form in adas {
        let before = world.log_end().await;
        let answer = browser.submit(&form).await;
        assert!(answer.text().contains("Nothing was done"), "{form:?}: {}", answer.text());
        assert_eq!(world.log_end().await, before, "{form:?}");
    }
}

#[tokio::test]
async fn account_forms_count_only_from_our_page_in_this_browser() {
    let world = world().await;
    let mut browser = signed_in(&world, "ada").await;
    let mut other = Browser::new(&world);
    let foreign = form_to(&other.open("/login").await, "/login").field("form_token").to_owned();
    for form in forms_of(&mut browser).await {
        let before = (world.hashed(), world.log_end().await);
        let tries = [
            form.clone().without("form_token").ask(),
            form.clone().set("form_token", &foreign).ask(),
            form.ask().with("Sec-Fetch-Site", "cross-site"),
            form.ask().with("Origin", "https://evil.example"),
        ];
        for ask in tries {
            assert_eq!(browser.send(ask).await.status, 403, "{form:?}");
        }
        assert_eq!((world.hashed(), world.log_end().await), before, "{form:?}");
    }
    let live = world.store.list_browsers(&world.ada).await.unwrap();
    assert_eq!(live.len(), 1);
}

#[tokio::test]
async fn sign_up_and_recovery_answer_everybody_alike() {
    let world = world_where(
        |_| {},
        |settings| {
            settings.login.mail = true;
            settings.sign_up = SignUp { enabled: true, domains: Vec::new() };
        },
    )
    .await;
    let same = |page: &Answer, email: &str| page.text().replace(email, "-");
    for (path, fields) in
        [("/signup", [("name", "N"), ("password", NEW)]), ("/recover", [("a", "b"), ("c", "d")])]
    {
        let mut seen = Vec::new();
        for email in ["ada@example.test", "nobody@example.test"] {
            let mut browser = Browser::new(&world);
            let page = browser.open(path).await;
            let form = fields.iter().fold(form_to(&page, path).set("email", email), |f, (n, v)| f.set(n, v));
            let jobs = world.hashed();
            let answer = browser.submit(&form).await;
            assert!(answer.text().contains("Check your mail"), "{path}: {}", answer.text());
            let token = form.field("form_token").to_owned();
            let text = same(&answer, email)
                .replace(form_to(&answer, &format!("{path}/confirm")).field("form_token"), "-");
            seen.push((answer.status, text.replace(&token, "-"), world.hashed() - jobs));
        }
        assert_eq!(seen[0], seen[1], "{path}");
    }
    for (path, email) in [("/signup", ""), ("/signup", "ada"), ("/recover", ""), ("/recover", "a@b@c")] {
        let mut browser = Browser::new(&world);
        let form = form_to(&browser.open(path).await, path).set("email", email).set("password", NEW);
        assert_eq!(browser.submit(&form).await.status, 422, "{path} {email}");
    }
    let link = Browser::new(&world).open("/signup/confirm?token=nothing").await;
    assert!(link.status == 200 && link.text().contains("does not work any more"), "{}", link.text());
    let closed = crate::world::world().await;
    assert!(Browser::new(&closed).open("/signup").await.status == 400);
}

#[tokio::test]
async fn a_form_from_before_does_not_replace_what_was_set_up_since() {
    let world =
        world_where(|_| {}, |settings| settings.login.mfa = countersign_issuer::login::Mfa::Always).await;
    // Two who know the password; neither has a second factor to show yet.
    let (mut one, mut two) = (Browser::new(&world), Browser::new(&world));
    let page = one.open("/login").await;
    let first = one.sign_in(&page, "ada", PASSWORD).await;
    let page = two.open("/login").await;
    let second = two.sign_in(&page, "ada", PASSWORD).await;
    let form = form_to(&first, "/login/enrol").set("code", &shown(&world, &first));
    assert!(one.submit(&form).await.text().contains("Your new codes"));
    let secret = world.store.totp(&world.ada).await.unwrap().it;

    let form = form_to(&second, "/login/enrol").set("code", &shown(&world, &second));
    let late = two.submit(&form).await;
    assert!(!late.text().contains("Your new codes"), "{}", late.text());
    assert_eq!(two.cookie("countersign-session"), "");
    assert_eq!(world.store.totp(&world.ada).await.unwrap().it, secret, "the first one's stays");
}
