//! The two sample services, as somebody else would write them: an API that verifies locally, and a web
//! application that signs people in by OpenID Connect.

mod api;
mod app;
mod cors;
pub(crate) mod liar;
pub(crate) mod probe;

use crate::cast::{self, INTROSPECTOR, LEGACY, ORDERS, USERS};
use crate::stage::Stage;
use crate::view;
use anyhow::Result;
use app::App;
use axum::Router;
use axum::routing::get;
use countersign_verifier::{Algorithm, Verifier};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A sample service with its routes.
pub(crate) struct Service {
    routes: Router,
}

impl Service {
    /// A: the team directory.
    pub(crate) fn users(stage: &Stage) -> Result<Self> {
        let verifier = verifier(stage, USERS)?;
        let archive = Verifier::builder(&stage.places.issuer)
            .audience([LEGACY])
            .secret(Algorithm::Hs256, None, stage.cast.legacy_secret.as_bytes())?
            .build()?;
        let app = App {
            title: "Team directory",
            about: "Who works here. Service A of the demo.",
            base: stage.places.users.clone(),
            other: ("Orders", stage.places.orders.clone()),
            demo: stage.places.app.clone(),
            issuer: stage.places.issuer.clone(),
            client_id: cast::USERS_APP,
            secret: stage.cast.client_secret.clone(),
            scope: "openid profile email users:read users:write",
            data: "/api/users",
            has_admin: true,
            ..App::empty(verifier.clone(), stage.http.clone())
        };
        Ok(Self::of(stage, app, api::users(&verifier, &archive)))
    }

    /// B: orders.
    pub(crate) fn orders(stage: &Stage) -> Result<Self> {
        let verifier = verifier(stage, ORDERS)?;
        let app = App {
            title: "Orders",
            about: "What was bought. Service B of the demo.",
            base: stage.places.orders.clone(),
            other: ("Team directory", stage.places.users.clone()),
            demo: stage.places.app.clone(),
            issuer: stage.places.issuer.clone(),
            client_id: cast::ORDERS_APP,
            secret: stage.cast.client_secret.clone(),
            scope: "openid profile email orders:read",
            data: "/api/orders",
            has_admin: false,
            ..App::empty(verifier.clone(), stage.http.clone())
        };
        Ok(Self::of(stage, app, api::orders(&verifier)))
    }

    fn of(stage: &Stage, app: App, api: Router) -> Self {
        let routes = app::routes(Arc::new(app))
            .merge(cors::allow(api, &stage.places.app))
            .route("/assets/demo.css", get(view::style))
            .route("/assets/mark.svg", get(view::mark));
        Self { routes }
    }
}

fn verifier(stage: &Stage, audience: &str) -> Result<Verifier> {
    let builder = Verifier::builder(&stage.places.issuer).audience([audience]).allow_http_on_loopback();
    Ok(builder.acks(INTROSPECTOR, &stage.cast.client_secret).build()?)
}

/// Serves until the process ends.
pub(crate) fn start(service: Service, listener: TcpListener) {
    tokio::spawn(async move { axum::serve(listener, service.routes).await });
}
