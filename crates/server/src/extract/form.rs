//! Parameters: of a query, or of an `application/x-www-form-urlencoded` body.

use super::{body, one_header};
use crate::app::App;
use crate::error::{Fault, Http};
use axum::extract::{FromRequest, FromRequestParts, Request};
use countersign_issuer::Failure;
use countersign_issuer::oauth::params::Params;
use http::header;
use http::request::Parts;
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

impl FromRequest<Arc<App>> for Form {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let content_type = one_header(request.headers(), &header::CONTENT_TYPE);
        if !body::is_type(content_type, "application/x-www-form-urlencoded") {
            return Err(Http::MediaType.into());
        }
        let bytes = body::read(app, request.into_body()).await?;
        Ok(Self(Params::parse(&bytes)?))
    }
}

/// The same request as a GET of a path of ours: its body becomes the query.
pub(crate) async fn as_query(app: &App, path: &str, request: Request) -> Result<String, Fault> {
    let content_type = one_header(request.headers(), &header::CONTENT_TYPE);
    if !body::is_type(content_type, "application/x-www-form-urlencoded") {
        return Err(Http::MediaType.into());
    }
    let bytes = body::read(app, request.into_body()).await?;
    Params::parse(&bytes)?;
    // Form encoding is what a query has; whatever a sloppy sender left bare is encoded by the URL's rules.
    let mut url = Url::parse(&app.url(path)).map_err(|e| Failure::Bug(format!("public URL: {e}")))?;
    url.set_query(Some(&String::from_utf8_lossy(&bytes)));
    Ok(url.into())
}
