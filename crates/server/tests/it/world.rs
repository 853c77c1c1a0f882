//! A whole server on a loopback port: real store, real keys, real sockets; a clock moved by hand.

use crate::wire::{Answer, Ask, form, post};
use countersign_contract::flow::post::{NoEgress, Postbox};
use countersign_contract::{ManualClock, SeededEntropy, fixture};
use countersign_issuer::error::Unavailable;
use countersign_issuer::login::{Caller, Devices, Purpose, browser, password};
use countersign_issuer::model::client::ClientAuthMethod;
use countersign_issuer::model::{Actor, Client, ClientId, Digest, EventDraft, EventKind, Secret, UserId};
use countersign_issuer::oauth::authorize::{Ask as AuthorizeAsk, Next, Visitor, authorize};
use countersign_issuer::oauth::params::Params;
use countersign_issuer::port::hasher::HashDone;
use countersign_issuer::port::{
    Clients, Entropy, Events, HashJob, HashOrigin, Hasher, Resources, SignPool, Users,
};
use countersign_issuer::seal::Sealer;
use countersign_issuer::{Issuer, Parts, Settings};
use countersign_server::{Config, Server};
use countersign_store_sqlite::{Options, SqliteStore};
use countersign_token::{Algorithm, Prepared};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

pub(crate) const API: &str = "https://api.example.test/";
/// What verifiers acknowledge to with a token.
pub(crate) const FEED: &str = "urn:countersign:feed";
/// An API whose tokens are made with its own secret.
pub(crate) const SHARED_API: &str = "urn:shared:api";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const BACKEND_SECRET: &str = "backend-secret-0123456789abcdef0123456789";
pub(crate) const POSTER_SECRET: &str = "poster-secret-0123456789abcdef01234567890";
pub(crate) const SHARER_SECRET: &str = "sharer-secret-0123456789abcdef01234567890";
pub(crate) const SPA_ORIGIN: &str = "https://app.example.test";
pub(crate) const OTHER_ORIGIN: &str = "https://other.example.test";
pub(crate) const BACKEND_ORIGIN: &str = "https://backend.example.test";
pub(crate) const CALLBACK: &str = "https://app.example.test/callback";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A running server.
pub(crate) struct World {
    pub(crate) addr: SocketAddr,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: ManualClock,
    pub(crate) ada: UserId,
    pub(crate) hasher: Arc<PlainHasher>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: JoinHandle<()>,
}

/// With what tests need and nothing changed.
pub(crate) async fn world() -> World {
    world_with(|_| {}).await
}

/// With a changed configuration. The issuer's name follows it.
pub(crate) async fn world_with(change: impl FnOnce(&mut Config)) -> World {
    world_where(change, |_| {}).await
}

/// As [`world_with`], and with other settings of the issuer.
pub(crate) async fn world_where(change: impl FnOnce(&mut Config), set: impl FnOnce(&mut Settings)) -> World {
    let listener = countersign_server::listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut config = Config::new(format!("http://localhost:{}", addr.port()), addr);
    change(&mut config);

    let Ground { issuer, store, clock, ada, hasher } = ground(&config.public_url, set).await;
    let shutdown = CancellationToken::new();
    let server = Server::new(issuer.clone(), config).unwrap();
    let server = tokio::spawn(server.serve(listener, shutdown.clone()));
    World { addr, issuer, store, clock, ada, hasher, shutdown, server }
}

/// What a server stands on.
struct Ground {
    issuer: Arc<Issuer>,
    store: Arc<SqliteStore>,
    clock: ManualClock,
    ada: UserId,
    hasher: Arc<PlainHasher>,
}

async fn ground(public_url: &str, set: impl FnOnce(&mut Settings)) -> Ground {
    let clock = ManualClock::default();
    let store = Arc::new(SqliteStore::open(None, Arc::new(clock.reader()), &Options::default()).unwrap());
    let entropy = Arc::new(SeededEntropy::new(7));
    let hasher = Arc::new(PlainHasher::default());
    let parts = Parts {
        store: store.clone(),
        hasher: hasher.clone(),
        sign_pool: Arc::new(OnTheSpot),
        courier: Arc::new(Postbox::default()),
        egress: Arc::new(NoEgress),
        breached: None,
        entropy: entropy.clone(),
        sealer: Sealer::new(Zeroizing::new([7; 32])),
        node: "test".to_owned(),
    };
    let mut settings = Settings::new(public_url);
    set(&mut settings);
    let issuer = Issuer::start(settings, parts).await.unwrap();
    let ada = populate(&issuer, &store, entropy.as_ref()).await;

    Ground { issuer, store, clock, ada, hasher }
}

/// Does a server with this configuration start?
pub(crate) async fn start(config: Config) -> Result<Server, countersign_server::Error> {
    Server::new(ground(&config.public_url, |_| {}).await.issuer, config)
}

async fn populate(issuer: &Issuer, store: &SqliteStore, entropy: &dyn Entropy) -> UserId {
    let event = |kind| EventDraft::new(kind, Actor::Operator);
    let mut shared = fixture::resource(SHARED_API);
    shared.signing_alg = Some(Algorithm::Hs256);
    let identity = format!("resource/{SHARED_API}");
    shared.secret = Some(issuer.sealer.seal(&identity, &[9; 32], entropy).unwrap());
    let mut feed = fixture::resource(FEED);
    feed.scopes = fixture::scopes("feed:ack");
    let resources = vec![fixture::resource(API), shared, feed];
    let events = resources.iter().map(|_| event(EventKind::ResourceApplied)).collect();
    store.apply_resources(resources, events).await.unwrap();
    let clients = clients(issuer);
    let events = clients.iter().map(|c| event(EventKind::ClientApplied).client(&c.id)).collect();
    store.apply_clients(clients, events).await.unwrap();
    let mut ada = fixture::new_user(entropy, "ada");
    ada.password = Some(Secret::new(format!("plain:{PASSWORD}")));
    let id = ada.id.clone();
    store.create_user(ada, event(EventKind::UserCreated)).await.unwrap();
    issuer.follow().await.unwrap();
    id
}

fn clients(issuer: &Issuer) -> Vec<Client> {
    let scope = fixture::scopes("openid profile email offline_access read write feed:ack");
    let mut spa = fixture::client("spa");
    spa.metadata.direct = true;
    spa.metadata.first_party = true;
    spa.metadata.refresh_without_offline_access = true;
    spa.metadata.resources = vec![API.to_owned()];
    spa.metadata.scope = scope.clone();
    let mut other = fixture::client("other");
    other.metadata.direct = true;
    other.metadata.first_party = true;
    other.metadata.refresh_without_offline_access = true;
    other.metadata.redirect_uris = vec![format!("{OTHER_ORIGIN}/callback")];
    let digest = |id: &str, secret: &str| -> Vec<Digest> {
        vec![issuer.sealer.client_secret(id, &Secret::new(secret))]
    };
    let mut backend = fixture::confidential_client("backend", digest("backend", BACKEND_SECRET));
    backend.metadata.scope = scope.clone();
    backend.metadata.resources = vec![API.to_owned(), FEED.to_owned()];
    backend.metadata.introspects = vec![API.to_owned(), SHARED_API.to_owned()];
    backend.metadata.allowed_origins = Some(vec![BACKEND_ORIGIN.to_owned()]);
    let mut poster = fixture::confidential_client("poster", digest("poster", POSTER_SECRET));
    poster.metadata.token_endpoint_auth_method = ClientAuthMethod::ClientSecretPost;
    poster.metadata.resources = vec![API.to_owned(), FEED.to_owned()];
    poster.metadata.scope = scope;
    let mut indirect = fixture::client("indirect");
    indirect.metadata.direct = false;
    let mut sharer = fixture::confidential_client("sharer", digest("sharer", SHARER_SECRET));
    sharer.metadata.scope = fixture::scopes("read");
    sharer.metadata.resources = vec![SHARED_API.to_owned()];
    vec![spa, other, backend, poster, sharer, indirect]
}

impl World {
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        ask.send(self.addr).await
    }
    pub(crate) fn url(&self, path: &str) -> String {
        self.issuer.settings.url(path)
    }
    /// Where the log ends: moves with everything that is written but rotations.
    pub(crate) async fn log_end(&self) -> i64 {
        self.store.last_event().await.unwrap()
    }
    /// Events since then, beside those of clients that signed in or failed to.
    pub(crate) async fn written_since(&self, seq: i64) -> Vec<EventKind> {
        let all = self.store.events_after(seq, 1_000).await.unwrap().it;
        let kinds = all.into_iter().map(|event| event.what.kind);
        kinds.filter(|k| !matches!(k, EventKind::ClientSignedIn | EventKind::ClientAuthFailed)).collect()
    }
    /// Uses a refresh token of the public client `spa`.
    pub(crate) fn refresh(&self, token: &str) -> Ask {
        post("/oauth/token").form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "spa"),
        ])
    }
    pub(crate) fn hashed(&self) -> usize {
        self.hasher.jobs.load(Ordering::SeqCst)
    }
    /// Ada signs in through the direct API of `client`.
    pub(crate) async fn login(&self, client: &str) -> Value {
        let body = json!({ "username": "ada", "password": PASSWORD, "client_id": client });
        let answer = self.send(post("/auth/login").json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
    /// A signed-in browser.
    pub(crate) async fn visitor(&self) -> Visitor {
        let caller =
            Caller { ip: Ipv4Addr::LOCALHOST.into(), device: String::new(), devices: Devices::default() };
        let mut visitor = Visitor { session: None, binding: "b".repeat(43), device: String::new() };
        let password = Secret::new(PASSWORD);
        let proof =
            password::prove(&self.issuer, "ada", password, Purpose::Browser, &visitor.binding, &caller).await;
        let fresh = browser::complete(&self.issuer, proof.unwrap(), &visitor, &caller).await.unwrap();
        visitor.session = browser::session(&self.issuer, fresh.cookie.expose()).await.unwrap();
        visitor
    }
    /// A fresh authorization code of `spa`, with the challenge of [`VERIFIER`].
    pub(crate) async fn code(&self, visitor: &Visitor) -> String {
        let request = [
            ("response_type", "code"),
            ("client_id", "spa"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid email offline_access read"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let params = Params::parse(form(&request).as_bytes()).unwrap();
        match authorize(&self.issuer, AuthorizeAsk::Fresh(params), visitor).await {
            Next::Respond(response) => {
                let code = response.params.into_iter().find(|(n, _)| *n == "code");
                code.expect("a code").1
            }
            other => panic!("{other:?}"),
        }
    }
    /// Redeems a code as `spa`.
    pub(crate) fn redeem(&self, code: &str) -> Ask {
        post("/oauth/token").form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("client_id", "spa"),
            ("code_verifier", VERIFIER),
        ])
    }
    /// `client_credentials`.
    pub(crate) async fn machine_token(&self, client: &str, secret: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", "read")];
        let answer = self.send(post("/oauth/token").basic(client, secret).form(&form)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
    /// A token to acknowledge with.
    pub(crate) async fn feed_token(&self, client: &str, secret: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "feed:ack"),
            ("resource", FEED),
            ("client_id", client),
            ("client_secret", secret),
        ];
        let by_form = client == "poster";
        let ask = match by_form {
            true => post("/oauth/token").form(&form),
            false => post("/oauth/token").basic(client, secret).form(&form[..3]),
        };
        let answer = self.send(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
    /// Removes a client, as the command line does.
    pub(crate) async fn remove_client(&self, id: &str) {
        let event = EventDraft::new(EventKind::ClientRemoved, Actor::Operator);
        let id = ClientId::from_stored(id);
        self.store.remove_client(&id, Duration::from_secs(3600), event.client(&id)).await.unwrap();
        self.issuer.follow().await.unwrap();
    }
    /// Is the token active, as `backend` sees it?
    pub(crate) async fn is_active(&self, token: &str) -> bool {
        let ask = post("/oauth/introspect").basic("backend", BACKEND_SECRET).form(&[("token", token)]);
        self.send(ask).await.json()["active"].as_bool().unwrap()
    }
    /// Ends and waits.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.server).await.unwrap().unwrap();
    }
}

/// Stores `plain:` and the password: what hashing costs is not what these tests are about; that a job is
/// run is counted.
#[derive(Default)]
pub(crate) struct PlainHasher {
    jobs: AtomicUsize,
    mood: Mutex<Mood>,
}

/// How the hasher behaves.
#[derive(Clone, Copy, Default)]
pub(crate) enum Mood {
    #[default]
    Works,
    /// Its queue is full.
    Full,
    /// It never answers.
    Stuck,
    /// It has a bug.
    Panics,
}

impl PlainHasher {
    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

#[async_trait::async_trait]
impl Hasher for PlainHasher {
    async fn run_if_quiet(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        self.run(job).await
    }

    fn origin(&self, stored: &Secret) -> Option<HashOrigin> {
        (!stored.expose().is_empty()).then_some(HashOrigin::Ours)
    }

    async fn run(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        self.jobs.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Works => {}
            Mood::Full => {
                let retry_after = Duration::from_millis(1500);
                return Err(Unavailable { what: "hashing", detail: "queue is full".to_owned(), retry_after });
            }
            Mood::Stuck => std::future::pending().await,
            Mood::Panics => panic!("secret-of-a-panic"),
        }
        Ok(match job {
            HashJob::Hash(password) => HashDone::Hashed(Secret::new(format!("plain:{}", password.expose()))),
            HashJob::Verify { password, stored } => {
                let right = format!("plain:{}", password.expose());
                match stored.is_some_and(|s| s.expose() == right) {
                    true => HashDone::Right { stale: false },
                    false => HashDone::Wrong,
                }
            }
        })
    }
}

/// Signs where it stands.
struct OnTheSpot;

#[async_trait::async_trait]
impl SignPool for OnTheSpot {
    async fn finish(&self, prepared: Prepared) -> Result<String, Unavailable> {
        let failed = |e: countersign_token::KeyError| Unavailable {
            what: "signing",
            detail: e.to_string(),
            retry_after: Duration::from_secs(1),
        };
        prepared.finish().map_err(failed)
    }
}
