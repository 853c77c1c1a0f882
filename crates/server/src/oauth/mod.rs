//! OAuth 2 and OpenID Connect over HTTP: one file an endpoint.

pub(crate) mod authorize;
pub(crate) mod discovery;
pub(crate) mod document;
pub(crate) mod first_party;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod logout;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;

use crate::app::App;
use crate::error::Fault;
use crate::extract::client_ip;
use crate::extract::form::Form;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use countersign_issuer::Code;
use countersign_issuer::error::rejected;
use countersign_issuer::oauth::params::Params;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;

/// A request of a client: its headers, the parameters of its body, and the address it came from.
pub(crate) struct ClientRequest {
    headers: HeaderMap,
    params: Params,
    ip: IpAddr,
}

impl FromRequest<Arc<App>> for ClientRequest {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        no_query(&parts)?;
        let ip = client_ip::of(&parts);
        let Form(params) = Form::read(app, &parts.headers, body).await?;
        Ok(Self { headers: parts.headers, params, ip })
    }
}

/// Secrets and tokens do not travel in addresses, where logs and histories keep them (RFC 6749 2.3.1,
/// RFC 9700 4.3.2): what is meant for the body is refused there.
fn no_query(parts: &Parts) -> Result<(), Fault> {
    match parts.uri.query() {
        None | Some("") => Ok(()),
        Some(_) => {
            Err(rejected(Code::InvalidRequest, "Parameters belong in the body, not in the address.").into())
        }
    }
}

/// 200, never cached (RFC 6749 5.1).
pub(crate) fn secret_json(body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
