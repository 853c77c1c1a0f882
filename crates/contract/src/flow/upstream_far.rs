//! A provider far away: its metadata, keys and endpoints behind the port of calls, and whatever lies a case
//! wants it to tell. It checks what a provider must: client, code, verifier.

use super::base64;
use async_trait::async_trait;
use countersign_issuer::model::Digest;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::port::{Call, CallAnswer, Egress, Unreached};
use countersign_token::{Algorithm, SigningKey, base64url};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Its issuer identifier.
pub const FAR: &str = "https://far.test";
/// Another one.
pub const NEAR: &str = "https://near.test";
/// This server's client id at both.
pub const CLIENT: &str = "countersign";
/// And its secret.
pub const SECRET: &str = "far secret & more";

/// What it says now.
pub struct Says {
    /// Claims of the next ID token; `nonce`, `iss`, `aud`, `iat`, `exp` are added where they are not there.
    pub claims: Value,
    /// Signs them.
    pub key: SigningKey,
    /// Published.
    pub published: Vec<SigningKey>,
    /// In place of the ID token.
    pub token: Option<String>,
    /// Answers of paths, in place of its own: status and body.
    pub instead: BTreeMap<&'static str, (u16, String)>,
    /// Paths that do not answer.
    pub silent: Vec<&'static str>,
    /// In the metadata.
    pub more: Value,
    /// Seconds of its clock.
    pub now: i64,
}

/// The provider.
pub struct Far {
    /// What it says now.
    pub says: Mutex<Says>,
    /// What it was asked: method and path.
    pub asked: Mutex<Vec<String>>,
    /// The request that the browser brought: nonce, challenge, redirect URI.
    pub request: Mutex<Option<Params>>,
}

/// A key of its.
pub fn key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap().with_kid(kid)
}

impl Far {
    /// An honest one.
    pub fn new(now: i64) -> Self {
        let first = key("k1");
        let published = vec![first.clone()];
        let says = Says {
            claims: json!({"sub": "far-1", "email": "ada@far.test", "email_verified": true, "name": "Ada"}),
            key: first,
            published,
            token: None,
            instead: BTreeMap::new(),
            silent: Vec::new(),
            more: json!({}),
            now,
        };
        Self { says: Mutex::new(says), asked: Mutex::default(), request: Mutex::default() }
    }

    /// Changes what it says.
    pub fn say(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    /// How often that was asked for since the last look.
    pub fn asked_for(&self, path: &str) -> usize {
        let mut asked = self.asked.lock().unwrap();
        let before = asked.len();
        asked.retain(|a| a != path);
        before - asked.len()
    }

    fn metadata(base: &str, says: &Says) -> Value {
        let mut out = json!({
            "issuer": base,
            "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"),
            "userinfo_endpoint": format!("{base}/userinfo"),
            "jwks_uri": format!("{base}/jwks"),
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256", "RS256"],
        });
        for (name, value) in says.more.as_object().unwrap() {
            out[name] = value.clone();
        }
        out
    }

    fn token(&self, base: &str, says: &Says, call: &Call) -> (u16, String) {
        let form = Params::parse(&call.body).unwrap();
        let basic = format!("Basic {}", base64(&format!("{CLIENT}:far+secret+%26+more")));
        let header = call.headers.iter().find(|(n, _)| *n == "authorization").map(|(_, v)| v.as_str());
        if header != Some(basic.as_str()) {
            return (401, json!({"error": "invalid_client"}).to_string());
        }
        let request = self.request.lock().unwrap().take();
        let one = |name: &str| form.one(name).unwrap().map(str::to_owned);
        let verifier = base64url::encode(Digest::of(one("code_verifier").unwrap_or_default()).0);
        let asked = |name: &str| request.as_ref().and_then(|r| r.one(name).unwrap()).map(str::to_owned);
        let good = one("code").as_deref() == Some("the-code")
            && asked("code_challenge") == Some(verifier)
            && asked("redirect_uri") == one("redirect_uri")
            && one("grant_type").as_deref() == Some("authorization_code");
        if !good {
            return (400, json!({"error": "invalid_grant"}).to_string());
        }
        let mut claims = says.claims.clone();
        for (name, value) in [
            ("iss", json!(base)),
            ("aud", json!(CLIENT)),
            ("nonce", json!(asked("nonce"))),
            ("iat", json!(says.now)),
            ("exp", json!(says.now + 300)),
        ] {
            if claims.get(name).is_none() {
                claims[name] = value;
            }
        }
        // Said to be left out.
        claims.as_object_mut().unwrap().retain(|_, value| *value != json!("LEFT OUT"));
        let id_token = says.token.clone().unwrap_or_else(|| says.key.sign("JWT", &claims).unwrap());
        let answer = json!({"access_token": "far-access", "token_type": "Bearer", "id_token": id_token});
        (200, answer.to_string())
    }
}

#[async_trait]
impl Egress for Far {
    async fn call(&self, call: Call) -> Result<CallAnswer, Unreached> {
        let base = [FAR, NEAR].into_iter().find(|base| call.url.starts_with(base)).unwrap();
        let path = call.url[base.len()..].to_owned();
        self.asked.lock().unwrap().push(path.clone());
        let says = self.says.lock().unwrap();
        if says.silent.contains(&path.as_str()) {
            return Err(Unreached("no whole answer within 10 s".to_owned()));
        }
        let (status, body) = match says.instead.get(path.as_str()) {
            Some((status, body)) => (*status, body.clone()),
            None => match path.as_str() {
                "/.well-known/openid-configuration" => (200, Self::metadata(base, &says).to_string()),
                "/jwks" => {
                    let keys: Vec<_> = says.published.iter().filter_map(SigningKey::public_jwk).collect();
                    (200, json!({"keys": keys}).to_string())
                }
                "/token" => self.token(base, &says, &call),
                "/userinfo" => (200, json!({"sub": says.claims["sub"]}).to_string()),
                _ => (404, String::new()),
            },
        };
        Ok(CallAnswer { status, headers: Vec::new(), body: body.into_bytes() })
    }
}
