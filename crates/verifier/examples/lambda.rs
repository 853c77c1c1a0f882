//! A function that is called once an event and sleeps in between, as AWS Lambda and its like run them:
//! `... --example lambda -- ISSUER AUDIENCE`, then one event a line:
//! `{"headers": {"authorization": "Bearer TOKEN"}}`.
//!
//! A frozen process holds no stream, so the verifier asks for the newest head when an event finds it old; its
//! state is in the one directory such runtimes let a function write to, so that a cold start costs no more
//! than the news.

use countersign_verifier::{Guard, Verifier};
use serde_json::{Value, json};
use std::error::Error;
use std::io::BufRead;
use std::time::Duration;

/// The newest head may be this old when an event comes.
const FRESH: Duration = Duration::from_secs(10);

struct Function {
    guard: Guard,
}

impl Function {
    fn new(issuer: String, audience: String) -> Result<Self, Box<dyn Error>> {
        let verifier = Verifier::builder(issuer)
            .audience([audience])
            .allow_http_on_loopback()
            .state_dir(std::env::temp_dir().join("countersign"))
            .poll(Duration::from_secs(30))
            .build()?;
        Ok(Self { guard: verifier.require().scope("users:read") })
    }

    async fn handle(&self, event: &Value) -> Value {
        let verifier = self.guard.verifier();
        // Nothing ran while the function slept: the age is the time slept.
        if verifier.status().feed.is_some_and(|feed| feed.age.is_none_or(|age| age > FRESH))
            && let Err(error) = verifier.refresh_feed().await
        {
            tracing::warn!(%error, "the feed is not fresh; the guard decides");
        }
        let mut request = http::Request::builder().uri("/");
        if let Some(value) = event.pointer("/headers/authorization").and_then(Value::as_str) {
            request = request.header("authorization", value);
        }
        let Ok(request) = request.body(()) else { return json!({ "statusCode": 400 }) };
        match self.guard.check(&request.into_parts().0).await {
            Ok(who) => json!({ "statusCode": 200, "body": format!("hello {}", who.subject()) }),
            Err(refusal) => {
                let challenge = refusal.challenge(verifier.realm());
                let headers = json!({ "www-authenticate": challenge });
                json!({ "statusCode": refusal.status().as_u16(), "headers": headers })
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "where the answers go")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().unwrap_or_else(|| "http://localhost:8080".to_owned());
    let audience = arguments.next().unwrap_or_else(|| "urn:api:users".to_owned());
    let function = Function::new(issuer, audience)?;
    for line in std::io::stdin().lock().lines() {
        println!("{}", function.handle(&serde_json::from_str(&line?)?).await);
    }
    Ok(())
}
