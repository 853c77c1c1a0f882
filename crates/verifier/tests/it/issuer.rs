//! An issuer to verify against: a real server on a loopback socket that can be made to misbehave.

use crate::feed_server::{Feed, advertise};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use countersign_token::{AccessToken, Algorithm, Audience, JwkSet, SigningKey};
use countersign_verifier::{Builder, Clock, Timestamp, Verifier};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub(crate) const AUDIENCE: &str = "urn:api:users";
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";
pub(crate) const RFC8414: &str = "/.well-known/oauth-authorization-server";
pub(crate) const JWKS: &str = "/jwks";

/// Time that moves when told to.
#[derive(Clone, Default)]
pub(crate) struct Hands(Arc<Mutex<Duration>>, Arc<AtomicI64>);

pub(crate) const START: i64 = 1_800_000_000;

impl Hands {
    /// The wall clock is set to another time; time itself goes on.
    pub(crate) fn set_wall(&self, ahead_seconds: i64) {
        self.1.store(ahead_seconds, Ordering::SeqCst);
    }

    /// Time since the start.
    pub(crate) fn passed(&self) -> Duration {
        self.elapsed()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.pass_for(Duration::from_secs(seconds));
    }

    pub(crate) fn pass_for(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(START + self.1.load(Ordering::SeqCst)) + self.elapsed()
    }
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

/// How a path answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Body(String),
    Status(u16),
    Redirect(String),
    Never,
    /// The body once the semaphore has a permit.
    Gated(Arc<Semaphore>, String),
}

#[derive(Default)]
struct Desk {
    answers: HashMap<String, Answer>,
    hits: HashMap<String, usize>,
}

#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) clock: Hands,
    pub(crate) feed: Feed,
    desk: Arc<Mutex<Desk>>,
}

impl Issuer {
    /// As [`Self::start`], with a revocation feed of its own.
    pub(crate) async fn with_feed(keys: &[&SigningKey]) -> Self {
        let issuer = Self::start(keys).await;
        issuer.advertise();
        issuer
    }

    pub(crate) fn advertise(&self) {
        let (document, path) = advertise(&self.metadata(), &self.url);
        self.answer(path, Answer::Body(document));
    }

    /// Listens, publishes metadata and the keys.
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let desk = Arc::<Mutex<Desk>>::default();
        let clock = Hands::default();
        let feed = Feed::of(&url, &url, &clock);
        let app: Router = Router::new().fallback(answer).with_state(Arc::clone(&desk)).merge(feed.routes());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let issuer = Self { url, clock, feed, desk };
        issuer.answer(METADATA, Answer::Body(issuer.metadata()));
        issuer.publish(keys);
        issuer
    }

    pub(crate) fn metadata(&self) -> String {
        json!({ "issuer": self.url, "jwks_uri": format!("{}{JWKS}", self.url) }).to_string()
    }

    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        self.answer(JWKS, Answer::Body(jwks(keys)));
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.desk.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    pub(crate) fn hits(&self, path: &str) -> usize {
        self.desk.lock().unwrap().hits.get(path).copied().unwrap_or(0)
    }

    pub(crate) fn builder(&self) -> Builder {
        Verifier::builder(&self.url).audience([AUDIENCE]).allow_http_on_loopback().clock(self.clock.clone())
    }

    pub(crate) fn verifier(&self) -> Verifier {
        self.builder().build().unwrap()
    }

    /// Claims of a token that is good for 15 minutes from the start.
    pub(crate) fn claims(&self) -> AccessToken {
        claims(&self.url)
    }

    pub(crate) fn token(&self, key: &SigningKey) -> String {
        key.sign("at+jwt", &self.claims()).unwrap()
    }
}

pub(crate) fn claims(issuer: &str) -> AccessToken {
    AccessToken {
        iss: issuer.to_owned(),
        sub: "u_1".to_owned(),
        aud: Audience(vec![AUDIENCE.to_owned()]),
        exp: START + 900,
        iat: START,
        jti: "j1".to_owned(),
        client_id: "web".to_owned(),
        scope: "users:read users:write".to_owned(),
        roles: vec!["editor".to_owned()],
        ..AccessToken::default()
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

pub(crate) fn jwks(keys: &[&SigningKey]) -> String {
    let keys = keys.iter().map(|key| key.public_jwk().unwrap()).collect();
    serde_json::to_string(&JwkSet { keys }).unwrap()
}

async fn answer(State(desk): State<Arc<Mutex<Desk>>>, uri: Uri) -> Response {
    let answer = {
        let mut desk = desk.lock().unwrap();
        *desk.hits.entry(uri.path().to_owned()).or_default() += 1;
        desk.answers.get(uri.path()).cloned()
    };
    match answer {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Answer::Body(body)) => body.into_response(),
        Some(Answer::Status(code)) => StatusCode::from_u16(code).unwrap().into_response(),
        Some(Answer::Redirect(to)) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Some(Answer::Never) => std::future::pending().await,
        Some(Answer::Gated(gate, body)) => {
            gate.acquire().await.unwrap().forget();
            body.into_response()
        }
    }
}
