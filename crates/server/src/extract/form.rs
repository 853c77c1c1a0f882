//! Parameters: of a query, or of an `application/x-www-form-urlencoded` body.

use super::{body, one_header};
use crate::app::App;
use crate::error::{Fault, Http};
use axum::extract::{FromRequest, FromRequestParts, Request};
use countersign_issuer::oauth::params::Params;
use http::header;
use http::request::Parts;
use std::sync::Arc;

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
