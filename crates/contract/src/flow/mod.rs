//! Whole flows: the issuer's rules on a real store. One file a flow; this one owns the world they play in.

pub mod account;
pub mod account_change;
pub mod account_delete;
pub mod admin;
pub mod audit;
pub mod authenticator;
pub mod authorize;
pub mod code;
pub mod confusion;
pub mod counting;
pub mod direct;
pub mod factors;
pub mod feed;
pub mod feed_agrees;
pub mod feed_log;
pub mod first_party;
pub mod first_party_bound;
pub mod house;
pub mod introspection;
pub mod keys;
pub mod known_device;
pub mod login;
pub mod login_model;
pub mod login_model_ways;
pub mod logout;
pub mod machine;
pub mod magic_link;
pub mod mail_code;
pub mod mfa;
pub mod outbox;
pub mod parameters;
pub mod passkey;
pub mod passwordless;
pub mod post;
pub mod recover;
pub mod recovery_code;
pub mod refresh;
pub mod revocation;
pub mod signup;
pub mod sms_code;
pub mod status_list;
pub mod step_up;
pub mod totp;
pub mod upstream;
pub mod upstream_far;

use crate::stage::Stage;
use crate::{ManualClock, SeededEntropy};
use async_trait::async_trait;
use countersign_issuer::login::{Caller, Devices, Purpose, browser, password};
use countersign_issuer::model::{Digest, Secret, Subject};
use countersign_issuer::oauth::authorize::{Ask, Choice, Next, Response, Visitor, authorize, choose};
use countersign_issuer::oauth::issue::TokenResponse;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::oauth::{grant, introspect, userinfo};
use countersign_issuer::port::hasher::HashDone;
use countersign_issuer::port::{HashJob, HashOrigin, Hasher, SignPool};
use countersign_issuer::seal::Sealer;
use countersign_issuer::{Failure, Issuer, Parts, Settings, Unavailable, admin as operator};
use countersign_token::{Prepared, base64url, dangerous};
use post::{NoEgress, Postbox};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The issuer of the flows.
pub const ISSUER: &str = "https://id.example.test";
/// An API with scopes `read write admin`; `admin` by role.
pub const API: &str = "https://api.example.test/";
/// Another, with scope `list`; its tokens live 60 s.
pub const OTHER: &str = "https://other.example.test/";
/// One that shares an HS256 secret with the issuer.
pub const SHARED: &str = "urn:shared";
/// Where `app` is answered.
pub const CALLBACK: &str = "https://app.example.test/cb";
/// What everybody signs in with.
pub const PASSWORD: &str = "Tr0ub4dor & three horses";
/// `web`'s and `svc`'s and `watcher`'s.
pub const SECRET: &str = "s3cret-of-32-bytes-or-more-xxxxxxx";
/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Compares passwords as they are, and counts.
#[derive(Default)]
pub struct PlainHasher {
    /// Jobs done.
    pub jobs: AtomicUsize,
}

#[async_trait]
impl Hasher for PlainHasher {
    async fn run_if_quiet(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        self.run(job).await
    }

    fn origin(&self, stored: &Secret) -> Option<HashOrigin> {
        (!stored.expose().is_empty()).then_some(HashOrigin::Ours)
    }

    async fn run(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        self.jobs.fetch_add(1, Ordering::SeqCst);
        Ok(match job {
            HashJob::Hash(password) => HashDone::Hashed(password),
            HashJob::Verify { password, stored: Some(stored) } if password.expose() == stored.expose() => {
                HashDone::Right { stale: false }
            }
            HashJob::Verify { .. } => HashDone::Wrong,
        })
    }
}

struct OnTheSpot;

#[async_trait]
impl SignPool for OnTheSpot {
    async fn finish(&self, prepared: Prepared) -> Result<String, Unavailable> {
        Ok(prepared.finish().unwrap())
    }
}

/// An issuer with people, clients and APIs.
pub struct World {
    /// The store and its clock.
    pub stage: Stage,
    /// The issuer on it.
    pub issuer: Arc<Issuer>,
    /// Its hasher.
    pub hasher: Arc<PlainHasher>,
}

impl World {
    /// `ada` (role `boss`: `admin` at the API) and `bob`; clients `app` (public), `other` (public),
    /// `web` (confidential), `svc` (a machine), `watcher` (introspects the API), `mobile` (first-party, direct),
    /// `mixed` (its APIs sign differently).
    pub async fn new(stage: Stage) -> Self {
        Self::with(stage, Settings::new(ISSUER)).await
    }

    /// As [`Self::new`], with these settings.
    pub async fn with(stage: Stage, settings: Settings) -> Self {
        let hasher = Arc::new(PlainHasher::default());
        let issuer = Issuer::start(settings, parts(&stage, &hasher, 7)).await.unwrap();
        operator::resources::apply(&issuer, &resources()).await.unwrap();
        operator::clients::apply(&issuer, &clients()).await.unwrap();
        let grants = [(API.to_owned(), crate::fixture::scopes("admin"))].into();
        operator::roles::apply(&issuer, "boss", "", grants).await.unwrap();
        for (name, roles) in [("ada", vec!["boss".to_owned()]), ("bob", Vec::new())] {
            let add = operator::users::Add {
                email: format!("{name}@example.test"),
                email_verified: true,
                username: Some(name.to_owned()),
                name: Some(format!("{name} of the tests")),
                roles,
                password: Some(Secret::new(PASSWORD)),
            };
            operator::users::add(&issuer, add).await.unwrap();
        }
        Self { stage, issuer, hasher }
    }

    /// Another node on the same store.
    pub async fn another(&self) -> Arc<Issuer> {
        let parts = parts(&self.stage, &self.hasher, 8);
        Issuer::start(self.issuer.settings.clone(), parts).await.unwrap()
    }

    /// The store's clock.
    pub fn clock(&self) -> &ManualClock {
        &self.stage.clock
    }

    /// Time goes on, and the issuer with it.
    pub async fn wait(&self, seconds: u64) {
        self.stage.clock.advance(Duration::from_secs(seconds));
        self.issuer.follow().await.unwrap();
    }

    /// Somebody's row.
    pub async fn person(&self, name: &str) -> Subject {
        operator::users::find(&self.issuer, name).await.unwrap()
    }

    /// A browser nobody is signed in with.
    pub fn visitor(&self) -> Visitor {
        Visitor { session: None, binding: "flow cookie".to_owned(), device: "Test browser".to_owned() }
    }

    /// That browser after somebody signed in there.
    pub async fn sign_in(&self, visitor: &Visitor, name: &str) -> Visitor {
        let caller = caller();
        let password = Secret::new(PASSWORD);
        let proof =
            password::prove(&self.issuer, name, password, Purpose::Browser, &visitor.binding, &caller);
        let fresh = browser::complete(&self.issuer, proof.await.unwrap(), visitor, &caller).await.unwrap();
        let session = browser::session(&self.issuer, fresh.cookie.expose()).await.unwrap();
        Visitor { session: Some(session.unwrap()), ..visitor.clone() }
    }

    /// A good request of `client`, with these parameters replaced, added or (when empty) left out.
    pub fn request(&self, client: &str, changes: &[(&str, &str)]) -> Params {
        let challenge = base64url::encode(Digest::of(VERIFIER).0);
        let mut pairs = vec![
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email offline_access read write admin"),
            ("state", "st"),
            ("nonce", "no"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        pairs.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    /// The answer to a request of a browser that somebody is signed in with; consent is given when asked for.
    pub async fn respond(&self, visitor: &Visitor, request: Params) -> Response {
        let next = match authorize(&self.issuer, Ask::Fresh(request), visitor).await {
            Next::Consent(view) => choose(&self.issuer, &view.resume, Choice::Allow, visitor).await,
            other => other,
        };
        match next {
            Next::Respond(response) => response,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// A code for `client` by somebody.
    pub async fn code(&self, visitor: &Visitor, client: &str, changes: &[(&str, &str)]) -> String {
        let response = self.respond(visitor, self.request(client, changes)).await;
        member(&response, "code").unwrap_or_else(|| panic!("no code: {:?}", response.params))
    }

    /// A token request; a client with a secret authenticates by Basic, another by name.
    pub async fn token(&self, client: &str, form: &[(&str, &str)]) -> Result<TokenResponse, Failure> {
        let (authorization, params) = signed(client, form);
        grant::token(&self.issuer, authorization.as_deref(), &params, IP).await.1
    }

    /// Redeems a code.
    pub async fn redeem(&self, client: &str, code: &str) -> Result<TokenResponse, Failure> {
        self.token(client, &redemption(code)).await
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, client: &str, token: &str) -> Result<TokenResponse, Failure> {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// The tokens of a whole sign-in of `ada`'s at `client`.
    pub async fn enter(&self, client: &str) -> TokenResponse {
        let visitor = self.sign_in(&self.visitor(), "ada").await;
        let code = self.code(&visitor, client, &[]).await;
        self.redeem(client, &code).await.unwrap()
    }

    /// What introspection answers `client`.
    pub async fn introspect(&self, client: &str, token: &str) -> Value {
        let (authorization, params) = signed(client, &[("token", token)]);
        introspect::introspect(&self.issuer, authorization.as_deref(), &params, IP).await.unwrap()
    }

    /// Is it active in the eyes of its own client?
    pub async fn active(&self, client: &str, token: &str) -> bool {
        self.introspect(client, token).await["active"] == true
    }

    /// What userinfo answers.
    pub async fn userinfo(&self, token: &str) -> Result<Value, Failure> {
        userinfo::userinfo(&self.issuer, Some(token)).await.1
    }
}

fn parts(stage: &Stage, hasher: &Arc<PlainHasher>, seed: u64) -> Parts {
    Parts {
        store: stage.store.clone(),
        hasher: hasher.clone(),
        sign_pool: Arc::new(OnTheSpot),
        courier: Arc::new(Postbox::default()),
        egress: Arc::new(NoEgress),
        breached: None,
        entropy: Arc::new(SeededEntropy::new(seed)),
        sealer: Sealer::new([7; 32].into()),
        node: format!("flow {seed}"),
    }
}

/// Form parameters that redeem a code.
pub fn redemption(code: &str) -> [(&'static str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// Header and form of a request by `client`.
pub fn signed(client: &str, form: &[(&str, &str)]) -> (Option<String>, Params) {
    let confidential = ["web", "svc", "watcher", "api-user"].contains(&client);
    let basic = confidential.then(|| format!("Basic {}", base64(&format!("{client}:{SECRET}"))));
    let named = (!confidential).then_some(("client_id", client));
    let pairs = form.iter().copied().chain(named);
    (basic, pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

/// Ordinary base64, with padding, as Basic wants it.
pub fn base64(text: &str) -> String {
    let mut out = base64url::encode(text).replace('-', "+").replace('_', "/");
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

/// Where everybody calls from, if nothing else is said.
pub const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An address to call from.
pub fn caller() -> Caller {
    Caller { ip: IP, device: "Test app".to_owned(), devices: Devices::default() }
}

/// One parameter of an answer.
pub fn member(response: &Response, name: &str) -> Option<String> {
    response.params.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone())
}

/// What a token says; its signature is another test's business.
pub fn claims(token: &str) -> Value {
    dangerous::decode(token).unwrap().1
}

/// What a token's header says.
pub fn header(token: &str) -> Value {
    dangerous::decode(token).unwrap().0
}

/// The standard's name of a refusal.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> &'static str {
    match result {
        Err(Failure::Rejected(refused)) => refused.code.name(),
        other => panic!("not refused: {other:?}"),
    }
}

fn resources() -> Value {
    json!([
        { "resource": API, "scopes": ["read", "write", "admin"], "by_role": ["admin"] },
        { "resource": OTHER, "scopes": ["list"], "access_token_ttl": 60 },
        { "resource": SHARED, "scopes": ["share"], "signing_alg": "HS256",
          "secret": "0123456789abcdef0123456789abcdef0123456789a" },
    ])
}

fn clients() -> Value {
    let scope = "openid profile email offline_access read write admin list";
    let app = |id: &str| {
        json!({
            "client_id": id, "token_endpoint_auth_method": "none", "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": ["https://app.example.test/bye"],
            "grant_types": ["authorization_code", "refresh_token"], "scope": scope, "resources": [API],
        })
    };
    let with = |base: Value, changes: Value| {
        let (Value::Object(mut base), Value::Object(changes)) = (base, changes) else { panic!() };
        base.extend(changes);
        Value::Object(base)
    };
    let machine = |id: &str| {
        json!({
            "client_id": id, "client_secret": SECRET, "grant_types": ["client_credentials"],
            "scope": "read write list share admin", "resources": [API, OTHER, SHARED],
        })
    };
    json!([
        app("app"),
        app("other"),
        with(
            app("web"),
            json!({
                "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_basic",
                "resources": [API, OTHER],
            })
        ),
        with(
            app("mixed"),
            json!({
                "scope": "openid offline_access read share", "resources": [API, SHARED],
            })
        ),
        machine("svc"),
        with(machine("watcher"), json!({ "introspects": [API], "resources": [] })),
        with(
            app("mobile"),
            json!({
                "first_party": true, "direct": true, "refresh_without_offline_access": true,
            })
        ),
    ])
}
