//! A provider that signs in whoever comes, and whose ID tokens say what it is told to say.

use crate::forge::{self, Stranger};
use crate::random;
use anyhow::Result;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_verifier::{Clock, SystemClock};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

/// The name of its key.
const KEY: &str = "liar-1";
/// How long an ID token of its lives, in seconds.
const LIFE: i64 = 300;

/// A running provider; it ends with its owner.
pub(crate) struct Liar {
    /// Its issuer identifier.
    pub(crate) url: String,
    /// The address of whoever signs in with it.
    pub(crate) email: String,
    told: Arc<Told>,
    _tasks: JoinSet<()>,
}

/// What an ID token says in place of the truth.
#[derive(Clone, Default)]
pub(crate) struct Lie {
    /// Claims; `None`: left out.
    pub(crate) claims: Vec<(&'static str, Option<Value>)>,
    /// Somebody else's key signs, under the name of the published one.
    pub(crate) forged: bool,
}

struct Told {
    url: String,
    email: String,
    client: String,
    key: Stranger,
    other: Stranger,
    lie: Mutex<Lie>,
    /// By code.
    nonces: Mutex<HashMap<String, String>>,
}

#[derive(Deserialize)]
struct Asked {
    redirect_uri: String,
    state: String,
    nonce: String,
}

#[derive(Deserialize)]
struct Redeemed {
    code: String,
}

impl Liar {
    /// Starts it, for this client.
    pub(crate) async fn start(client: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://liar.localhost:{}", listener.local_addr()?.port());
        let email = format!("guest-{}@liar.example", random::name()?);
        let told = Arc::new(Told {
            url: url.clone(),
            email: email.clone(),
            client: client.to_owned(),
            key: Stranger::new()?,
            other: Stranger::new()?,
            lie: Mutex::default(),
            nonces: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&told));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(axum::serve(listener, routes).await) });
        Ok(Self { url, email, told, _tasks: tasks })
    }

    /// What the next ID tokens say. The empty lie is the truth.
    pub(crate) fn tell(&self, lie: &Lie) {
        *held(&self.told.lie) = lie.clone();
    }
}

impl Told {
    fn id_token(&self, nonce: &str) -> Result<String> {
        let now = SystemClock::new().now().seconds();
        let mut claims = json!({
            "iss": self.url,
            "aud": self.client,
            "sub": "guest",
            "nonce": nonce,
            "iat": now,
            "exp": now + LIFE,
            "email": self.email,
            "email_verified": true,
        });
        let lie = held(&self.lie).clone();
        for (claim, value) in lie.claims {
            claims = forge::with(&claims, claim, value);
        }
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": KEY });
        let key = if lie.forged { &self.other } else { &self.key };
        key.sign(&header.to_string(), &claims.to_string())
    }
}

async fn metadata(State(told): State<Arc<Told>>) -> Json<Value> {
    let url = &told.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(State(told): State<Arc<Told>>) -> Json<Value> {
    Json(json!({ "keys": [told.key.jwk(KEY)] }))
}

/// Asks nobody anything.
async fn authorize(State(told): State<Arc<Told>>, Query(asked): Query<Asked>) -> Response {
    let (Ok(code), Ok(mut back)) = (random::secret(), Url::parse(&asked.redirect_uri)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked.state);
    held(&told.nonces).insert(code, asked.nonce);
    Redirect::to(back.as_str()).into_response()
}

async fn token(State(told): State<Arc<Told>>, Form(Redeemed { code }): Form<Redeemed>) -> Response {
    let nonce = held(&told.nonces).remove(&code);
    let id_token = nonce.and_then(|nonce| told.id_token(&nonce).ok());
    match (random::secret(), id_token) {
        (Ok(access_token), Some(id_token)) => {
            Json(json!({ "access_token": access_token, "token_type": "Bearer", "id_token": id_token }))
                .into_response()
        }
        _ => (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response(),
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
