//! Parameters: of a query, or of an `application/x-www-form-urlencoded` body.

use super::{body, one_header};
use crate::app::App;
use crate::error::{Fault, Http};
use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use bytes::Bytes;
use countersign_issuer::Failure;
use countersign_issuer::oauth::params::Params;
use http::request::Parts;
use http::{HeaderMap, header};
use std::sync::Arc;
use url::Url;

/// Parameters of the query.
pub(crate) struct Query(pub(crate) Params);

impl FromRequestParts<Arc<App>> for Query {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Fault> {
        Ok(Self(Params::parse(parts.uri.query().unwrap_or_default().as_bytes())?))
    }
}

/// Parameters of the body.
pub(crate) struct Form(pub(crate) Params);

impl Form {
    /// Reads a body.
    pub(crate) async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Self, Fault> {
        let bytes = form_bytes(app, headers, body).await?;
        Ok(Self(Params::parse(&bytes)?))
    }
}

async fn form_bytes(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes, Http> {
    let content_type = one_header(headers, &header::CONTENT_TYPE);
    if !body::is_type(content_type, "application/x-www-form-urlencoded") {
        return Err(Http::MediaType);
    }
    body::read(app, body).await
}

/// The same request as a GET of a path of ours: its body becomes the query.
pub(crate) async fn as_query(app: &App, path: &str, request: Request) -> Result<String, Fault> {
    let (parts, body) = request.into_parts();
    let bytes = form_bytes(app, &parts.headers, body).await?;
    Params::parse(&bytes)?;
    // Form encoding is what a query has; whatever a sloppy sender left bare is encoded by the URL's rules.
    let mut url = Url::parse(&app.url(path)).map_err(|e| Failure::Bug(format!("public URL: {e}")))?;
    url.set_query(Some(&String::from_utf8_lossy(&bytes)));
    Ok(url.into())
}
