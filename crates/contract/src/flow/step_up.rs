//! What requests, clients and resources ask of a sign-in, and asking the person for what is missing only.

use super::{API, CALLBACK, IP, ISSUER, PASSWORD, World, caller, claims, member, parts, signed};
use crate::Stage;
use countersign_issuer::account::enrol::totp as enrol;
use countersign_issuer::login::browser::{self, Turn};
use countersign_issuer::login::{Devices, Mfa, Policy, Proof, Purpose, Transaction, password, totp};
use countersign_issuer::model::{Acr, EventKind, Factor, Secret};
use countersign_issuer::oauth::authorize::{self, Ask, Next, Visitor};
use countersign_issuer::oauth::grant;
use countersign_issuer::port::At;
use countersign_issuer::{Code, Failure, Issuer, Settings, admin};
use countersign_token::Timestamp;
use countersign_token::dangerous;
use serde_json::{Value, json};
use totp_rs::Totp;

const ONE: &str = "urn:countersign:1";
const TWO: &str = "urn:countersign:2";
const PHR: &str = "urn:countersign:phr";

/// An authenticator app.
struct Phone(Totp);

impl Phone {
    /// Set up for this person, who stays signed in in that browser.
    async fn of(world: &World, name: &str, keep: &Visitor) -> Self {
        let (me, now) = (world.person(name).await.user, world.clock().now());
        let pending = enrol::begin(&world.issuer, &me, "setup", now).unwrap();
        let phone = Self(Totp::from_url(pending.url.expose()).unwrap());
        let session = keep.session.as_ref().map(|live| &live.session.id);
        let code = phone.shows(now);
        enrol::confirm(&world.issuer, &me, "setup", &pending.blob, &code, session, &caller()).await.unwrap();
        world.wait(31).await;
        phone
    }

    fn shows(&self, at: Timestamp) -> Secret {
        Secret::new(self.0.generate(u64::try_from(at.seconds()).unwrap()).to_string())
    }
}

/// The browser as it comes back with its cookie.
async fn back(world: &World, visitor: &Visitor, cookie: &str) -> Visitor {
    let session = browser::session(&world.issuer, cookie).await.unwrap();
    Visitor { session, ..visitor.clone() }
}

async fn ask(world: &World, visitor: &Visitor, client: &str, changes: &[(&str, &str)]) -> Next {
    let request = world.request(client, changes);
    authorize::authorize(&world.issuer, Ask::Fresh(request), visitor).await
}

fn kind(next: &Next) -> String {
    match next {
        Next::Login { again: None, .. } => "login".to_owned(),
        Next::Login { again: Some(_), .. } => "login again".to_owned(),
        Next::StepUp { .. } => "step up".to_owned(),
        Next::Respond(response) => member(response, "error").unwrap_or_else(|| "code".to_owned()),
        other => format!("{other:?}"),
    }
}

/// The turn after nothing more was proven.
async fn turn(world: &World, visitor: &Visitor, resume: &str) -> Turn {
    let nothing = Transaction::begin(Purpose::Browser, &visitor.binding, world.clock().now());
    turn_with(world, visitor, resume, &nothing).await
}

async fn turn_with(world: &World, visitor: &Visitor, resume: &str, with: &Transaction) -> Turn {
    let demand = authorize::demand(&world.issuer, resume, visitor).await.unwrap();
    browser::turn(&world.issuer, with, &demand, visitor, &caller()).await.unwrap()
}

fn resume(next: Next) -> String {
    match next {
        Next::StepUp { resume, .. } | Next::Login { resume, .. } => resume,
        other => panic!("not stepped up: {other:?}"),
    }
}

async fn apply(world: &World, of: Value) {
    admin::clients::apply(&world.issuer, &of).await.unwrap();
}

/// A first-party client with these members.
fn client(id: &str, more: Value) -> Value {
    let mut out = json!({
        "client_id": id, "token_endpoint_auth_method": "none", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"], "first_party": true,
        "refresh_without_offline_access": true, "scope": "openid read write", "resources": [API],
    });
    out.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    out
}

fn acr(token: &str) -> Value {
    dangerous::decode(token).unwrap().1["acr"].clone()
}

/// A live sign-in too weak is asked for its missing factor, and for nothing else; the token says so.
pub async fn step_up_for_what_is_missing(stage: Stage) {
    let world = World::new(stage).await;
    let ada = world.sign_in(&world.visitor(), "ada").await;
    let phone = Phone::of(&world, "ada", &ada).await;
    for (changes, due) in [
        (&[("acr_values", TWO)][..], "step up"),
        (&[("acr_values", TWO), ("prompt", "none")], "login_required"),
        (&[("acr_values", TWO), ("prompt", "login")], "login again"),
        (&[("acr_values", "phr urn:countersign:2")], "step up"),
        (&[("acr_values", "urn:countersign:2 urn:countersign:1")], "code"),
        (&[("acr_values", "urn:countersign:9 gold")], "code"),
        (&[("acr_values", "gold urn:countersign:2")], "step up"),
        (&[("acr_values", ONE)], "code"),
        (&[], "code"),
    ] {
        assert_eq!(kind(&ask(&world, &ada, "mobile", changes).await), due, "{changes:?}");
    }

    let resume = resume(ask(&world, &ada, "mobile", &[("acr_values", "phr urn:countersign:2")]).await);
    let due = vec![Factor::Totp, Factor::RecoveryCode];
    assert!(matches!(turn(&world, &ada, &resume).await, Turn::NeedFactor(ways) if ways == due));
    assert_eq!(
        kind(&authorize::authorize(&world.issuer, Ask::Resume(resume.clone()), &ada).await),
        "step up"
    );

    let account = world.stage.store.account(&ada.session.as_ref().unwrap().session.user).await.unwrap();
    let code = phone.shows(account.now);
    let (account, from) = (account.it.unwrap(), caller());
    let proof = totp::prove(&world.issuer, &account, &code, Purpose::Browser, &ada.binding, &from).await;
    let transaction = Transaction::of(proof.unwrap());
    let Turn::SignedIn(fresh) = turn_with(&world, &ada, &resume, &transaction).await else { panic!() };
    assert_eq!(fresh.session.id, ada.session.as_ref().unwrap().session.id, "the session goes on");
    assert_eq!(fresh.session.authentication.amr, ["pwd", "otp", "mfa"]);
    let ada = back(&world, &ada, fresh.cookie.expose()).await;
    let next = authorize::authorize(&world.issuer, Ask::Resume(resume), &ada).await;
    let Next::Respond(response) = next else { panic!("{next:?}") };
    let tokens = world.redeem("mobile", &member(&response, "code").unwrap()).await.unwrap();
    assert_eq!(acr(&tokens.access_token), TWO);
    assert_eq!(acr(&tokens.id_token.unwrap()), TWO);
    // The browser is stronger now; a proof for one request is one for the next.
    assert_eq!(kind(&ask(&world, &ada, "mobile", &[("acr_values", TWO)]).await), "code");
    assert_eq!(kind(&ask(&world, &ada, "mobile", &[("acr_values", PHR)]).await), "step up");
}

/// What clients demand: the least level, factors, freshness; never less than the house.
pub async fn step_up_for_clients(stage: Stage) {
    let world = World::new(stage).await;
    apply(
        &world,
        json!([
            client("strict", json!({ "acr": TWO })),
            client("always", json!({ "mfa": "always" })),
            client("keys", json!({ "login_factors": ["passkey"] })),
            client("bare", json!({ "login_factors": ["password"], "default_acr_values": [TWO] })),
            client("brief", json!({ "session_ttl": 60 })),
        ]),
    )
    .await;
    let ada = world.sign_in(&world.visitor(), "ada").await;
    Phone::of(&world, "ada", &ada).await;
    let bob = world.sign_in(&world.visitor(), "bob").await;
    for (who, client, changes, due) in [
        (&ada, "strict", &[][..], "step up"),
        (&ada, "strict", &[("acr_values", ONE)], "step up"),
        (&ada, "always", &[], "step up"),
        // He can set something up on the way.
        (&bob, "always", &[], "step up"),
        (&bob, "strict", &[("prompt", "none")], "login_required"),
        // Nothing there counts, and a key can be set up only by who is in.
        (&bob, "keys", &[], "unmet_authentication_requirements"),
        (&ada, "bare", &[], "unmet_authentication_requirements"),
        // The house asks her for both factors, and the client counts one.
        (&ada, "bare", &[("acr_values", ONE)], "unmet_authentication_requirements"),
        (&bob, "bare", &[("acr_values", ONE)], "code"),
        (&bob, "brief", &[("max_age", "600")], "code"),
    ] {
        assert_eq!(kind(&ask(&world, who, client, changes).await), due, "{client} {changes:?}");
    }
    world.wait(61).await;
    for changes in [&[][..], &[("max_age", "600")]] {
        assert_eq!(kind(&ask(&world, &bob, "brief", changes).await), "login again", "older than it likes");
    }
    let resume = resume(ask(&world, &bob, "always", &[]).await);
    // No text message can be sent here.
    let due = vec![Factor::Passkey, Factor::Totp];
    assert!(matches!(turn(&world, &bob, &resume).await, Turn::Enrol(ways) if ways == due));
    let refused =
        admin::clients::apply(&world.issuer, &client("x", json!({ "login_factors": ["totp"] }))).await;
    assert!(matches!(refused, Err(Failure::Rejected(r)) if r.public.contains("begin with")));
}

/// Tokens for a resource that asks for a level are given to sign-ins of that level, at every grant.
pub async fn step_up_for_resources(stage: Stage) {
    let world = World::new(stage).await;
    let ada = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&ada, "mobile", &[]).await;
    let tokens = world.redeem("mobile", &code).await.unwrap();
    let token = tokens.refresh_token.unwrap();
    let waiting = world.code(&ada, "mobile", &[]).await;

    let api = |acr: Value| json!({ "resource": API, "scopes": ["read", "write", "admin"], "acr": acr });
    admin::resources::apply(&world.issuer, &api(json!(TWO))).await.unwrap();
    let code_of = |result: Result<_, Failure>| match result {
        Err(Failure::Rejected(r)) => {
            assert!(r.public.contains(TWO), "says what to ask for: {}", r.public);
            r.code
        }
        Err(other) => panic!("{other}"),
        Ok::<countersign_issuer::oauth::issue::TokenResponse, _>(_) => panic!("given"),
    };
    assert_eq!(code_of(world.refresh("mobile", &token).await), Code::InvalidTarget);
    assert_eq!(code_of(world.redeem("mobile", &waiting).await), Code::InvalidTarget);
    let (basic, params) =
        signed("mobile", &[("grant_type", "refresh_token"), ("refresh_token", &token), ("resource", API)]);
    let named = grant::token(&world.issuer, basic.as_deref(), &params, IP).await.1;
    assert_eq!(code_of(named), Code::InvalidTarget);
    assert_eq!(kind(&ask(&world, &ada, "mobile", &[]).await), "step up");

    // What was refused cost neither code nor token.
    admin::resources::apply(&world.issuer, &api(Value::Null)).await.unwrap();
    world.redeem("mobile", &waiting).await.unwrap();
    world.refresh("mobile", &token).await.unwrap();
}

/// Proves the app's code in that browser, beside what the session holds.
async fn by_app(world: &World, visitor: &Visitor, phone: &Phone) -> Proof {
    let At { now, it } =
        world.stage.store.account(&visitor.session.as_ref().unwrap().session.user).await.unwrap();
    let (code, account) = (phone.shows(now), it.unwrap());
    totp::prove(&world.issuer, &account, &code, Purpose::Browser, &visitor.binding, &caller()).await.unwrap()
}

async fn by_password(world: &World, visitor: &Visitor, name: &str) -> Proof {
    let (secret, from) = (Secret::new(PASSWORD), caller());
    password::prove(&world.issuer, name, secret, Purpose::Browser, &visitor.binding, &from).await.unwrap()
}

/// `mfa: new_device` of a client in a house that asks for no second factor: a browser that somebody signed in
/// with the password alone is a stranger to it; one that they signed in with both is not.
pub async fn step_up_on_a_new_device(stage: Stage) {
    let mut settings = Settings::new(ISSUER);
    settings.login.mfa = Mfa::Never;
    let world = World::with(stage, settings).await;
    apply(&world, client("strict", json!({ "mfa": "new_device" }))).await;
    let owner = world.sign_in(&world.visitor(), "ada").await;
    let phone = Phone::of(&world, "ada", &owner).await;
    let thief = world.sign_in(&world.visitor(), "ada").await;
    assert_eq!(kind(&ask(&world, &thief, "mobile", &[]).await), "code", "the house asks for no more");
    let next = ask(&world, &thief, "strict", &[]).await;
    assert_eq!(kind(&next), "step up");
    let due = vec![Factor::Totp, Factor::RecoveryCode];
    assert!(matches!(turn(&world, &thief, &resume(next)).await, Turn::NeedFactor(ways) if ways == due));

    let asked = resume(ask(&world, &owner, "strict", &[]).await);
    let proof = by_app(&world, &owner, &phone).await;
    let Turn::SignedIn(fresh) = turn_with(&world, &owner, &asked, &Transaction::of(proof)).await else {
        panic!()
    };
    let devices = Devices::read(&world.issuer, fresh.device.expose());
    let later = world.sign_in(&world.visitor(), "ada").await;
    for (devices, due) in [(devices, "code"), (Devices::default(), "step up")] {
        let request = Ask::Fresh(world.request("strict", &[]));
        let next = authorize::answer(&world.issuer, request, None, &later, &devices).await;
        assert_eq!(kind(&next), due);
    }
}

/// Sign-ins of before are judged by what the operator demands now.
pub async fn step_up_when_the_house_asks_more(stage: Stage) {
    let world = World::new(stage).await;
    let bob = world.sign_in(&world.visitor(), "bob").await;
    let verdict = async |change: fn(&mut Policy)| {
        let mut settings = Settings::new(ISSUER);
        change(&mut settings.login);
        let issuer = Issuer::start(settings, parts(&world.stage, &world.hasher, 8)).await.unwrap();
        let request = Ask::Fresh(world.request("mobile", &[]));
        kind(&authorize::authorize(&issuer, request, &bob).await)
    };
    assert_eq!(verdict(|_| {}).await, "code");
    assert_eq!(verdict(|login| login.mfa = Mfa::Always).await, "step up");
    assert_eq!(verdict(|login| login.acr = Acr::Two).await, "step up");
    let mail_only = |login: &mut Policy| (login.mail, login.first) = (true, vec![Factor::EmailCode]);
    assert_eq!(verdict(mail_only).await, "login again", "a password begins nothing any more");
    let keys_only = |login: &mut Policy| login.first = vec![Factor::Passkey];
    assert_eq!(verdict(keys_only).await, "unmet_authentication_requirements");
}

/// A second factor proven now makes no password of before new, for `max_age` and `session_ttl`; and what a
/// sign-in made for the request gets is not older than it asked for.
pub async fn step_up_renews_no_first_factor(stage: Stage) {
    let world = World::new(stage).await;
    apply(&world, client("brief", json!({ "session_ttl": 300 }))).await;
    let ada = world.sign_in(&world.visitor(), "ada").await;
    let began = world.clock().now();
    let phone = Phone::of(&world, "ada", &ada).await;
    world.wait(700).await;
    let asked = resume(ask(&world, &ada, "mobile", &[("acr_values", TWO)]).await);
    let proof = by_app(&world, &ada, &phone).await;
    let Turn::SignedIn(fresh) = turn_with(&world, &ada, &asked, &Transaction::of(proof)).await else {
        panic!()
    };
    let ada = back(&world, &ada, fresh.cookie.expose()).await;
    for (client, changes, due) in [
        ("mobile", &[("acr_values", TWO)][..], "code"),
        ("mobile", &[("max_age", "300")], "login again"),
        ("mobile", &[("max_age", "300"), ("prompt", "none")], "login_required"),
        ("mobile", &[("max_age", "800")], "code"),
        ("brief", &[], "login again"),
    ] {
        assert_eq!(kind(&ask(&world, &ada, client, changes).await), due, "{client} {changes:?}");
    }
    let id = async |response: &authorize::Response| {
        let tokens = world.redeem("mobile", &member(response, "code").unwrap()).await.unwrap();
        claims(tokens.id_token.as_ref().unwrap())
    };
    let Next::Respond(response) = ask(&world, &ada, "mobile", &[("acr_values", TWO)]).await else { panic!() };
    assert_eq!(id(&response).await["auth_time"], began.seconds());

    // A slow person: a minute between password and code, where half of one is asked for.
    world.wait(31).await;
    let asked = resume(ask(&world, &ada, "mobile", &[("acr_values", TWO), ("max_age", "30")]).await);
    let mut slow = Transaction::of(by_password(&world, &ada, "ada").await);
    assert!(matches!(turn_with(&world, &ada, &asked, &slow).await, Turn::NeedFactor(_)), "both anew");
    world.wait(60).await;
    slow.add(by_app(&world, &ada, &phone).await).unwrap();
    let Turn::SignedIn(fresh) = turn_with(&world, &ada, &asked, &slow).await else { panic!() };
    let ada = back(&world, &ada, fresh.cookie.expose()).await;
    let next = authorize::authorize(&world.issuer, Ask::Resume(asked), &ada).await;
    let Next::Respond(response) = next else { panic!("{next:?}") };
    assert_eq!(id(&response).await["auth_time"], world.clock().now().seconds());
}

/// Whoever has a second factor that the client does not take, and has not proven it, sets up none: a stolen
/// password would be enough to add another.
pub async fn step_up_sets_up_nothing_past_a_factor(stage: Stage) {
    let mut settings = Settings::new(ISSUER);
    settings.login.mfa = Mfa::Never;
    let world = World::with(stage, settings).await;
    apply(&world, client("narrow", json!({ "login_factors": ["password", "totp"], "acr": TWO }))).await;
    let me = world.person("ada").await.user.id;
    let change = crate::fixture::credential_change(&me, EventKind::PhoneAdded);
    world.stage.store.put_phone(change, "+491701234567").await.unwrap();
    let thief = world.sign_in(&world.visitor(), "ada").await;
    world.wait(1).await;
    let asked = resume(ask(&world, &world.visitor(), "narrow", &[]).await);
    for visitor in [&thief, &world.visitor()] {
        let stolen = Transaction::of(by_password(&world, visitor, "ada").await);
        let turn = turn_with(&world, visitor, &asked, &stolen).await;
        assert!(matches!(turn, Turn::OutOfReach), "{turn:?}");
    }
    let bob = world.sign_in(&world.visitor(), "bob").await;
    let lacks = turn(&world, &bob, &resume(ask(&world, &bob, "narrow", &[]).await)).await;
    assert!(matches!(&lacks, Turn::Enrol(ways) if *ways == [Factor::Totp]), "{lacks:?}");
}
