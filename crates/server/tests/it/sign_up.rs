//! `prompt=create`: an application asks for an account to be made, and gets a code for it.

use crate::pages::request;
use crate::tab::{Browser, answer_of, form_to};
use crate::wire::{Answer, get};
use crate::world::{PASSWORD, World, world, world_where};
use countersign_contract::flow::post as mailbox;
use countersign_issuer::account::signup::SignUp;
use countersign_issuer::model::message::Way;
use countersign_issuer::outbox;
use countersign_issuer::port::Accounts;

const NEW: &str = "nine purple elephants yawn";
const NORA: &str = "nora@example.test";

async fn open_house() -> World {
    let change = |settings: &mut countersign_issuer::Settings| {
        settings.login.mail = true;
        settings.sign_up = SignUp { enabled: true, domains: Vec::new() };
    };
    world_where(|_| {}, change).await
}

fn create(client: &str) -> String {
    request(&[("client_id", client), ("prompt", "create"), ("login_hint", NORA)])
}

/// Where the page's link to the sign-in leads.
fn have_one(page: &Answer) -> String {
    let text = page.text().replace("&#x2f;", "/").replace("&amp;", "&").replace("&#x3d;", "=");
    let (_, rest) = text.split_once("href=\"/oauth/authorize?resume=").unwrap_or_else(|| panic!("{text}"));
    format!("/oauth/authorize?resume={}", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn the_way_leads_over_the_mailbox_back_to_the_application() {
    let world = open_house().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&create("spa")).await;
    let form = form_to(&page, "/signup");
    assert_eq!(form.field("email"), NORA, "the hint");
    let sent = browser.submit(&form.set("name", "Nora").set("password", NEW)).await;
    assert!(sent.text().contains("Check your mail"), "{}", sent.text());
    let mail = outbox::take(&world.issuer, Way::Mail, 10).await.unwrap().remove(0);
    let mail = outbox::open(&world.issuer, &mail.job).unwrap();
    let code = form_to(&sent, "/signup/confirm").set("code", mailbox::code(&mail).unwrap());
    let answer = answer_of(&browser.submit(&code).await);
    assert_eq!(answer["state"], "s1");
    let tokens = world.send(world.redeem(&answer["code"])).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let who = world.send(get("/oauth/userinfo").bearer(&token)).await.json();
    assert_eq!((&who["email"], &who["email_verified"]), (&NORA.into(), &true.into()));
}

#[tokio::test]
async fn who_has_an_account_signs_in_and_is_not_asked_again() {
    let world = open_house().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&create("spa")).await;
    let back = have_one(&page);
    let page = browser.open(&back).await;
    assert!(page.text().contains("current-password"), "{}", page.text());
    let answer = answer_of(&browser.sign_in(&page, "ada", PASSWORD).await);
    assert!(answer.contains_key("code"), "{answer:?}");

    // Signed in, and asked for an account once more: the page is shown, and the way back asks which one.
    world.clock.advance_seconds(10);
    let page = browser.open(&create("spa")).await;
    let back = have_one(&page);
    assert_eq!(form_to(&page, "/signup").field("email"), NORA);
    let choose = browser.open(&back).await;
    let form = form_to(&choose, "/consent");
    let answer = answer_of(&browser.submit(&form.press("continue")).await);
    assert!(answer.contains_key("code"), "{answer:?}");
    assert!(world.store.find_account(NORA).await.unwrap().it.is_none(), "nobody was made");
}

#[tokio::test]
async fn where_nobody_signs_up_it_is_the_sign_in_page() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&create("spa")).await;
    assert!(page.text().contains("current-password"), "{}", page.text());
    let metadata = world.send(get("/.well-known/openid-configuration")).await.json();
    let prompts = metadata["prompt_values_supported"].as_array().unwrap();
    assert!(!prompts.contains(&"create".into()));
    let open = open_house().await;
    let metadata = open.send(get("/.well-known/openid-configuration")).await.json();
    assert!(metadata["prompt_values_supported"].as_array().unwrap().contains(&"create".into()));
}

#[tokio::test]
async fn it_stands_alone() {
    let world = open_house().await;
    for prompt in ["create none", "login create", "create consent", "select_account create"] {
        let asked = request(&[("client_id", "spa"), ("prompt", prompt)]);
        let answer = answer_of(&world.send(get(&asked)).await);
        assert_eq!(
            (answer["error"].as_str(), answer["state"].as_str()),
            ("invalid_request", "s1"),
            "{prompt}"
        );
    }
}
