//! The APIs: guards in front, data behind. No call to the issuer per request.

use crate::cast::TWO_FACTORS;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_verifier::{Identity, Status, Verifier};
use serde_json::{Value, json};

/// Service A.
pub(crate) fn users(verifier: &Verifier, archive: &Verifier) -> Router {
    let strong = verifier.require().scope("users:read").acr([TWO_FACTORS]);
    Router::new()
        .route("/api/users", get(list_users).route_layer(verifier.require().scope("users:read")))
        .route("/api/users/rename", post(rename).route_layer(verifier.require().scope("users:write")))
        .route("/api/admin", get(admin).route_layer(verifier.require().role("admin")))
        .route("/api/salaries", get(salaries).route_layer(strong))
        .route("/api/archive", get(list_archive).route_layer(archive.require().scope("archive:read")))
        .route("/api/status", get(status).with_state(verifier.clone()))
}

/// Service B.
pub(crate) fn orders(verifier: &Verifier) -> Router {
    Router::new()
        .route("/api/orders", get(list_orders).route_layer(verifier.require().scope("orders:read")))
        .route("/api/status", get(status).with_state(verifier.clone()))
}

/// Who the service takes the caller for: all of it out of the token.
fn caller(who: &Identity) -> Value {
    json!({
        "subject": who.subject(),
        "client": who.client_id(),
        "scopes": who.scopes().collect::<Vec<_>>(),
        "roles": who.claims().roles,
    })
}

async fn list_users(who: Identity) -> Json<Value> {
    Json(json!({ "users": ["Alice Example", "Bob Example", "Chen Example"], "caller": caller(&who) }))
}

async fn rename(who: Identity) -> Json<Value> {
    Json(json!({ "renamed": true, "caller": caller(&who) }))
}

async fn admin(who: Identity) -> Json<Value> {
    Json(json!({ "admin": "the administrators' API", "caller": caller(&who) }))
}

async fn salaries(who: Identity) -> Json<Value> {
    Json(json!({ "salaries": ["Alice 4100", "Bob 3900"], "caller": caller(&who) }))
}

async fn list_archive(who: Identity) -> Json<Value> {
    Json(json!({ "archive": ["2019", "2020"], "caller": caller(&who) }))
}

async fn list_orders(who: Identity) -> Json<Value> {
    Json(json!({ "orders": ["1001 lantern", "1002 quarry stone"], "caller": caller(&who) }))
}

/// What the verifier knows and how old that is. Open to all here; a service of yours shows it to its operator.
pub(crate) async fn status(State(verifier): State<Verifier>) -> Json<Status> {
    Json(verifier.status())
}
