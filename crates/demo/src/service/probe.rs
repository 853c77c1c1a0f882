//! A small service with a route for each rule of what happens when the revocation feed is lost.

use crate::cast::{INTROSPECTOR, USERS};
use crate::relay::Relay;
use crate::stage::Stage;
use anyhow::Result;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use countersign_verifier::{OnStale, Verifier};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Lets nobody in.
pub(crate) const CLOSED: &str = "/closed";
/// Lets tokens of the last ten minutes in.
pub(crate) const OPEN: &str = "/open";
/// Lets tokens of this second in.
pub(crate) const NEWBORN: &str = "/newborn";
/// Asks the issuer.
pub(crate) const ASKS: &str = "/asks";
/// What the verifier knows of itself.
pub(crate) const STATUS: &str = "/status";

/// A running service; it ends with its owner.
pub(crate) struct Probe {
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    _tasks: JoinSet<()>,
}

impl Probe {
    /// With this hard bound. With a cable its feed comes by it, and it acknowledges what it has.
    pub(crate) async fn start(
        stage: &Stage,
        name: &str,
        hard: Duration,
        cable: Option<&Relay>,
    ) -> Result<Self> {
        let mut builder = Verifier::builder(&stage.places.issuer)
            .audience([USERS])
            .allow_http_on_loopback()
            .max_staleness(hard)
            .introspection(INTROSPECTOR, &stage.cast.client_secret);
        if let Some(cable) = cable {
            builder = builder
                .feed_relay(format!("http://{}", cable.address()))
                .acks(INTROSPECTOR, &stage.cast.client_secret);
        }
        let routes = routes(&builder.build()?, name);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(axum::serve(listener, routes).await) });
        Ok(Self { address, url: format!("http://{address}"), _tasks: tasks })
    }

    /// The address of a route.
    pub(crate) fn at(&self, route: &str) -> String {
        format!("{}{route}", self.url)
    }
}

fn routes(verifier: &Verifier, name: &str) -> Router {
    let served: Arc<str> = name.into();
    let young = |seconds| OnStale::Open { younger_than: Duration::from_secs(seconds) };
    let guarded = |rule| get(serve).route_layer(verifier.require().scope("users:read").on_stale(rule));
    Router::new()
        .route(CLOSED, guarded(OnStale::Closed))
        .route(OPEN, guarded(young(600)))
        .route(NEWBORN, guarded(young(1)))
        .route(ASKS, guarded(OnStale::Introspect))
        .with_state(served)
        .route(STATUS, get(super::api::status).with_state(verifier.clone()))
}

async fn serve(State(name): State<Arc<str>>) -> Json<Value> {
    Json(json!({ "served_by": *name }))
}
