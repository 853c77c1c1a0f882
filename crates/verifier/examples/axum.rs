//! A protected service: `cargo run -p countersign-verifier --example axum -- ISSUER AUDIENCE`.
//!
//! Then: `curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/api/users`.

use axum::routing::get;
use axum::{Json, Router};
use countersign_verifier::{Identity, Verifier};
use std::error::Error;

async fn users(who: Identity) -> Json<serde_json::Value> {
    let scopes: Vec<&str> = who.scopes().collect();
    Json(serde_json::json!({ "subject": who.subject(), "client": who.client_id(), "scopes": scopes }))
}

async fn admin() -> &'static str {
    "the administrators' page"
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().unwrap_or_else(|| "http://localhost:8080".to_owned());
    let audience = arguments.next().unwrap_or_else(|| "urn:api:users".to_owned());

    let verifier = Verifier::builder(issuer).audience([audience]).allow_http_on_loopback().build()?;
    let app: Router = Router::new()
        .route("/api/users", get(users).route_layer(verifier.require().scope("users:read")))
        .route("/api/admin", get(admin).route_layer(verifier.require().role("admin")));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
