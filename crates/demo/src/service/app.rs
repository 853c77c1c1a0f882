//! The web application in front of a service: signs people in by code + PKCE, keeps tokens on the server,
//! gives the browser a cookie that means nothing elsewhere.

use crate::http::Ask;
use crate::random;
use crate::view;
use anyhow::{Context, Result, anyhow, bail, ensure};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use countersign_token::{Algorithm, IdToken, KeySet, Policy, TokenType, dangerous, verify};
use countersign_verifier::{Clock, SystemClock, Verifier};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

/// Cookie of a signed-in browser.
const SESSION: &str = "app-session";
/// Cookie of a browser on its way to the issuer and back.
const FLOW: &str = "app-flow";
/// Sessions and flows held at most; the oldest are not missed in a demo.
const HELD: usize = 1000;

/// One web application.
pub(crate) struct App {
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) base: String,
    pub(crate) other: (&'static str, String),
    pub(crate) demo: String,
    pub(crate) issuer: String,
    pub(crate) client_id: &'static str,
    pub(crate) secret: String,
    pub(crate) scope: &'static str,
    pub(crate) data: &'static str,
    pub(crate) has_admin: bool,
    pub(crate) verifier: Verifier,
    pub(crate) http: reqwest::Client,
    pub(crate) kept: Mutex<Kept>,
}

/// What the application remembers, in memory.
#[derive(Default)]
pub(crate) struct Kept {
    flows: HashMap<String, Flow>,
    sessions: HashMap<String, Arc<Session>>,
}

struct Flow {
    state: String,
    nonce: String,
    pkce: String,
}

struct Session {
    id_token: String,
    access_token: String,
    who: IdToken,
}

#[derive(Deserialize)]
struct Callback {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// The routes of the application.
pub(crate) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/admin", get(admin))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/logout", post(logout))
        .with_state(app)
}

async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match app.session(&headers) {
        None => app.page(StatusCode::OK, json!({ "view": "signed_out" })),
        Some(session) => app.signed_in(&session).await,
    }
}

/// A page for administrators: the same rule as the API's, shown as a page.
async fn admin(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(session) = app.session(&headers) else { return Redirect::to("/login").into_response() };
    let guard = app.verifier.require().role("admin");
    let verdict = match app.verifier.verify(&session.access_token).await {
        Ok(identity) => guard.allows(&identity),
        Err(refusal) => Err(refusal),
    };
    match verdict {
        Ok(()) => app.page(StatusCode::OK, json!({ "view": "admin" })),
        Err(refusal) => app.problem(refusal.status(), &refusal.to_string()),
    }
}

async fn login(State(app): State<Arc<App>>) -> Response {
    app.begin().unwrap_or_else(|error| app.problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")))
}

async fn callback(State(app): State<Arc<App>>, Query(back): Query<Callback>, headers: HeaderMap) -> Response {
    match app.finish(back, &headers).await {
        Ok(session) => (
            [(SET_COOKIE, format!("{SESSION}={session}; Path=/; HttpOnly; SameSite=Lax"))],
            Redirect::to("/"),
        )
            .into_response(),
        Err(error) => app.problem(StatusCode::BAD_REQUEST, &format!("{error:#}")),
    }
}

async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let held = cookie(&headers, SESSION).and_then(|id| app.kept().sessions.remove(&id));
    let mut to = format!("{}/", app.base);
    if let (Some(session), Ok(mut url)) = (held, Url::parse(&format!("{}/oauth/logout", app.issuer))) {
        url.query_pairs_mut()
            .append_pair("id_token_hint", &session.id_token)
            .append_pair("client_id", app.client_id)
            .append_pair("post_logout_redirect_uri", &to);
        to = url.into();
    }
    ([(SET_COOKIE, format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"))], Redirect::to(&to))
        .into_response()
}

impl App {
    /// Nothing but what the two applications have in common.
    pub(crate) fn empty(verifier: Verifier, http: reqwest::Client) -> Self {
        Self {
            title: "",
            about: "",
            base: String::new(),
            other: ("", String::new()),
            demo: String::new(),
            issuer: String::new(),
            client_id: "",
            secret: String::new(),
            scope: "",
            data: "",
            has_admin: false,
            verifier,
            http,
            kept: Mutex::default(),
        }
    }

    fn redirect_uri(&self) -> String {
        format!("{}/callback", self.base)
    }

    fn begin(&self) -> Result<Response> {
        let (pkce, challenge) = random::pkce()?;
        let flow = Flow { state: random::secret()?, nonce: random::secret()?, pkce };
        let id = random::secret()?;
        let mut url = Url::parse(&format!("{}/oauth/authorize", self.issuer))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", self.scope)
            .append_pair("state", &flow.state)
            .append_pair("nonce", &flow.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let mut kept = self.kept();
        bound(&mut kept.flows);
        kept.flows.insert(id.clone(), flow);
        let cookie = format!("{FLOW}={id}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600");
        Ok(([(SET_COOKIE, cookie)], Redirect::to(url.as_str())).into_response())
    }

    /// The checks of OpenID Connect Core 3.1.2.7 and 3.1.3.7, and RFC 9207.
    async fn finish(&self, back: Callback, headers: &HeaderMap) -> Result<String> {
        let flow = cookie(headers, FLOW).and_then(|id| self.kept().flows.remove(&id));
        let flow = flow.context("this browser did not ask to sign in; start again")?;
        ensure!(back.state.as_deref() == Some(flow.state.as_str()), "the answer belongs to another request");
        ensure!(back.iss.as_deref().is_none_or(|iss| iss == self.issuer), "the answer is of another issuer");
        if let Some(error) = back.error {
            bail!("{error}: {}", back.error_description.unwrap_or_default());
        }
        let code = back.code.context("no code in the answer")?;
        let redirect_uri = self.redirect_uri();
        let ask =
            Ask::post(format!("{}/oauth/token", self.issuer)).basic(self.client_id, &self.secret).form([
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", &redirect_uri),
                ("code_verifier", &flow.pkce),
            ]);
        let answer = ask.send(&self.http).await?;
        ensure!(answer.status == 200, "the token endpoint answered {}: {}", answer.status, answer.body);
        let (id_token, access_token) = (answer.text("id_token")?, answer.text("access_token")?);
        let who = self.id_token(&id_token).await?;
        ensure!(who.nonce.as_deref() == Some(flow.nonce.as_str()), "the ID token belongs to another request");
        let id = random::secret()?;
        let mut kept = self.kept();
        bound(&mut kept.sessions);
        kept.sessions.insert(id.clone(), Arc::new(Session { id_token, access_token, who }));
        Ok(id)
    }

    async fn id_token(&self, token: &str) -> Result<IdToken> {
        let jwks = Ask::get(format!("{}/.well-known/jwks.json", self.issuer)).send(&self.http).await?;
        let (keys, _) = KeySet::from_jwks(jwks.body.as_bytes()).map_err(|e| anyhow!("keys: {e}"))?;
        let policy = Policy::issuer(&self.issuer)
            .audience([self.client_id])
            .token_type(TokenType::Id)
            .algorithms(&[Algorithm::Rs256, Algorithm::Es256, Algorithm::Ed25519]);
        let verified = verify::<IdToken>(token, &keys, &policy, SystemClock::new().now());
        Ok(verified.map_err(|e| anyhow!("ID token: {e}"))?.claims)
    }

    async fn signed_in(&self, session: &Session) -> Response {
        let verdict = match self.verifier.verify(&session.access_token).await {
            Ok(_) => json!({ "ok": true, "text": "verified here, without asking the issuer" }),
            Err(refusal) => json!({ "ok": false, "text": refusal.to_string() }),
        };
        let asked = Ask::get(format!("{}{}", self.base, self.data)).bearer(&session.access_token);
        let data = match asked.send(&self.http).await {
            Ok(answer) => json!({ "status": answer.status, "body": answer.pretty() }),
            Err(error) => json!({ "status": 0, "body": format!("{error:#}") }),
        };
        let claim = |name: &str| session.who.more.get(name).and_then(Value::as_str).unwrap_or_default();
        self.page(
            StatusCode::OK,
            json!({
                "view": "signed_in",
                "name": claim("name"),
                "email": claim("email"),
                "verdict": verdict,
                "data": data,
                "tokens": [
                    { "title": "ID token", "why": "who signed in, for this application", "parts": decoded(&session.id_token) },
                    { "title": "Access token", "why": "what this service accepts", "parts": decoded(&session.access_token) },
                ],
            }),
        )
    }

    fn problem(&self, status: StatusCode, text: &str) -> Response {
        self.page(status, json!({ "view": "problem", "status": status.as_u16(), "problem": text }))
    }

    fn page(&self, status: StatusCode, values: Value) -> Response {
        let mut all = json!({
            "title": self.title,
            "about": self.about,
            "other": { "name": self.other.0, "url": self.other.1 },
            "demo": self.demo,
            "api": self.data,
            "has_admin": self.has_admin,
        });
        if let (Some(all), Value::Object(values)) = (all.as_object_mut(), values) {
            all.extend(values);
        }
        view::page(status, "app.html", all)
    }

    fn session(&self, headers: &HeaderMap) -> Option<Arc<Session>> {
        self.kept().sessions.get(&cookie(headers, SESSION)?).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bound<T>(map: &mut HashMap<String, T>) {
    if map.len() >= HELD {
        map.clear();
    }
}

fn decoded(token: &str) -> Value {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    match dangerous::decode(token) {
        Ok((header, claims)) => json!({ "header": pretty(&header), "claims": pretty(&claims) }),
        Err(_) => json!({ "header": "", "claims": "" }),
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
}
