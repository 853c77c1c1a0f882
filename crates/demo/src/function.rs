//! A function as clouds run them: started cold for one event, ended after its answer. The event is that of an
//! HTTP API in front of it (API Gateway payload version 2.0), the answer what such a gateway expects.

use crate::cast::USERS;
use anyhow::{Context, Result};
use countersign_verifier::{Guard, Identity, Refusal, Verifier};
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

/// Largest event read.
const MOST_BYTES: u64 = 1024 * 1024;
/// While a function is awake it asks this often what was revoked.
const POLL: Duration = Duration::from_secs(1);

/// The part of an event that this function looks at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: Around,
}

#[derive(Deserialize)]
struct Around {
    http: Call,
}

#[derive(Deserialize)]
struct Call {
    method: String,
}

/// Handles the event on standard input; the answer goes to standard output. What a function may keep between
/// cold starts is the folder: the issuer's keys and the revocations it has heard of.
pub(crate) async fn run(issuer: &str, folder: &Path) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text)?;
    let event: Event = serde_json::from_str(&text).context("the event")?;
    let verifier = Verifier::builder(issuer)
        .audience([USERS])
        .allow_http_on_loopback()
        .state_dir(folder)
        .poll(POLL)
        .build()?;
    // Without an answer the function goes by what it kept, and by how old that is.
    drop(verifier.refresh_feed().await);
    let guard = verifier.require().scope("users:read");
    let answer = handle(&event, &guard).await?;
    Ok(writeln!(std::io::stdout(), "{answer}")?)
}

async fn handle(event: &Event, guard: &Guard) -> Result<Value> {
    Ok(match guard.check(&parts(event)?).await {
        Ok(who) => served(&who),
        Err(refusal) => refused(&refusal, guard.verifier().realm()),
    })
}

fn parts(event: &Event) -> Result<Parts> {
    let method = event.request_context.http.method.as_str();
    let mut request = http::Request::builder().method(method).uri(&event.raw_path);
    for (name, value) in &event.headers {
        request = request.header(name, value);
    }
    Ok(request.body(()).context("the event's request")?.into_parts().0)
}

fn served(who: &Identity) -> Value {
    let body = json!({ "function": "orders", "subject": who.subject() });
    json!({
        "statusCode": 200,
        "headers": { "content-type": "application/json" },
        "body": body.to_string(),
    })
}

fn refused(refusal: &Refusal, realm: &str) -> Value {
    let answer = refusal.response::<String>(realm);
    let headers: BTreeMap<_, _> = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .collect();
    json!({ "statusCode": answer.status().as_u16(), "headers": headers, "body": answer.body() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_token::{Algorithm, SigningKey};

    #[tokio::test]
    async fn events_become_requests_and_refusals_answers() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwks = json!({ "keys": [key.public_jwk().unwrap()] }).to_string();
        let verifier =
            Verifier::builder("https://i").audience([USERS]).jwks(jwks.as_bytes()).unwrap().build().unwrap();
        let event = |headers: Value| -> Event {
            serde_json::from_value(json!({
                "version": "2.0", "rawPath": "/orders", "headers": headers,
                "requestContext": { "http": { "method": "GET", "path": "/orders" } },
            }))
            .unwrap()
        };
        let answer = handle(&event(json!({})), &verifier.require()).await.unwrap();
        assert_eq!(answer["statusCode"], 401);
        assert_eq!(answer["headers"]["www-authenticate"], format!("Bearer realm=\"{USERS}\""));
        let answer =
            handle(&event(json!({ "authorization": "Bearer a.b.c" })), &verifier.require()).await.unwrap();
        assert_eq!(answer["statusCode"], 401);
        assert!(handle(&event(json!({ "bad name": "x" })), &verifier.require()).await.is_err());
    }
}
