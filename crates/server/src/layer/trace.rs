//! One log line a request: method, route, status, time, client; never a path as it came, a query, a header
//! or a body, since those may hold secrets.

use crate::app::App;
use crate::error::Fault;
use crate::routes::{Row, Surface};
use axum::response::Response;
use countersign_issuer::model::Client;
use http::{HeaderValue, Method};
use std::sync::Arc;
use tokio::time::Instant;

/// The client an answer is for; handlers leave it in the answer's extensions.
#[derive(Clone)]
pub(crate) struct ForClient(pub(crate) Arc<Client>);

/// A request under way.
pub(crate) struct Entry {
    request_id: HeaderValue,
    method: Method,
    route: &'static str,
    quiet: bool,
    begun: Instant,
}

impl Entry {
    pub(crate) fn begin(app: &App, method: &Method, row: Option<&Row>) -> Self {
        Self {
            request_id: app.request_ids.next(),
            method: method.clone(),
            route: row.map_or("-", |r| r.path),
            quiet: row.is_some_and(|r| matches!(r.surface, Surface::Document | Surface::Verifier)),
            begun: Instant::now(),
        }
    }

    pub(crate) fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    pub(crate) fn end(self, response: &mut Response, fault: Option<&Fault>) {
        let status = response.status().as_u16();
        let client = response.extensions_mut().remove::<ForClient>();
        let client_id = client.as_ref().map_or("", |c| c.0.id.as_str());
        let ms = self.begun.elapsed().as_secs_f64() * 1000.0;
        let method = match self.method {
            Method::GET | Method::HEAD | Method::POST | Method::OPTIONS => self.method.as_str(),
            // A method may be any word a stranger chose.
            _ => "other",
        };
        let (route, id) = (self.route, self.request_id.to_str().unwrap_or("-"));
        match fault {
            Some(f) if status >= 500 => tracing::error!(
                request_id = id, method, route, status, ms, client_id, error = f.code(), detail = %f.detail(),
                "request"
            ),
            Some(f) => tracing::info!(
                request_id = id, method, route, status, ms, client_id, error = f.code(), detail = %f.detail(),
                "request"
            ),
            None if self.quiet => {
                tracing::debug!(request_id = id, method, route, status, ms, client_id, "request");
            }
            None => tracing::info!(request_id = id, method, route, status, ms, client_id, "request"),
        }
    }
}
