//! Codes for apps of ours, without a browser: the authorization challenge endpoint.

use super::totp::{enrolled_with, shown};
use super::{API, CALLBACK, IP, PASSWORD, SECRET, VERIFIER, World, caller, claims, refusal};
use crate::stage::Stage;
use countersign_issuer::account::enrol::totp::Pending;
use countersign_issuer::direct;
use countersign_issuer::login::Mfa;
use countersign_issuer::model::{Consent, EventKind, Factor};
use countersign_issuer::oauth::authorize::first_party::{self, Due, More, Outcome};
use countersign_issuer::oauth::grant;
use countersign_issuer::oauth::issue::TokenResponse;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::{Failure, Result, Settings, admin};
use countersign_token::Timestamp;
use serde_json::json;
use std::sync::atomic::Ordering;

const SCOPE: &str = "openid profile read";
const PHR: &str = "urn:countersign:phr";

/// The world with `shop` (confidential) and `partner` (not first-party), which may both do without a browser.
pub(super) async fn world(stage: Stage) -> World {
    with(stage, Settings::new(super::ISSUER)).await
}

async fn with(stage: Stage, settings: Settings) -> World {
    let world = World::with(stage, settings).await;
    let client = |id: &str| {
        json!({
            "client_id": id, "redirect_uris": [CALLBACK], "resources": [API], "direct": true,
            "grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile read write",
            "token_endpoint_auth_method": "none",
        })
    };
    let (mut shop, partner) = (client("shop"), client("partner"));
    shop["client_secret"] = SECRET.into();
    shop["token_endpoint_auth_method"] = "client_secret_basic".into();
    shop["first_party"] = true.into();
    shop["refresh_without_offline_access"] = true.into();
    admin::clients::apply(&world.issuer, &json!([shop, partner])).await.unwrap();
    world.wait(1).await;
    world
}

/// `ada` with an authenticator app.
pub(super) async fn with_an_app(world: &World) -> Pending {
    let ada = world.person("ada").await.user;
    enrolled_with(&world.issuer, world.clock(), &ada).await
}

/// A good request of `client` for `name`, with these parameters replaced, added or (when empty) left out.
fn request(world: &World, client: &str, name: &str, changes: &[(&str, &str)]) -> Params {
    let begun: &[(&str, &str)] =
        &[("redirect_uri", ""), ("state", ""), ("scope", SCOPE), ("username", name), ("password", PASSWORD)];
    let others = begun.iter().filter(|(n, _)| changes.iter().all(|(changed, _)| changed != n));
    let all: Vec<(&str, &str)> = others.chain(changes).copied().collect();
    world.request(client, &all)
}

fn as_shop(secret: &str) -> String {
    format!("Basic {}", super::base64(&format!("shop:{secret}")))
}

async fn ask(world: &World, client: &str, params: &Params) -> Result<Outcome> {
    let basic = (client == "shop").then(|| as_shop(SECRET));
    first_party::challenge(&world.issuer, basic.as_deref(), params, &caller()).await.1
}

pub(super) async fn begin(
    world: &World,
    client: &str,
    name: &str,
    changes: &[(&str, &str)],
) -> Result<Outcome> {
    ask(world, client, &request(world, client, name, changes)).await
}

pub(super) async fn go_on(world: &World, client: &str, form: &[(&str, &str)]) -> Result<Outcome> {
    let named = ("client_id", client);
    let all = form.iter().chain([&named]).filter(|(_, value)| !value.is_empty());
    ask(world, client, &all.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()).await
}

pub(super) fn code(outcome: Result<Outcome>) -> String {
    match outcome.unwrap() {
        Outcome::Code(code) => code,
        Outcome::More(more) => panic!("more is due: {:?}", more.due),
    }
}

pub(super) fn more(outcome: Result<Outcome>) -> More {
    match outcome.unwrap() {
        Outcome::More(more) => more,
        Outcome::Code(_) => panic!("nothing more is due"),
    }
}

pub(super) fn refused(outcome: Result<Outcome>) -> &'static str {
    refusal(outcome.map(|outcome| match outcome {
        Outcome::Code(_) => "a code".to_owned(),
        Outcome::More(more) => format!("{:?}", more.due),
    }))
}

/// Of `ada`, who has an app: behind her password.
pub(super) async fn half(world: &World) -> String {
    more(begin(world, "mobile", "ada", &[]).await).auth_session
}

pub(super) fn otp(world: &World, pending: &Pending) -> String {
    shown(pending, world.clock().now()).expose().to_owned()
}

/// Redeems a code of a request that named no redirect URI.
pub(super) async fn redeem(world: &World, client: &str, code: &str) -> Result<TokenResponse> {
    redeem_with(world, client, code, &[]).await
}

pub(super) async fn redeem_with(
    world: &World,
    client: &str,
    code: &str,
    more: &[(&str, &str)],
) -> Result<TokenResponse> {
    let mut form = vec![("grant_type", "authorization_code"), ("code", code)];
    if !more.iter().any(|(name, _)| *name == "code_verifier") {
        form.push(("code_verifier", VERIFIER));
    }
    form.extend(more);
    if client == "shop" {
        let params: Params = form.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let basic = as_shop(SECRET);
        return grant::token(&world.issuer, Some(&basic), &params, IP).await.1;
    }
    world.token(client, &form).await
}

/// A password, a code, tokens at the ordinary token endpoint; twice: what came of the first use ends.
pub async fn first_party_flow(stage: Stage) {
    let world = world(stage).await;
    for client in ["mobile", "shop"] {
        let mark = world.stage.mark().await;
        let text = code(begin(&world, client, "bob", &[]).await);
        let [event] = &world.stage.events(mark).await[..] else { panic!("one event") };
        assert_eq!(event.what.kind, EventKind::LoginSucceeded);
        assert_eq!(event.what.client.as_ref().unwrap().as_str(), client);
        assert_eq!(event.what.user, Some(world.person("bob").await.user.id));

        let now = world.clock().now().seconds();
        world.wait(5).await;
        let tokens = redeem(&world, client, &text).await.unwrap();
        assert_eq!(tokens.scope, SCOPE);
        let said = claims(&tokens.access_token);
        assert_eq!(
            (&said["client_id"], &said["aud"], &said["acr"]),
            (&client.into(), &API.into(), &"urn:countersign:1".into(),)
        );
        let id = claims(tokens.id_token.as_ref().unwrap());
        assert_eq!((&id["nonce"], &id["auth_time"]), (&"no".into(), &now.into()));
        assert!(world.userinfo(&tokens.access_token).await.is_ok());
        let sessions = world.stage.store.list_client_sessions(&world.person("bob").await.user.id).await;
        assert_eq!(sessions.unwrap()[0].browser, None);

        assert_eq!(refusal(redeem(&world, client, &text).await), "invalid_grant", "twice");
        assert_eq!(refusal(world.userinfo(&tokens.access_token).await), "invalid_token");
        world.wait(60).await;
    }
    let text = code(begin(&world, "mobile", "bob", &[]).await);
    let first = redeem(&world, "mobile", &text).await.unwrap().refresh_token.unwrap();
    world.refresh("mobile", &first).await.unwrap();
    let text = code(begin(&world, "shop", "bob", &[]).await);
    let confidential = redeem(&world, "shop", &text).await.unwrap().refresh_token.unwrap();
    assert_eq!(
        refusal(direct::refresh(&world.issuer, &confidential, super::IP).await.1),
        "invalid_grant",
        "a confidential client's refresh token is worth nothing without the client"
    );
}

/// Asked step by step: nothing, password, second factor.
pub async fn first_party_second_step(stage: Stage) {
    let world = world(stage).await;
    let pending = with_an_app(&world).await;
    let empty = more(begin(&world, "mobile", "ada", &[("username", ""), ("password", "")]).await);
    assert_eq!(empty.due, Due::Password);
    let half = [("auth_session", empty.auth_session.as_str()), ("username", "ada")];
    assert_eq!(more(go_on(&world, "mobile", &half).await).due, Due::Password, "the name alone");
    let both = [half[0], half[1], ("password", PASSWORD)];
    let asked = more(go_on(&world, "mobile", &both).await);
    let due = Due::Otp { methods: vec![Factor::Totp, Factor::RecoveryCode], chosen: None };
    assert_eq!(asked.due, due);
    let session = ("auth_session", asked.auth_session.as_str());
    assert_eq!(more(go_on(&world, "mobile", &[session]).await).due, due, "asked again what is due");
    assert_eq!(refused(go_on(&world, "mobile", &[session, ("otp", "12345")]).await), "invalid_code");
    assert_eq!(refused(go_on(&world, "mobile", &[session, ("password", PASSWORD)]).await), "invalid_request");
    for method in ["sms", "email", "password", "passkey", "nonsense"] {
        for typed in ["", "123456"] {
            let form = [session, ("method", method), ("otp", typed)];
            assert_eq!(refused(go_on(&world, "mobile", &form).await), "method_unavailable", "{method}");
        }
    }
    let chosen = more(go_on(&world, "mobile", &[session, ("method", "totp")]).await);
    assert_eq!(
        chosen.due,
        Due::Otp { methods: vec![Factor::Totp, Factor::RecoveryCode], chosen: Some(Factor::Totp) }
    );
    // A public client may leave its name to the auth_session.
    let typed = otp(&world, &pending);
    let form = [("auth_session", chosen.auth_session.as_str()), ("otp", &typed), ("client_id", "")];
    let params: Params = form.iter().take(2).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let text = code(ask(&world, "mobile", &params).await);
    let tokens = redeem(&world, "mobile", &text).await.unwrap();
    assert_eq!(claims(&tokens.access_token)["acr"], "urn:countersign:2");
}

/// Unknown, wrong, disabled: the same answer and the same number of hash jobs.
pub async fn first_party_refused_alike(stage: Stage) {
    let world = world(stage).await;
    with_an_app(&world).await;
    admin::users::disable(&world.issuer, "bob").await.unwrap();
    let mut answers = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("ada", "wrong password"), ("bob", PASSWORD)] {
        let before = world.hasher.jobs.load(Ordering::SeqCst);
        let refused = match begin(&world, "mobile", name, &[("password", password)]).await {
            Err(Failure::Rejected(refused)) => refused,
            _ => panic!("{name}: not refused"),
        };
        assert_eq!(world.hasher.jobs.load(Ordering::SeqCst) - before, 1, "{name}");
        answers.push((refused.code.name(), refused.public, refused.retry_after));
        world.wait(60).await;
    }
    assert_eq!(answers[0].0, "invalid_credentials");
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

/// Guesses are slowed down, of passwords and of codes, and a new `auth_session` does not help.
pub async fn first_party_guessing(stage: Stage) {
    let world = world(stage).await;
    let pending = with_an_app(&world).await;
    let mut tried = 0;
    while refused(begin(&world, "mobile", "bob", &[("password", "guess")]).await) != "too_many_attempts" {
        tried += 1;
        assert!(tried < 50, "not limited");
    }
    assert_eq!(refused(begin(&world, "mobile", "bob", &[]).await), "too_many_attempts", "the right one too");
    world.wait(24 * 3600).await;
    tried = 0;
    loop {
        let session = half(&world).await;
        let guess = [("auth_session", session.as_str()), ("otp", "000000"), ("method", "totp")];
        if refused(go_on(&world, "mobile", &guess).await) == "too_many_attempts" {
            break;
        }
        tried += 1;
        assert!(tried < 50, "not limited");
    }
    let (session, typed) = (half(&world).await, otp(&world, &pending));
    let right = [("auth_session", session.as_str()), ("otp", &typed)];
    assert_eq!(refused(go_on(&world, "mobile", &right).await), "too_many_attempts");
}

/// Only clients that may, and only as themselves; nothing is hashed for the rest.
pub async fn first_party_clients(stage: Stage) {
    let world = world(stage).await;
    let before = world.hasher.jobs.load(Ordering::SeqCst);
    for (client, code) in [
        ("app", "unauthorized_client"),
        ("other", "unauthorized_client"),
        ("countersign-direct", "unauthorized_client"),
        ("nobody", "invalid_client"),
        ("web", "invalid_client"),
        ("svc", "invalid_client"),
        ("", "invalid_client"),
    ] {
        assert_eq!(refused(begin(&world, client, "bob", &[]).await), code, "{client}");
    }
    let (wrong, params) = (as_shop("wrong"), request(&world, "shop", "bob", &[]));
    for basic in [None, Some(wrong.as_str())] {
        let answer = first_party::challenge(&world.issuer, basic, &params, &caller()).await;
        assert_eq!(refused(answer.1), "invalid_client", "its secret is asked for here too");
        assert!(answer.0.is_none());
    }
    assert_eq!(world.hasher.jobs.load(Ordering::SeqCst), before);

    // Not first-party: consent is given on a page, or was.
    assert_eq!(refused(begin(&world, "partner", "bob", &[]).await), "redirect_to_web");
    let bob = world.person("bob").await.user.id;
    let consent = Consent {
        user: bob,
        client: countersign_issuer::model::ClientId::parse("partner").unwrap(),
        scopes: crate::fixture::scopes(SCOPE),
        resources: vec![API.to_owned()],
        granted_at: Timestamp::default(),
    };
    let granted = crate::fixture::event(EventKind::ConsentGranted);
    world.stage.store.grant_consent(consent, granted).await.unwrap();
    code(begin(&world, "partner", "bob", &[]).await);
    let wider = [("scope", "openid profile read write")];
    assert_eq!(refused(begin(&world, "partner", "bob", &wider).await), "redirect_to_web");
}

/// A request that cannot be granted is refused before anything costs a hash.
pub async fn first_party_requests_refused(stage: Stage) {
    let world = world(stage).await;
    let before = world.hasher.jobs.load(Ordering::SeqCst);
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("redirect_uri", "https://evil.example.test/")], "invalid_request"),
        (&[("scope", "list")], "invalid_scope"),
        (&[("scope", "\"")], "invalid_scope"),
        (&[("resource", "urn:shared")], "invalid_target"),
        (&[("prompt", "none")], "login_required"),
        (&[("prompt", "consent")], "redirect_to_web"),
        (&[("prompt", "create")], "redirect_to_web"),
        (&[("acr_values", PHR)], "redirect_to_web"),
        (&[("prompt", "nonsense")], "invalid_request"),
        (&[("max_age", "x")], "invalid_request"),
        (&[("id_token_hint", "x")], "invalid_request"),
        (&[("request_uri", "urn:x")], "request_uri_not_supported"),
        (&[("request", "x")], "request_not_supported"),
        (&[("otp", "123456")], "invalid_request"),
        (&[("method", "sms")], "invalid_request"),
        (&[("password", PASSWORD), ("password", "other")], "invalid_request"),
        (&[("nonce", "a"), ("nonce", "b")], "invalid_request"),
        (&[("auth_session", "x")], "invalid_session"),
    ];
    for (changes, code) in rows {
        assert_eq!(refused(begin(&world, "mobile", "bob", changes).await), *code, "{changes:?}");
    }
    assert_eq!(world.hasher.jobs.load(Ordering::SeqCst), before);
    // Left out, it is the code: drafts before the third did not know the parameter.
    code(begin(&world, "mobile", "bob", &[("response_type", "")]).await);
}

/// `id_token_hint` names who may answer.
pub async fn first_party_hint(stage: Stage) {
    let world = world(stage).await;
    let text = code(begin(&world, "mobile", "bob", &[]).await);
    let of_bob = redeem(&world, "mobile", &text).await.unwrap().id_token.unwrap();
    let hint = [("id_token_hint", of_bob.as_str())];
    code(begin(&world, "mobile", "bob", &hint).await);
    assert_eq!(refused(begin(&world, "mobile", "ada", &hint).await), "login_required");
}

/// What only a page can do leads to one, once the password was right.
pub async fn first_party_leads_to_a_page(stage: Stage) {
    let mut settings = Settings::new(super::ISSUER);
    settings.login.mfa = Mfa::Always;
    let world = with(stage, settings).await;
    assert_eq!(refused(begin(&world, "mobile", "bob", &[]).await), "redirect_to_web", "nothing set up");
    let wrong = begin(&world, "mobile", "bob", &[("password", "wrong")]).await;
    assert_eq!(refused(wrong), "invalid_credentials", "nobody without the password learns it");
    let passkeys = json!({
        "client_id": "mobile", "token_endpoint_auth_method": "none", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"], "scope": SCOPE, "resources": [API],
        "first_party": true, "direct": true, "login_factors": ["passkey"],
    });
    admin::clients::apply(&world.issuer, &passkeys).await.unwrap();
    world.wait(1).await;
    let before = world.hasher.jobs.load(Ordering::SeqCst);
    for name in ["ada", "nobody"] {
        assert_eq!(refused(begin(&world, "mobile", name, &[]).await), "redirect_to_web", "{name}");
    }
    assert_eq!(world.hasher.jobs.load(Ordering::SeqCst), before, "no password is looked at");
}
