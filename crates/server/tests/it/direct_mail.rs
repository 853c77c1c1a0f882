//! Signing in by mail over HTTP: asked for, opened anywhere, finished where it was asked for.

use crate::direct_mfa::partial;
use crate::pages_codes::{add_phone, messages};
use crate::wire::{get, post};
use crate::world::{SPA_ORIGIN, World, world_where};
use countersign_contract::flow::post as mailbox;
use countersign_issuer::model::Message;
use countersign_issuer::model::message::Way;
use countersign_issuer::outbox;
use countersign_issuer::port::Accounts;
use serde_json::json;
use std::time::Duration;

const ADA: &str = "ada@example.test";

async fn world() -> World {
    world_where(|_| (), |settings| settings.login.mail = true).await
}

async fn mail(world: &World) -> Message {
    let mut taken = outbox::take(&world.issuer, Way::Mail, 10).await.unwrap();
    assert_eq!(taken.len(), 1);
    outbox::open(&world.issuer, &taken.remove(0).job).unwrap()
}

#[tokio::test]
async fn a_code_is_asked_for_and_taken() {
    let world = world().await;
    let ask = json!({ "email": ADA, "client_id": "spa", "scope": "openid read" });
    let asked = world.send(post("/auth/passwordless/code").json(&ask).with("Origin", SPA_ORIGIN)).await;
    assert_eq!((asked.status, asked.header("cache-control")), (202, Some("no-store")), "{}", asked.text());
    assert_eq!(asked.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    assert!(asked.header("set-cookie").unwrap().starts_with("countersign-flow="));
    let said = asked.json();
    assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), ["flow"], "nothing of the person");
    let mail = mail(&world).await;
    let right = json!({ "email": ADA, "code": mailbox::code(&mail).unwrap(), "flow": said["flow"] });
    let verify = || post("/auth/passwordless/verify").with("Origin", SPA_ORIGIN);
    let done = world.send(verify().json(&right)).await;
    assert_eq!((done.status, done.header("cache-control")), (200, Some("no-store")), "{}", done.text());
    assert_eq!(done.header("access-control-allow-origin"), Some(SPA_ORIGIN));
    assert_eq!(done.json()["scope"], "openid read");
    let token = done.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.send(get("/oauth/userinfo").bearer(&token)).await.status, 200);
    let again = world.send(verify().json(&right)).await;
    assert_eq!((again.status, again.error().as_str()), (401, "code_expired"));
}

#[tokio::test]
async fn a_link_signs_in_where_it_was_asked_for() {
    let world = world().await;
    for client in [json!({}), json!({ "client_id": "spa" })] {
        let mut ask = json!({ "email": ADA });
        ask.as_object_mut().unwrap().extend(client.as_object().unwrap().clone());
        let asked = world.send(post("/auth/passwordless/request").json(&ask)).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        let mail = mail(&world).await;
        let link = mailbox::link(&mail).unwrap();
        let token = link.split_once("token=").unwrap().1;
        for _ in 0..3 {
            let page = world.send(get(&format!("/auth/verify?token={token}"))).await;
            assert_eq!(page.status, 200);
            let text = page.text();
            assert!(text.contains(mailbox::code(&mail).unwrap()), "elsewhere: a code, for {client}");
            assert!(!text.contains("value=\"sign_in\""), "and no button");
        }
        let cookie = asked.cookie("countersign-flow").unwrap().split(';').next().unwrap().to_owned();
        let page = get(&format!("/auth/verify?token={token}")).with("Cookie", &cookie);
        assert!(world.send(page).await.text().contains("value=\"sign_in\""), "here: a button, for {client}");

        let bare = world.send(post("/auth/verify").json(&json!({ "token": token }))).await;
        assert_eq!((bare.status, bare.error().as_str()), (400, "invalid_request"));
        let right = json!({ "token": token, "flow": asked.json()["flow"] });
        let done = world.send(post("/auth/verify").json(&right)).await;
        assert_eq!(done.status, 200, "{}", done.text());
        assert_eq!(done.json()["session_token"], done.json()["access_token"]);
        let again = world.send(post("/auth/verify").json(&right)).await;
        assert_eq!((again.status, again.error().as_str()), (401, "code_expired"));
    }
}

/// The mail speaks the language of the call, known address or not; the account's own would tell them apart.
#[tokio::test]
async fn mails_speak_the_language_of_the_call() {
    let world = world().await;
    world.store.set_locale(&world.ada, "ja").await.unwrap();
    for (accept, lang) in [(Some("fr-CA,fr;q=0.9"), "fr"), (Some("tlh"), "en"), (None, "en")] {
        for path in ["/auth/passwordless/request", "/auth/passwordless/code"] {
            for email in [ADA, "nobody@example.test"] {
                // Past what is sent to one mailbox at a time.
                world.clock.advance(Duration::from_secs(3600));
                let ask = post(path).json(&json!({ "email": email })).maybe("Accept-Language", accept);
                assert_eq!(world.send(ask).await.status, 202);
                let newest = messages(&world).await.pop().unwrap();
                assert_eq!(newest.lang, lang, "{path} {email} {accept:?}");
            }
        }
    }
}

/// Whoever came as far as the second step is known: their language, else that of the call.
#[tokio::test]
async fn codes_of_the_second_step_speak_the_language_of_the_account() {
    let world = world_where(|_| (), |settings| settings.login.sms = true).await;
    add_phone(&world).await;
    for (own, accept, lang) in [(None, "fr", "fr"), (Some("ja"), "fr", "ja")] {
        world.clock.advance(Duration::from_secs(3600));
        if let Some(own) = own {
            world.store.set_locale(&world.ada, own).await.unwrap();
        }
        let token = partial(&world, json!({})).await;
        let ask = post("/auth/mfa/challenge").json(&json!({ "token": token, "method": "sms" }));
        let sent = world.send(ask.with("Accept-Language", accept)).await;
        assert_eq!(sent.status, 202, "{}", sent.text());
        assert_eq!(messages(&world).await.pop().unwrap().lang, lang, "{own:?}");
    }
}
