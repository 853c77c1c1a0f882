//! Guarded routes over a real socket: what a caller is told, to the letter.

use crate::issuer::{AUDIENCE, Answer, Issuer, JWKS, key};
use axum::Router;
use axum::routing::get;
use countersign_token::SigningKey;
use countersign_verifier::{Identity, Verifier};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A service; answers its address.
async fn serve(verifier: &Verifier) -> String {
    let who = |who: Identity| async move { who.subject().to_owned() };
    let guarded = |guard: countersign_verifier::Guard| get(who).route_layer(guard);
    let app: Router = Router::new()
        .route("/any", guarded(verifier.require()))
        .route("/read", guarded(verifier.require().scope("users:read")))
        .route("/purge", guarded(verifier.require().scope("users:read").scope("users:purge")))
        .route("/edit", guarded(verifier.require().role("editor")))
        .route("/admin", guarded(verifier.require().scope("users:read").role("editor").role("admin")))
        .route("/staff", guarded(verifier.require().any_role(["admin", "editor"])))
        .route("/bosses", guarded(verifier.require().any_role(["admin", "owner"])))
        .route("/nobody", guarded(verifier.require().any_role(Vec::<String>::new())))
        .route("/unguarded", get(who));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

struct Told {
    status: u16,
    challenge: Option<String>,
    body: String,
    headers: HeaderMap,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn call(url: String, credentials: &[&str]) -> Told {
    let tls =
        rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
    let mut request = client.get(url);
    for value in credentials {
        request = request.header(AUTHORIZATION, *value);
    }
    let answer = request.send().await.unwrap();
    let headers = answer.headers().clone();
    Told {
        status: answer.status().as_u16(),
        challenge: headers.get(WWW_AUTHENTICATE).map(|v| v.to_str().unwrap().to_owned()),
        body: answer.text().await.unwrap(),
        headers,
    }
}

async fn setup() -> (Issuer, SigningKey, String) {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let service = serve(&issuer.verifier()).await;
    (issuer, key, service)
}

#[tokio::test]
async fn a_token_with_what_is_asked_for_enters() {
    let (issuer, key, service) = setup().await;
    let token = issuer.token(&key);
    for path in ["any", "read", "edit", "staff"] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let told = call(format!("{service}/{path}"), &[&format!("{scheme} {token}")]).await;
            assert_eq!((told.status, told.body.as_str()), (200, "u_1"), "{path}");
        }
    }
}

#[tokio::test]
async fn without_credentials_the_challenge_is_bare() {
    let (issuer, key, service) = setup().await;
    let in_url = format!("{service}/read?access_token={}", issuer.token(&key));
    for (url, credentials) in [
        (format!("{service}/read"), &[][..]),
        (format!("{service}/read"), &["Basic dTpw"][..]),
        (in_url, &[]),
    ] {
        let told = call(url, credentials).await;
        assert_eq!((told.status, told.challenge.as_deref()), (401, Some(r#"Bearer realm="urn:api:users""#)));
        assert_eq!(told.json()["error"], "unauthorized");
        assert_eq!(told.headers.get("cache-control"), Some(&HeaderValue::from_static("no-store")));
    }
    assert_eq!(issuer.hits(JWKS), 0, "strangers without a token cause no fetch");
}

#[tokio::test]
async fn several_or_unreadable_credentials_are_bad_requests() {
    let (issuer, key, service) = setup().await;
    let good = format!("Bearer {}", issuer.token(&key));
    let read = format!("{service}/read");
    for (url, credentials, why) in [
        (read.clone(), vec![good.as_str(), good.as_str()], "more than one Authorization header"),
        (read.clone(), vec![good.as_str(), "Basic dTpw"], "more than one Authorization header"),
        (read.clone(), vec!["Bearer"], "the bearer token is malformed"),
        (read.clone(), vec!["Bearer a b"], "the bearer token is malformed"),
        (format!("{read}?access_token=x"), vec![&good], "more than one way of sending a token"),
    ] {
        let told = call(url, &credentials).await;
        let challenge =
            format!(r#"Bearer realm="{AUDIENCE}", error="invalid_request", error_description="{why}""#);
        assert_eq!((told.status, told.challenge.clone()), (400, Some(challenge)));
        assert_eq!(told.json()["error"], "invalid_request");
    }
}

#[tokio::test]
async fn a_bad_token_is_named_as_such() {
    let (issuer, key, service) = setup().await;
    let mut claims = issuer.claims();
    claims.exp = claims.iat - 1;
    let token = key.sign("at+jwt", &claims).unwrap();
    let told = call(format!("{service}/read"), &[&format!("Bearer {token}")]).await;
    let challenge = told.challenge.clone().unwrap();
    assert_eq!(told.status, 401);
    assert!(
        challenge.starts_with(
            r#"Bearer realm="urn:api:users", error="invalid_token", error_description="expired"#
        ),
        "{challenge}"
    );
    assert_eq!((&told.json()["error"], &told.json()["reason"]), (&json!("invalid_token"), &json!("expired")));
    assert!(!told.body.contains(&token) && !challenge.contains(&token));
}

#[tokio::test]
async fn missing_scopes_and_roles_are_named() {
    let (issuer, key, service) = setup().await;
    let token = format!("Bearer {}", issuer.token(&key));
    for (path, rest, body) in [
        (
            "purge",
            r#"error_description="scope missing: users:purge", scope="users:read users:purge""#,
            json!({ "scope": "users:read users:purge", "missing_scopes": ["users:purge"] }),
        ),
        ("admin", r#"error_description="role missing: admin""#, json!({ "missing_roles": ["admin"] })),
        (
            "bosses",
            r#"error_description="one of the roles is needed: admin, owner""#,
            json!({ "any_of_roles": ["admin", "owner"] }),
        ),
        ("nobody", r#"error_description="one of the roles is needed: ""#, json!({ "any_of_roles": [] })),
    ] {
        let told = call(format!("{service}/{path}"), &[&token]).await;
        let challenge = format!(r#"Bearer realm="{AUDIENCE}", error="insufficient_scope", {rest}"#);
        assert_eq!((told.status, told.challenge.clone()), (403, Some(challenge)), "{path}");
        assert_eq!(told.json()["error"], "insufficient_scope");
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&told.json()[name], value, "{path}");
        }
    }
}

#[tokio::test]
async fn without_keys_the_service_is_unavailable() {
    let (issuer, key, service) = setup().await;
    issuer.answer(JWKS, Answer::Status(500));
    let told = call(format!("{service}/read"), &[&format!("Bearer {}", issuer.token(&key))]).await;
    assert_eq!((told.status, told.challenge.as_deref()), (503, None));
    assert_eq!(told.headers.get(RETRY_AFTER), Some(&HeaderValue::from_static("1")));
}

#[tokio::test]
async fn a_route_without_a_guard_fails_closed() {
    let (issuer, key, service) = setup().await;
    let told = call(format!("{service}/unguarded"), &[&format!("Bearer {}", issuer.token(&key))]).await;
    assert_eq!(told.status, 500);
}
