//! What requests, clients and resources ask of a sign-in, and asking the person for what is missing only.

use super::{API, CALLBACK, IP, World, caller, member, signed};
use crate::Stage;
use countersign_issuer::account::enrol::totp as enrol;
use countersign_issuer::login::browser::{self, Turn};
use countersign_issuer::login::{Purpose, Transaction, totp};
use countersign_issuer::model::{Factor, Secret};
use countersign_issuer::oauth::authorize::{self, Ask, Next, Visitor};
use countersign_issuer::oauth::grant;
use countersign_issuer::{Code, Failure, admin};
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
