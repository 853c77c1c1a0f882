//! Signing in with another provider, and everything it may lie about.

use super::ISSUER;
use super::house::{self, House, browser, caller};
use super::upstream_far::{CLIENT, FAR, Far, NEAR, SECRET, key};
use crate::Stage;
use countersign_issuer::account::factors;
use countersign_issuer::admin::users;
use countersign_issuer::login::Transaction;
use countersign_issuer::login::browser::{self as browsers, Demand, Turn};
use countersign_issuer::model::{EventKind, Secret, User};
use countersign_issuer::oauth::authorize::Visitor;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::upstream::{
    ClientSecret, End, Intent, Kind, Landed, Linking, MailTrust, Pending, Protocol, ProviderSettings,
    RoleRule, Start, begin, finish, link,
};
use countersign_issuer::{Code, Settings};
use countersign_token::{Algorithm, SigningKey, base64url};
use serde_json::{Value, json};
use std::sync::Arc;

fn provider(name: &str, issuer: &str) -> ProviderSettings {
    ProviderSettings {
        name: name.to_owned(),
        display_name: name.to_owned(),
        protocol: Protocol::OpenId,
        issuer: issuer.to_owned(),
        named: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
        secret: ClientSecret::Shared(Secret::new(SECRET)),
        scopes: ["openid", "email"].map(str::to_owned).to_vec(),
        algorithms: Vec::new(),
        form_post: false,
        proves_again: true,
        mail_domains: vec!["far.test".to_owned()],
        mail_trust: MailTrust::Claim,
        link: Linking::Ask,
        sign_up: true,
        roles: Vec::new(),
    }
}

struct World {
    house: House,
    far: Arc<Far>,
}

impl World {
    async fn new(stage: Stage) -> Self {
        Self::with(stage, |_| {}).await
    }

    async fn with(stage: Stage, change: impl FnOnce(&mut ProviderSettings)) -> Self {
        let far = Arc::new(Far::new(stage.clock.now().seconds()));
        let mut settings = Settings::new(ISSUER);
        settings.sign_up.domains = vec!["far.test".to_owned()];
        let mut first = provider("far", FAR);
        change(&mut first);
        settings.upstreams = vec![first, provider("near", NEAR)];
        let house = House::reaching(stage, settings, Arc::clone(&far) as _).await;
        Self { house, far }
    }

    /// The browser goes to the provider; answers `state` as it would come back.
    async fn leave(&self, name: &str, intent: Intent, visitor: &Visitor, again: bool) -> String {
        let provider = self.house.issuer.upstreams.get(name).unwrap();
        let start = Start { intent, resume: Some("resume".to_owned()), transaction: None, hint: None, again };
        let url = begin(&self.house.issuer, provider, start, &visitor.binding).await.unwrap();
        let query = Params::parse(url.split_once('?').unwrap().1.as_bytes()).unwrap();
        let state = query.required("state").unwrap().to_owned();
        assert_eq!(query.one("response_type").unwrap(), Some("code"));
        assert_eq!(query.one("code_challenge_method").unwrap(), Some("S256"));
        *self.far.request.lock().unwrap() = Some(query);
        state
    }

    async fn back(&self, name: &str, visitor: &Visitor, query: &[(&str, &str)]) -> Landed {
        let provider = self.house.issuer.upstreams.get(name).unwrap();
        let pairs = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        // Each from an address of its own: the limiter is another case.
        let n = self.far.asked.lock().unwrap().len() % 250;
        let caller = caller(u8::try_from(n).unwrap());
        finish(&self.house.issuer, provider, &pairs.collect(), visitor, &caller).await.unwrap()
    }

    /// There and back with what the provider says now.
    async fn round(&self, visitor: &Visitor) -> End {
        let state = self.leave("far", Intent::SignIn, visitor, false).await;
        self.back("far", visitor, &[("state", &state), ("code", "the-code")]).await.end
    }

    async fn signed_in(&self, end: End, visitor: &Visitor) -> Option<Visitor> {
        let End::Proven(proof) = end else { panic!("{end:?}") };
        let demand = Demand::of_house(&self.house.issuer);
        let transaction = Transaction::of(proof);
        match browsers::turn(&self.house.issuer, &transaction, &demand, visitor, &caller(1)).await.unwrap() {
            Turn::SignedIn(fresh) => Some(self.house.back(fresh.cookie.expose()).await),
            _ => None,
        }
    }

    async fn named(&self, email: &str) -> Option<User> {
        self.house.stage.store.find_login(email).await.unwrap().it.map(|f| f.subject.user)
    }
}

fn trouble(end: End) -> Kind {
    match end {
        End::Trouble(trouble) => trouble.kind,
        other => panic!("{other:?}"),
    }
}

/// A stranger with a confirmed address gets an account once, and comes back to it also under another address.
pub async fn upstream_signs_up_and_in(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = browser("flow");
    let mark = world.house.stage.mark().await;
    let me = world.round(&visitor).await;
    let me = world.signed_in(me, &visitor).await.unwrap().session.unwrap();
    let user = &me.subject.user;
    assert_eq!(
        (user.email.as_str(), user.email_verified, user.name.as_deref()),
        ("ada@far.test", true, Some("Ada"))
    );
    assert_eq!(world.house.stage.kinds(mark).await, [EventKind::SignedUp, EventKind::LoginSucceeded]);
    assert_eq!(me.session.authentication.acr, "urn:countersign:1", "the provider's word is one factor");
    world.far.say(|says| says.claims = json!({"sub": "far-2", "email": "a@b.test", "email_verified": true}));
    assert_eq!(trouble(world.round(&visitor).await), Kind::NoAccount, "not of a domain that may sign up");
    world.far.say(|says| says.claims["sub"] = json!("far-1"));
    let again = world.round(&visitor).await;
    let again = world.signed_in(again, &visitor).await.unwrap().session.unwrap();
    assert_eq!(again.subject.user.id, user.id);
    assert!(world.named("a@b.test").await.is_none());
    // Its documents were asked for once.
    assert_eq!(world.far.asked_for("/.well-known/openid-configuration"), 1);
    assert_eq!((world.far.asked_for("/jwks"), world.far.asked_for("/token")), (1, 3));
    assert_eq!(world.house.issuer.upstreams.home_of("Somebody@FAR.test").unwrap().settings.name, "far");
    assert!(world.house.issuer.upstreams.home_of("somebody@notfar.test").is_none());
}

/// Every lie of an ID token: nobody is signed in, no account is made.
pub async fn upstream_lies_are_refused(stage: Stage) {
    let world = World::new(stage).await;
    let (visitor, now) = (browser("flow"), world.house.stage.clock.now().seconds());
    let mark = world.house.stage.mark().await;
    for (lie, claims) in [
        ("nonce", json!({"nonce": "another"})),
        ("no nonce", json!({"nonce": "LEFT OUT"})),
        ("issuer", json!({"iss": NEAR})),
        ("issuer with a slash", json!({"iss": "https://far.test/"})),
        ("no issuer", json!({"iss": "LEFT OUT"})),
        ("audience", json!({"aud": "somebody else"})),
        ("no audience", json!({"aud": "LEFT OUT"})),
        ("azp", json!({"azp": "somebody else"})),
        ("many audiences and no azp", json!({"aud": [CLIENT, "somebody else"]})),
        ("expired", json!({"exp": now - 61, "iat": now - 400})),
        ("no end", json!({"exp": "LEFT OUT"})),
        ("made in the future", json!({"iat": now + 61, "exp": now + 400})),
        ("not yet valid", json!({"nbf": now + 61})),
        ("no sub", json!({"sub": "LEFT OUT"})),
        ("empty sub", json!({"sub": ""})),
        ("long sub", json!({"sub": "s".repeat(256)})),
        ("sub that is no text", json!({"sub": 7})),
        ("at_hash", json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})),
    ] {
        world.far.say(|says| {
            says.claims = json!({"sub": "far-1", "email": "ada@far.test", "email_verified": true})
        });
        world
            .far
            .say(|says| says.claims.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone()));
        assert_eq!(trouble(world.round(&visitor).await), Kind::Refused, "{lie}");
    }
    let told = world.house.stage.kinds(mark).await;
    assert_eq!(told, [EventKind::LoginFailed; 18], "each is told, and nothing else is written");
    let honest = json!({"sub": "far-1", "aud": [CLIENT, "other"], "azp": CLIENT, "email": "ada@far.test",
                        "email_verified": true, "exp": now - 59, "iat": now + 59});
    world.far.say(|says| says.claims = honest);
    assert!(matches!(world.round(&visitor).await, End::Proven(_)), "each of these lies was the reason");
}

/// Signatures: none, a shared secret, somebody else's key, a key under a known name.
pub async fn upstream_forged_signatures(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = browser("flow");
    let now = world.house.stage.clock.now().seconds();
    let part = |value: &Value| base64url::encode(value.to_string());
    for lie in
        ["none", "HS256 with the public key", "HS256 with the client secret", "another key", "no token"]
    {
        let state = world.leave("far", Intent::SignIn, &visitor, false).await;
        let nonce = world.far.request.lock().unwrap().as_ref().unwrap().required("nonce").unwrap().to_owned();
        let claims =
            json!({"iss": FAR, "aud": CLIENT, "sub": "far-1", "nonce": nonce, "iat": now, "exp": now + 60});
        world.far.say(|says| {
            let public = serde_json::to_string(&says.key.public_jwk().unwrap()).unwrap();
            let shared = |secret: &[u8]| {
                let key = SigningKey::from_private_bytes(Algorithm::Hs256, secret).unwrap();
                key.with_kid("k1").sign("JWT", &claims).unwrap()
            };
            says.token = Some(match lie {
                "none" => format!("{}.{}.", part(&json!({"alg": "none", "kid": "k1"})), part(&claims)),
                "HS256 with the public key" => shared(public.as_bytes()),
                "HS256 with the client secret" => shared(format!("{SECRET:-<40}").as_bytes()),
                "another key" => key("k1").sign("JWT", &claims).unwrap(),
                _ => String::new(),
            });
        });
        let end = world.back("far", &visitor, &[("state", &state), ("code", "the-code")]).await.end;
        assert_eq!(trouble(end), Kind::Refused, "{lie}");
    }
    assert!(world.named("ada@far.test").await.is_none());
}

/// A rotated key is found; one that is nowhere causes one fetch, not one a sign-in; a key set with a secret in
/// it is no key set.
pub async fn upstream_keys_come_and_go(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = browser("flow");
    assert!(matches!(world.round(&visitor).await, End::Proven(_)));
    let second = key("k2");
    world.far.say(|says| {
        says.key = second.clone();
        says.published.push(second);
    });
    world.house.stage.clock.advance_seconds(30);
    assert!(matches!(world.round(&visitor).await, End::Proven(_)), "found anew");
    assert_eq!(world.far.asked_for("/jwks"), 2);
    world.far.say(|says| says.key = key("nowhere"));
    world.house.stage.clock.advance_seconds(30);
    for _ in 0..5 {
        assert_eq!(trouble(world.round(&visitor).await), Kind::Refused);
    }
    assert_eq!(world.far.asked_for("/jwks"), 1, "one for all of them");
    world.far.say(|says| {
        says.instead.insert("/jwks", (200, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned()));
    });
    world.house.stage.clock.advance_seconds(30);
    assert_eq!(trouble(world.round(&visitor).await), Kind::Refused, "the old keys stay");
}

/// States: of another browser, another provider, altered, none, too old, and used twice.
pub async fn upstream_state_is_one_browsers(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = browser("flow");
    let state = world.leave("far", Intent::SignIn, &visitor, false).await;
    let altered = format!("{}A", &state[..state.len() - 1]);
    let good = [("state", state.as_str()), ("code", "the-code")];
    let expired = |landed: Landed| {
        assert!(landed.resume.is_none(), "nothing of a state that is not this browser's");
        assert_eq!(trouble(landed.end), Kind::Expired);
    };
    expired(world.back("far", &browser("another flow"), &good).await);
    expired(world.back("near", &visitor, &good).await);
    expired(world.back("far", &visitor, &[("state", altered.as_str()), ("code", "the-code")]).await);
    expired(world.back("far", &visitor, &[("code", "the-code")]).await);
    expired(world.back("far", &visitor, &[good[0], good[0], good[1]]).await);
    assert_eq!(world.far.asked_for("/token"), 0, "no code of theirs is redeemed");
    let landed = world.back("far", &visitor, &good).await;
    assert_eq!(landed.resume.as_deref(), Some("resume"));
    assert!(matches!(landed.end, End::Proven(_)));
    assert_eq!(trouble(world.back("far", &visitor, &good).await.end), Kind::Expired, "the code is spent");
    let state = world.leave("far", Intent::SignIn, &visitor, false).await;
    world.house.stage.clock.advance_seconds(601);
    expired(world.back("far", &visitor, &[("state", &state), ("code", "the-code")]).await);
}

/// What the provider answers the browser: no, errors, nothing, another's name (RFC 9207).
pub async fn upstream_answers(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = browser("flow");
    for (more, due) in [
        (vec![("error", "access_denied")], Kind::Denied),
        (vec![("error", "server_error")], Kind::Unreachable),
        (vec![("error", "invalid_scope")], Kind::Misconfigured),
        (vec![("error", "<script>")], Kind::Misconfigured),
        (vec![], Kind::Refused),
        (vec![("code", "another")], Kind::Expired),
        (vec![("code", "the-code"), ("code", "the-code")], Kind::Refused),
        (vec![("code", "the-code"), ("iss", NEAR)], Kind::Refused),
    ] {
        let state = world.leave("far", Intent::SignIn, &visitor, false).await;
        let mut query = vec![("state", state.as_str())];
        query.extend(more.iter().copied());
        assert_eq!(trouble(world.back("far", &visitor, &query).await.end), due, "{more:?}");
    }
    let state = world.leave("far", Intent::SignIn, &visitor, false).await;
    let named = [("state", state.as_str()), ("code", "the-code"), ("iss", FAR)];
    assert!(matches!(world.back("far", &visitor, &named).await.end, End::Proven(_)));
    // One that says it always names itself, does.
    world.far.say(|says| says.more = json!({"authorization_response_iss_parameter_supported": true}));
    world.house.stage.clock.advance_seconds(700);
    world.far.say(|says| says.now += 700);
    assert_eq!(trouble(world.round(&visitor).await), Kind::Refused);
}

/// Documents and endpoints that are gone, broken, redirect, or are another provider's.
pub async fn upstream_out_of_order(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = browser("flow");
    let metadata = "/.well-known/openid-configuration";
    let there = |world: &World| {
        let (issuer, visitor) = (Arc::clone(&world.house.issuer), visitor.clone());
        async move {
            let start =
                Start { intent: Intent::SignIn, resume: None, transaction: None, hint: None, again: false };
            let provider = issuer.upstreams.get("far").unwrap();
            match begin(&issuer, provider, start, &visitor.binding).await {
                Err(countersign_issuer::upstream::Stop::Trouble(trouble)) => trouble.kind,
                other => panic!("{other:?}"),
            }
        }
    };
    world.far.say(|says| says.silent.push(metadata));
    assert_eq!(there(&world).await, Kind::Unreachable);
    assert_eq!(there(&world).await, Kind::Unreachable);
    assert_eq!(world.far.asked_for(metadata), 1, "not asked again at once");
    world.far.say(|says| says.silent.clear());
    for (status, body, due) in [
        (503, String::new(), Kind::Unreachable),
        (302, String::new(), Kind::Misconfigured),
        (404, String::new(), Kind::Misconfigured),
        (200, "<html>".to_owned(), Kind::Misconfigured),
        (200, "{}".to_owned(), Kind::Misconfigured),
    ] {
        world.house.stage.clock.advance_seconds(10);
        world.far.say(|says| drop(says.instead.insert(metadata, (status, body.clone()))));
        assert_eq!(there(&world).await, due, "{status} {body}");
    }
    world.far.say(|says| says.instead.clear());
    for more in [
        json!({"issuer": NEAR}),
        json!({"token_endpoint": "http://far.test/token"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"id_token_signing_alg_values_supported": ["none", "HS256"]}),
    ] {
        world.house.stage.clock.advance_seconds(10);
        world.far.say(|says| says.more = more.clone());
        assert_eq!(there(&world).await, Kind::Misconfigured, "{more}");
    }
    world.house.stage.clock.advance_seconds(10);
    world.far.say(|says| says.more = json!({}));
    for (path, due) in [("/token", Kind::Unreachable), ("/jwks", Kind::Unreachable)] {
        world.far.say(|says| says.silent = vec![path]);
        assert_eq!(trouble(world.round(&visitor).await), due, "{path}");
    }
    // Userinfo of somebody else.
    world.house.stage.clock.advance_seconds(10);
    world.far.say(|says| {
        says.silent.clear();
        says.claims = json!({"sub": "far-1"});
        let body = json!({"sub": "far-2", "email": "ada@far.test", "email_verified": true}).to_string();
        says.instead.insert("/userinfo", (200, body));
        says.now += 100;
    });
    assert_eq!(trouble(world.round(&visitor).await), Kind::Refused);
}

/// An address decides nothing by itself: not confirmed there, not confirmed here, not trusted.
pub async fn upstream_never_by_an_address(stage: Stage) {
    let world = World::with(stage, |p| p.link = Linking::VerifiedEmail).await;
    let visitor = browser("flow");
    let unconfirmed = users::Add { email: "ada@far.test".into(), ..users::Add::default() };
    let squatter = users::add(&world.house.issuer, unconfirmed).await.unwrap();
    let mark = world.house.stage.mark().await;
    match world.round(&visitor).await {
        End::ProveFirst(pending) => assert_eq!(pending.user.as_ref(), Some(&squatter.id)),
        other => panic!("linked to an account whose owner never confirmed the address: {other:?}"),
    }
    let nora = world.house.person("nora").await;
    world.far.say(|says| {
        says.claims = json!({"sub": "far-9", "email": "nora@example.test", "email_verified": false})
    });
    for email in ["nora@example.test", "nobody@example.test"] {
        world.far.say(|says| says.claims["email"] = json!(email));
        match world.round(&visitor).await {
            End::ProveFirst(pending) => assert_eq!(pending.user, None, "says nothing about {email}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(world.named("nobody@example.test").await.is_none(), "nobody's address is taken from them");
    world.far.say(|says| {
        says.claims = json!({"sub": "far-9", "email": "NORA@example.test", "email_verified": true})
    });
    let linked = world.round(&visitor).await;
    let me = world.signed_in(linked, &visitor).await.unwrap().session.unwrap();
    assert_eq!(me.subject.user.id, nora.id, "confirmed on both sides, and trusted");
    let kinds = world.house.stage.kinds(mark).await;
    assert!(kinds.contains(&EventKind::ProviderLinked) && !kinds.contains(&EventKind::SignedUp), "{kinds:?}");
}

/// By default the owner of the account proves it, is asked, and then has one more way in.
pub async fn upstream_asks_first(stage: Stage) {
    let world = World::new(stage).await;
    let (issuer, visitor) = (&world.house.issuer, browser("flow"));
    let nora = world.house.person("nora").await;
    let other = world.house.person("otto").await;
    world.far.say(|says| {
        says.claims = json!({"sub": "far-9", "email": "nora@example.test", "email_verified": true})
    });
    let End::ProveFirst(pending) = world.round(&visitor).await else { panic!("not asked") };
    let blob = pending.seal(issuer, &visitor.binding).unwrap();
    assert_eq!(Pending::open(issuer, "another flow", &blob), None);
    assert_eq!(Pending::open(issuer, &visitor.binding, &blob).as_ref(), Some(&pending));
    let otto = world.house.visitor("otto").await.session.unwrap();
    let refused = link::link_mine(issuer, &pending, &otto, &caller(1)).await;
    assert_eq!(house::code(refused), Code::InvalidRequest, "about another account than {}", other.email);
    let me = world.house.visitor("nora").await.session.unwrap();
    world.house.stage.clock.advance(factors::FRESH);
    world.house.stage.clock.advance_seconds(1);
    let refused = link::link_mine(issuer, &pending, &me, &caller(1)).await;
    assert_eq!(house::code(refused), Code::InsufficientAuthorization, "proven too long ago");
    let me = world.house.visitor("nora").await.session.unwrap();
    link::link_mine(issuer, &pending, &me, &caller(1)).await.unwrap();
    world.far.say(|says| says.now += 601);
    let end = world.round(&visitor).await;
    let me = world.signed_in(end, &visitor).await.unwrap().session.unwrap();
    assert_eq!(me.subject.user.id, nora.id);
    // Unlinked by nobody else; the password is left.
    let refused = link::unlink(issuer, &otto, "far", "far-9", &caller(1)).await;
    assert!(matches!(house::code(refused), Code::NotFound | Code::InsufficientAuthorization));
    link::unlink(issuer, &me, "far", "far-9", &caller(1)).await.unwrap();
    assert!(matches!(world.round(&visitor).await, End::ProveFirst(_)));
}

/// Linked from the account page, in the browser that asked and for the person who did; the last way stays.
pub async fn upstream_linked_by_its_owner(stage: Stage) {
    let world = World::new(stage).await;
    let issuer = &world.house.issuer;
    let made = world.round(&browser("flow")).await;
    let alone = world.signed_in(made, &browser("flow")).await.unwrap();
    let refused = link::unlink(issuer, alone.session.as_ref().unwrap(), "far", "far-1", &caller(1)).await;
    assert_eq!(house::code(refused), Code::Conflict, "the last way to sign in");

    let nora = world.house.person("nora").await;
    let me = world.house.visitor("nora").await;
    world.far.say(|says| says.claims = json!({"sub": "far-7"}));
    let state = world.leave("far", Intent::Link(nora.id.clone()), &me, false).await;
    let query = [("state", state.as_str()), ("code", "the-code")];
    let end = world.back("far", &alone, &query).await.end;
    assert_eq!(trouble(end), Kind::Expired, "somebody else is signed in by now");
    let state = world.leave("far", Intent::Link(nora.id.clone()), &me, false).await;
    let query = [("state", state.as_str()), ("code", "the-code")];
    assert!(matches!(world.back("far", &me, &query).await.end, End::Linked));
    world.far.say(|says| says.claims = json!({"sub": "far-1"}));
    let me = world.house.visitor("nora").await;
    let state = world.leave("far", Intent::Link(nora.id.clone()), &me, false).await;
    let query = [("state", state.as_str()), ("code", "the-code")];
    assert_eq!(trouble(world.back("far", &me, &query).await.end), Kind::TakenElsewhere);
    let links = link::list(issuer, me.session.as_ref().unwrap()).await.unwrap();
    assert_eq!(links.iter().map(|l| l.subject.as_str()).collect::<Vec<_>>(), ["far-7"]);
}

/// Accounts are made where the operator says so; a disabled one is not entered; roles follow the claims; who
/// is signed in proves again.
pub async fn upstream_obeys_the_operator(stage: Stage) {
    stage.role(crate::fixture::role("staff", "https://api.example.test/", "read")).await;
    let closed = |p: &mut ProviderSettings| {
        p.roles = vec![RoleRule::parse("groups = crew -> staff").unwrap()];
    };
    let world = World::with(stage, closed).await;
    let (issuer, visitor) = (&world.house.issuer, browser("flow"));
    world.far.say(|says| says.claims["groups"] = json!(["crew"]));
    let end = world.round(&visitor).await;
    let me = world.signed_in(end, &visitor).await.unwrap();
    assert_eq!(me.session.as_ref().unwrap().subject.user.roles, ["staff"]);
    world.far.say(|says| says.claims["groups"] = json!([]));
    let end = world.round(&visitor).await;
    assert!(world.signed_in(end, &visitor).await.unwrap().session.unwrap().subject.user.roles.is_empty());

    // A fresh proof: one of before is none, and one that does not say when neither.
    let now = world.house.stage.clock.now().seconds();
    for (auth_time, good) in [(json!(now - 61), false), (json!("LEFT OUT"), false), (json!(now), true)] {
        world.far.say(|says| says.claims["auth_time"] = auth_time.clone());
        let state = world.leave("far", Intent::SignIn, &me, true).await;
        let asked =
            world.far.request.lock().unwrap().as_ref().unwrap().one("prompt").unwrap().map(str::to_owned);
        assert_eq!(asked.as_deref(), Some("login"));
        let end = world.back("far", &me, &[("state", &state), ("code", "the-code")]).await.end;
        match good {
            true => assert!(matches!(end, End::Proven(_)), "{end:?}"),
            false => assert_eq!(trouble(end), Kind::Stale, "{auth_time}"),
        }
    }
    // Nobody is signed in and the provider knows the person: what it says of when counts, not when they came.
    world.far.say(|says| says.claims["auth_time"] = json!(now - 3600));
    let stranger = browser("another flow");
    let end = world.round(&stranger).await;
    let entered = world.signed_in(end, &stranger).await.unwrap().session.unwrap();
    assert_eq!(entered.session.authentication.auth_time.seconds(), now - 3600);
    assert!(!factors::fresh_enough(issuer, &entered).await.unwrap(), "no password or address is changed so");
    users::disable(issuer, "ada@far.test").await.unwrap();
    assert_eq!(trouble(world.round(&visitor).await), Kind::NoAccount);
}
