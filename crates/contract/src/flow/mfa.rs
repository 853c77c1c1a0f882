//! The second step of the direct API.

use super::direct::tokens;
use super::totp::{STEP, enrolled_with, shown};
use super::{PASSWORD, World, caller, claims, refusal};
use crate::stage::{Stage, at_once};
use countersign_issuer::account::enrol::totp::Pending;
use countersign_issuer::admin;
use countersign_issuer::direct::{self, Due, Login, Outcome, Wish, mfa};
use countersign_issuer::login::{Purpose, Transaction, password};
use countersign_issuer::model::{Factor, Secret};
use countersign_issuer::oauth::bearer;
use countersign_issuer::{Failure, Result, Settings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The world, and `ada` with an app.
async fn world(stage: Stage) -> (World, Pending) {
    let world = World::new(stage).await;
    let ada = world.person("ada").await.user;
    let pending = enrolled_with(&world.issuer, world.clock(), &ada).await;
    (world, pending)
}

async fn login(world: &World, name: &str, wish: Wish) -> Result<Outcome> {
    let ask = Login { username: name.to_owned(), password: Secret::new(PASSWORD), wish };
    direct::login(&world.issuer, ask, &caller()).await
}

fn at(client: &str) -> Wish {
    Wish { client_id: Some(client.to_owned()), ..Wish::default() }
}

async fn partial(world: &World) -> Due {
    match login(world, "ada", at("mobile")).await.unwrap() {
        Outcome::MfaRequired(due) => due,
        Outcome::Done(_) => panic!("no second factor asked for"),
    }
}

fn code(world: &World, pending: &Pending) -> Secret {
    shown(pending, world.clock().now())
}

async fn verify(world: &World, token: &str, code: &Secret, method: Option<&str>) -> Result<Outcome> {
    mfa::verify(&world.issuer, token, code, method, &caller()).await
}

/// A partial token first, tokens after the code; who has no second factor is in at once.
pub async fn mfa_flow(stage: Stage) {
    let (world, pending) = world(stage).await;
    let one = claims(&tokens(login(&world, "bob", at("mobile")).await.unwrap()).access_token);
    assert_eq!(one["mfa_verified"], false);
    assert!(one.get("mfa_method").is_none() && one.get("mfa_verified_at").is_none());
    let due = partial(&world).await;
    assert_eq!(due.methods, [Factor::Totp, Factor::RecoveryCode]);
    assert_eq!(due.client.id.as_str(), "mobile");
    for method in [None, Some("totp")] {
        let due = partial(&world).await;
        let now = world.clock().now();
        let done = match verify(&world, &due.token, &code(&world, &pending), method).await.unwrap() {
            Outcome::Done(done) => done,
            Outcome::MfaRequired(due) => panic!("{:?}", due.methods),
        };
        let second = done.second.unwrap();
        assert_eq!((second.factor, second.at), (Factor::Totp, now));
        let said = claims(&done.tokens.access_token);
        let proven_at = now.seconds();
        let of_mfa =
            |said: &Value| ["mfa_verified", "mfa_method", "mfa_verified_at"].map(|n| said[n].clone());
        assert_eq!(of_mfa(&said), [json!(true), json!("totp"), json!(proven_at)]);
        assert_eq!((&said["client_id"], &said["aud"]), (&"mobile".into(), &super::API.into()));
        assert!(world.userinfo(&done.tokens.access_token).await.is_ok());
        let (_, next) =
            direct::refresh(&world.issuer, done.tokens.refresh_token.as_deref().unwrap(), caller().ip).await;
        let next = claims(&next.unwrap().access_token);
        assert_eq!(of_mfa(&next), [json!(true), json!("totp"), json!(proven_at)], "as it was proven then");
        world.wait(STEP).await;
    }
}

/// Whatever it is shown to, it is nothing: not to any endpoint, of no kind of token.
pub async fn mfa_partial_token_is_no_token(stage: Stage) {
    let (world, _) = world(stage).await;
    let token = partial(&world).await.token;
    assert!(!token.contains('.'), "no JWT");
    assert_eq!(refusal(bearer::access_token(&world.issuer, &token).await.map(drop)), "invalid_token");
    assert_eq!(refusal(world.userinfo(&token).await), "invalid_token");
    for client in ["watcher", "svc", "web"] {
        assert!(!world.active(client, &token).await, "{client}");
    }
    assert_eq!(refusal(direct::refresh(&world.issuer, &token, caller().ip).await.1), "invalid_grant");
    assert!(direct::client_of(&world.issuer, &token).await.unwrap().is_none());
    assert_eq!(refusal(direct::logout(&world.issuer, &token, caller().ip).await.1), "invalid_token");
    assert_eq!(refusal(world.refresh("mobile", &token).await), "invalid_grant");
    assert_eq!(refusal(world.redeem("mobile", &token).await), "invalid_grant");
    let browser = countersign_issuer::login::browser::session(&world.issuer, &token).await.unwrap();
    assert!(browser.is_none(), "no cookie");
    let now = world.clock().now();
    for binding in ["", "flow cookie", &token] {
        assert!(Transaction::open(&world.issuer, binding, &token, now).is_none(), "no sign-in of a page");
    }
    let within = direct::passwordless::Within { flow: Some(&token), cookie: None };
    assert_eq!(
        refusal(direct::passwordless::client_of(&world.issuer, within).await.map(drop)),
        "code_expired"
    );
}

/// What is no partial token, or is one no more, leads nowhere.
pub async fn mfa_other_tokens_refused(stage: Stage) {
    let (world, pending) = world(stage).await;
    let token = partial(&world).await.token;
    let mut altered = token.clone();
    altered.replace_range(60..61, if altered.as_bytes()[60] == b'A' { "B" } else { "A" });
    let flow = Transaction::of(
        password::prove(&world.issuer, "ada", Secret::new(PASSWORD), Purpose::Browser, "", &caller())
            .await
            .unwrap(),
    );
    let of_a_page = flow.seal(&world.issuer, "").unwrap();
    let full = tokens(login(&world, "bob", at("mobile")).await.unwrap());
    let right = code(&world, &pending);
    let refresh = full.refresh_token.unwrap();
    for other in ["", "x", &altered, &of_a_page, &full.access_token, &refresh, &token[1..]] {
        assert_eq!(refusal(verify(&world, other, &right, None).await), "invalid_token", "{other}");
        let asked = mfa::challenge(&world.issuer, other, "totp", "", &caller()).await;
        assert_eq!(refusal(asked), "invalid_token", "{other}");
    }
    verify(&world, &token, &right, None).await.unwrap();
}

/// Ten minutes from the password, however often a code was asked for.
pub async fn mfa_partial_token_expires(stage: Stage) {
    let (world, pending) = world(stage).await;
    let token = partial(&world).await.token;
    world.wait(599).await;
    let again = mfa::challenge(&world.issuer, &token, "totp", "", &caller()).await.unwrap();
    assert!(!again.sent, "an app needs no message");
    world.wait(2).await;
    for old in [&token, &again.token] {
        assert_eq!(refusal(verify(&world, old, &code(&world, &pending), None).await), "invalid_token");
    }
}

/// A change of the credentials, or of the account, ends what is under way.
pub async fn mfa_dies_with_the_password(stage: Stage) {
    let (world, pending) = world(stage).await;
    let token = partial(&world).await.token;
    admin::users::set_password(&world.issuer, "ada", Secret::new(PASSWORD)).await.unwrap();
    world.wait(5).await;
    assert_eq!(refusal(verify(&world, &token, &code(&world, &pending), None).await), "invalid_token");
    let token = partial(&world).await.token;
    admin::users::disable(&world.issuer, "ada").await.unwrap();
    assert_eq!(refusal(verify(&world, &token, &code(&world, &pending), None).await), "invalid_token");
    admin::users::enable(&world.issuer, "ada").await.unwrap();
    world.wait(5).await;
    let token = partial(&world).await.token;
    admin::clients::remove(&world.issuer, "mobile").await.unwrap();
    let gone = refusal(verify(&world, &token, &code(&world, &pending), None).await);
    assert!(["invalid_client", "invalid_token"].contains(&gone), "{gone}");
}

/// Finished once: neither the same code nor the next one makes anything of it again, also after logging out.
pub async fn mfa_finished_once(stage: Stage) {
    let (world, pending) = world(stage).await;
    let (first, second) = (partial(&world).await.token, partial(&world).await.token);
    let right = code(&world, &pending);
    let done = tokens(verify(&world, &first, &right, None).await.unwrap());
    assert_eq!(refusal(verify(&world, &second, &right, None).await), "invalid_code", "the code is spent");
    world.wait(STEP).await;
    assert_eq!(refusal(verify(&world, &first, &code(&world, &pending), None).await), "invalid_token");
    direct::logout(&world.issuer, &done.access_token, caller().ip).await.1.unwrap();
    assert_eq!(refusal(verify(&world, &first, &code(&world, &pending), None).await), "invalid_token");
    verify(&world, &second, &code(&world, &pending), None).await.unwrap();
}

/// 64 at once with one code, over one partial token and over 64: one sign-in.
pub async fn mfa_64_at_once(stage: Stage) {
    let (world, pending) = world(stage).await;
    for many in [false, true] {
        let mut held = vec![partial(&world).await.token];
        while many && held.len() < 64 {
            held.push(partial(&world).await.token);
        }
        let right = code(&world, &pending);
        let done = at_once(64, |n| {
            let (issuer, code) = (Arc::clone(&world.issuer), right.clone());
            let token = held[n % held.len()].clone();
            async move { mfa::verify(&issuer, &token, &code, Some("totp"), &caller()).await.is_ok() }
        })
        .await;
        assert_eq!(done.iter().filter(|&&good| good).count(), 1, "{many}");
        world.wait(24 * 3600).await;
    }
}

/// Two codes of two factors at the same moment make one session of one partial token.
pub async fn mfa_two_ways_at_once(stage: Stage) {
    let world = World::new(stage).await;
    let ada = world.person("ada").await.user;
    let now = world.clock().now();
    let pending = countersign_issuer::account::enrol::totp::begin(&world.issuer, &ada, "f", now).unwrap();
    let (first, blob) = (shown(&pending, now), pending.blob.clone());
    let confirm = countersign_issuer::account::enrol::totp::confirm;
    let paper = confirm(&world.issuer, &ada, "f", &blob, &first, None, &caller()).await.unwrap().unwrap();
    world.wait(STEP).await;
    let token = partial(&world).await.token;
    let codes = [code(&world, &pending), paper[0].clone(), paper[1].clone()];
    let done = at_once(3, |n| {
        let (issuer, token, code) = (Arc::clone(&world.issuer), token.clone(), codes[n].clone());
        async move { mfa::verify(&issuer, &token, &code, None, &caller()).await.is_ok() }
    })
    .await;
    assert_eq!(done.iter().filter(|&&good| good).count(), 1);
    let sessions = world.stage.store.list_client_sessions(&ada.id).await.unwrap();
    assert_eq!(sessions.len(), 1);
}

/// A method the account does not have, or that is none.
pub async fn mfa_method_not_there(stage: Stage) {
    let (world, pending) = world(stage).await;
    let token = partial(&world).await.token;
    let right = code(&world, &pending);
    for method in ["sms", "email", "password", "passkey", "", "TOTP", "nonsense"] {
        assert_eq!(
            refusal(verify(&world, &token, &right, Some(method)).await),
            "method_unavailable",
            "{method}"
        );
        let asked = mfa::challenge(&world.issuer, &token, method, "", &caller()).await;
        assert_eq!(refusal(asked), "method_unavailable", "{method}");
    }
    verify(&world, &token, &right, None).await.unwrap();
}

/// Guesses are slowed down, and new partial tokens do not help.
pub async fn mfa_guessing(stage: Stage) {
    let (world, pending) = world(stage).await;
    let mut last = String::new();
    let mut tried = 0;
    while last != "too_many_attempts" {
        let token = partial(&world).await.token;
        last = refusal(verify(&world, &token, &Secret::new("12345"), None).await).to_owned();
        tried += 1;
        assert!(tried < 50, "not limited");
    }
    let token = partial(&world).await.token;
    let right = verify(&world, &token, &code(&world, &pending), None).await;
    let Err(Failure::Rejected(refused)) = right else { panic!("the limit holds for the right one too") };
    assert!(refused.retry_after.is_some());
}

/// A house that demands a second factor of everybody does not let in by the password alone who has none.
pub async fn mfa_demanded_of_everybody(stage: Stage) {
    let mut settings = Settings::new(super::ISSUER);
    settings.login.mfa = countersign_issuer::login::Mfa::Always;
    let world = World::with(stage, settings).await;
    assert_eq!(refusal(login(&world, "bob", at("mobile")).await), "unmet_authentication_requirements");
    let wrong = Login { username: "bob".into(), password: Secret::new("wrong"), wish: at("mobile") };
    assert_eq!(refusal(direct::login(&world.issuer, wrong, &caller()).await), "invalid_credentials");
    world.stage.clock.advance(Duration::from_secs(60));
}
