//! The direct API without a password, and codes that are sent as its second step.

use super::direct::tokens;
use super::totp::enrolled_with;
use super::{ISSUER, PASSWORD, World, caller, claims, post, refusal};
use crate::fixture;
use crate::stage::{Stage, at_once};
use countersign_issuer::direct::passwordless::{self, By, Started, Within};
use countersign_issuer::direct::{self, Done, Due, Login, Outcome, Wish, mfa};
use countersign_issuer::login::{Mfa, Policy};
use countersign_issuer::model::message::{About, Way};
use countersign_issuer::model::{EventKind, Factor, Message, Secret};
use countersign_issuer::{Result, Settings, outbox};
use std::sync::Arc;

const ADA: &str = "ada@example.test";
const PHONE: &str = "+491701234567";

/// The world, with a way for mail and one for SMS.
async fn world(stage: Stage) -> World {
    with(stage, |_| ()).await
}

async fn with(stage: Stage, change: impl FnOnce(&mut Policy)) -> World {
    let mut login = Policy { mail: true, sms: true, ..Policy::default() };
    change(&mut login);
    World::with(stage, Settings { login, ..Settings::new(ISSUER) }).await
}

fn at(client: Option<&str>, scope: Option<&str>) -> Wish {
    let own = |text: Option<&str>| text.map(str::to_owned);
    Wish { client_id: own(client), scope: own(scope), ..Wish::default() }
}

/// What waits to be sent, oldest first.
async fn sent(world: &World, way: Way) -> Vec<Message> {
    let mut all = Vec::new();
    for taken in outbox::take(&world.issuer, way, 100).await.unwrap() {
        all.push(outbox::open(&world.issuer, &taken.job).unwrap());
        assert!(world.stage.store.job_done(&taken).await.unwrap());
    }
    all
}

/// Asks, and reads the mail.
async fn ask(world: &World, by: By, email: &str, wish: &Wish, cookie: Option<&str>) -> (Started, Message) {
    let started = passwordless::request(&world.issuer, by, email, wish, cookie, "", &caller()).await.unwrap();
    let mut mails = sent(world, Way::Mail).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(post::address(&mails[0]), email);
    (started, mails.remove(0))
}

fn code(message: &Message) -> Secret {
    Secret::new(post::code(message).unwrap())
}

fn within(started: &Started) -> Within<'_> {
    Within { flow: Some(&started.flow), cookie: None }
}

async fn by_code(world: &World, email: &str, code: &Secret, within: Within<'_>) -> Result<Outcome> {
    passwordless::verify_code(&world.issuer, email, code, within, &caller()).await
}

async fn by_link(world: &World, message: &Message, within: Within<'_>) -> Result<Outcome> {
    let token = post::link(message).unwrap().split_once("token=").unwrap().1;
    passwordless::verify_link(&world.issuer, token, within, &caller()).await
}

/// A code of a mail: tokens for the client that asked, with what it asked for; once.
pub async fn passwordless_code(stage: Stage) {
    let world = world(stage).await;
    for (client, scope) in [(None, None), (Some("mobile"), None), (Some("mobile"), Some("openid read"))] {
        let (started, mail) = ask(&world, By::Code, ADA, &at(client, scope), None).await;
        assert!(matches!(mail.about, About::SignInCode(_)));
        let typed = code(&mail);
        let done = tokens(by_code(&world, " Ada@Example.test ", &typed, within(&started)).await.unwrap());
        let said = claims(&done.access_token);
        assert_eq!(said["client_id"], client.unwrap_or("countersign-direct"));
        assert_eq!(said["sub"], world.person("ada").await.user.id.as_str());
        assert_eq!(said["mfa_verified"], false, "one factor");
        if let Some(scope) = scope {
            assert_eq!(done.scope, scope);
        }
        let again = by_code(&world, ADA, &typed, within(&started)).await;
        assert_eq!(refusal(again.map(drop)), "code_expired");
    }
    // With nothing but the address: the newest one, and no other.
    let (_, old) = ask(&world, By::Code, ADA, &Wish::default(), None).await;
    world.wait(1).await;
    let (_, new) = ask(&world, By::Code, ADA, &Wish::default(), None).await;
    assert_ne!(code(&old).expose(), code(&new).expose(), "of a seed");
    let refused = by_code(&world, ADA, &code(&old), Within::default()).await;
    assert_eq!(refusal(refused.map(drop)), "invalid_code");
    tokens(by_code(&world, ADA, &code(&new), Within::default()).await.unwrap());
}

/// A link of a mail, or the code beside it: in the flow that asked, and one of the two once.
pub async fn passwordless_link(stage: Stage) {
    let world = world(stage).await;
    let (started, mail) = ask(&world, By::Link, ADA, &at(Some("mobile"), None), None).await;
    let (other, _) = ask(&world, By::Link, "bob@example.test", &at(Some("mobile"), None), None).await;
    let bare = by_link(&world, &mail, Within::default()).await;
    assert_eq!(refusal(bare.map(drop)), "invalid_request");
    for elsewhere in [within(&other), Within { flow: None, cookie: Some(&started.name) }] {
        let refused = refusal(by_link(&world, &mail, elsewhere).await.map(drop));
        assert!(["invalid_code", "code_expired"].contains(&refused), "{refused}");
    }
    let done = tokens(by_link(&world, &mail, within(&started)).await.unwrap());
    assert_eq!(claims(&done.access_token)["client_id"], "mobile");
    assert_eq!(refusal(by_link(&world, &mail, within(&started)).await.map(drop)), "code_expired");
    let beside = by_code(&world, ADA, &code(&mail), within(&started)).await;
    assert_eq!(refusal(beside.map(drop)), "code_expired", "the code went with the link");

    world.wait(3600).await;
    let (started, mail) = ask(&world, By::Link, ADA, &at(Some("mobile"), None), None).await;
    tokens(by_code(&world, ADA, &code(&mail), within(&started)).await.unwrap());
    let link = by_link(&world, &mail, within(&started)).await;
    assert_eq!(refusal(link.map(drop)), "code_expired", "the link went with the code");
}

/// Whoever finishes gets what was asked for: no other client, no other scope, nobody else.
pub async fn passwordless_gets_no_more(stage: Stage) {
    let world = world(stage).await;
    let (narrow, mail) = ask(&world, By::Code, ADA, &at(Some("mobile"), Some("openid")), None).await;
    let typed = code(&mail);
    let (wide, _) = ask(&world, By::Code, "bob@example.test", &at(Some("mobile"), None), None).await;
    let (plain, _) = ask(&world, By::Code, "bob@example.test", &Wish::default(), None).await;
    let mut altered = narrow.flow.clone();
    altered.replace_range(60..61, if altered.as_bytes()[60] == b'A' { "B" } else { "A" });
    for flow in [Some(wide.flow.as_str()), Some(plain.flow.as_str()), Some(&altered), Some(""), None] {
        for cookie in [None, Some(narrow.name.as_str())] {
            let refused = refusal(by_code(&world, ADA, &typed, Within { flow, cookie }).await.map(drop));
            assert_eq!(refused, "code_expired", "{flow:?} {cookie:?}");
        }
    }
    let of_bob = by_code(&world, "bob@example.test", &typed, within(&narrow)).await;
    assert_eq!(refusal(of_bob.map(drop)), "code_expired");
    let done = tokens(by_code(&world, ADA, &typed, within(&narrow)).await.unwrap());
    assert_eq!(done.scope, "openid");
    for (wish, refused) in [
        (at(Some("app"), None), "unauthorized_client"),
        (at(Some("mobile"), Some("list")), "invalid_scope"),
        (at(Some("nobody"), None), "invalid_client"),
    ] {
        let asked = passwordless::request(&world.issuer, By::Code, ADA, &wish, None, "", &caller()).await;
        assert_eq!(refusal(asked.map(drop)), refused);
    }
    assert!(sent(&world, Way::Mail).await.is_empty(), "refused before a mail");
}

/// 64 at once with one code, and with one link: one sign-in each.
pub async fn passwordless_64_at_once(stage: Stage) {
    let world = world(stage).await;
    for by in [By::Code, By::Link] {
        let (started, mail) = ask(&world, by, ADA, &at(Some("mobile"), None), None).await;
        let done = at_once(64, |_| {
            let (issuer, mail, flow) = (Arc::clone(&world.issuer), mail.clone(), started.flow.clone());
            async move {
                let within = Within { flow: Some(&flow), cookie: None };
                match post::link(&mail).and_then(|link| link.split_once("token=")) {
                    Some((_, token)) => {
                        passwordless::verify_link(&issuer, token, within, &caller()).await.is_ok()
                    }
                    None => {
                        let code = code(&mail);
                        passwordless::verify_code(&issuer, ADA, &code, within, &caller()).await.is_ok()
                    }
                }
            }
        })
        .await;
        assert_eq!(done.iter().filter(|won| **won).count(), 1, "{by:?}");
        world.wait(24 * 3600).await;
    }
    let sessions = world.stage.store.list_client_sessions(&world.person("ada").await.user.id).await.unwrap();
    assert_eq!(sessions.len(), 2);
}

async fn partial(world: &World, name: &str) -> Due {
    let ask =
        Login { username: name.to_owned(), password: Secret::new(PASSWORD), wish: at(Some("mobile"), None) };
    due(direct::login(&world.issuer, ask, &caller()).await.unwrap())
}

fn due(outcome: Outcome) -> Due {
    match outcome {
        Outcome::MfaRequired(due) => due,
        Outcome::Done(_) => panic!("no second factor asked for"),
    }
}

fn full(outcome: Outcome) -> Done {
    match outcome {
        Outcome::Done(done) => *done,
        Outcome::MfaRequired(due) => panic!("{:?}", due.methods),
    }
}

/// A code by SMS finishes the sign-in that asked for it, once, and no other; after a password and after a mail.
pub async fn mfa_by_sms(stage: Stage) {
    let world = world(stage).await;
    for name in ["ada", "bob"] {
        let change = fixture::credential_change(&world.person(name).await.user.id, EventKind::PhoneAdded);
        world.stage.store.put_phone(change, PHONE).await.unwrap().unwrap();
    }
    world.wait(1).await;
    let first = partial(&world, "ada").await;
    assert_eq!(first.methods, [Factor::SmsCode]);
    let asked = mfa::challenge(&world.issuer, &first.token, "sms", "", &caller()).await.unwrap();
    assert!(asked.sent);
    let mut messages = sent(&world, Way::Sms).await;
    assert_eq!((messages.len(), post::address(&messages[0])), (1, PHONE));
    let typed = code(&messages.remove(0));
    let (another, bobs) = (partial(&world, "ada").await, partial(&world, "bob").await);
    for token in [&another.token, &bobs.token] {
        let refused = mfa::verify(&world.issuer, token, &typed, Some("sms"), &caller()).await;
        assert_eq!(refusal(refused.map(drop)), "code_expired", "not the sign-in that asked");
    }
    let now = world.clock().now();
    let done = full(mfa::verify(&world.issuer, &asked.token, &typed, None, &caller()).await.unwrap());
    let second = done.second.unwrap();
    assert_eq!((second.factor, second.at), (Factor::SmsCode, now));
    assert_eq!(claims(&done.tokens.access_token)["mfa_method"], "sms");
    for token in [&asked.token, &first.token] {
        let again = mfa::verify(&world.issuer, token, &typed, Some("sms"), &caller()).await;
        assert_eq!(refusal(again.map(drop)), "invalid_token", "finished");
    }

    let (started, mail) = ask(&world, By::Link, ADA, &at(Some("mobile"), Some("openid read")), None).await;
    let under_way = due(by_link(&world, &mail, within(&started)).await.unwrap());
    assert_eq!(under_way.methods, [Factor::SmsCode]);
    world.wait(30).await;
    let asked = mfa::challenge(&world.issuer, &under_way.token, "sms", "", &caller()).await.unwrap();
    let typed = code(&sent(&world, Way::Sms).await.remove(0));
    let done = full(mfa::verify(&world.issuer, &asked.token, &typed, None, &caller()).await.unwrap());
    assert_eq!(done.tokens.scope, "openid read", "what was asked for with the link");
}

/// Where codes by mail count as a second step they follow a password, and never another mail.
pub async fn mfa_by_mail(stage: Stage) {
    let world = with(stage, |login| {
        login.second = vec![Factor::EmailCode];
        login.mfa = Mfa::Always;
    })
    .await;
    let first = partial(&world, "ada").await;
    assert_eq!(first.methods, [Factor::EmailCode]);
    let asked = mfa::challenge(&world.issuer, &first.token, "email", "", &caller()).await.unwrap();
    assert!(asked.sent);
    let mail = sent(&world, Way::Mail).await.remove(0);
    assert_eq!(post::address(&mail), ADA);
    let done = full(mfa::verify(&world.issuer, &asked.token, &code(&mail), None, &caller()).await.unwrap());
    assert_eq!(done.second.unwrap().factor, Factor::EmailCode);
    assert_eq!(claims(&done.tokens.access_token)["mfa_method"], "email");

    let (started, mail) = ask(&world, By::Code, ADA, &at(Some("mobile"), None), None).await;
    let twice = by_code(&world, ADA, &code(&mail), within(&started)).await;
    assert_eq!(refusal(twice.map(drop)), "unmet_authentication_requirements", "one mailbox is one factor");
}

/// A code asked for as the second step begins no sign-in, with a flow or without; one that begins a sign-in is no
/// second step.
pub async fn mfa_mail_keeps_to_its_step(stage: Stage) {
    let world = with(stage, |login| login.second = vec![Factor::EmailCode, Factor::Totp]).await;
    let ada = world.person("ada").await.user;
    enrolled_with(&world.issuer, world.clock(), &ada).await;
    sent(&world, Way::Mail).await;
    let first = partial(&world, "ada").await;
    let asked = mfa::challenge(&world.issuer, &first.token, "email", "", &caller()).await.unwrap();
    let second = code(&sent(&world, Way::Mail).await.remove(0));
    let (plain, _) = ask(&world, By::Code, "bob@example.test", &Wish::default(), None).await;
    let (own, _) = ask(&world, By::Link, "bob@example.test", &at(Some("mobile"), None), None).await;
    let cookie = Within { flow: None, cookie: Some(&plain.name) };
    for elsewhere in [Within::default(), cookie, within(&plain), within(&own)] {
        let refused = by_code(&world, ADA, &second, elsewhere).await;
        assert_eq!(refusal(refused.map(drop)), "code_expired", "{elsewhere:?}");
    }
    for by in [By::Code, By::Link] {
        world.wait(31).await;
        let (_, mail) = ask(&world, by, ADA, &Wish::default(), None).await;
        let refused = mfa::verify(&world.issuer, &asked.token, &code(&mail), Some("email"), &caller()).await;
        assert_eq!(refusal(refused.map(drop)), "invalid_code", "{by:?}");
    }
    let done = full(mfa::verify(&world.issuer, &asked.token, &second, None, &caller()).await.unwrap());
    assert_eq!(done.second.unwrap().factor, Factor::EmailCode);
}
