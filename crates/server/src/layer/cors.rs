//! Cross-origin calls (Fetch 3.2). A preflight names no client: it is answered for the union of all
//! clients' origins. The real answer is readable only for an origin of the client it is for.

use crate::app::App;
use crate::error::Fault;
use crate::extract::one_header;
use crate::layer::trace::ForClient;
use crate::routes::{Cors, Row};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_issuer::model::Client;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use std::sync::Arc;

/// How long a browser may remember a preflight: short, since clients' origins change.
const MAX_AGE: &str = "600";

/// Answers `OPTIONS`.
pub(crate) async fn preflight(app: &App, row: &Row, asking: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, row.allow.clone());
    let asked = asking.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let Some(origin) = asking.get(header::ORIGIN).filter(|_| asked) else { return response };
    let allowed = match row.cors {
        Cors::None => return response,
        Cors::Public => HeaderValue::from_static("*"),
        Cors::Client | Cors::ClientWithCookie => {
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
            match app.issuer.directory.all_origins().await {
                Ok(all) if all.iter().any(|o| o.as_bytes() == origin.as_bytes()) => origin.clone(),
                Ok(_) => return response,
                Err(failure) => return Fault::from(failure).into_response(),
            }
        }
    };
    let methods = if row.takes_post() { "GET, POST" } else { "GET" };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    let names = HeaderValue::from_static(match row.cors {
        // What asks for the rest of something public.
        Cors::Public => "authorization, content-type, if-none-match, last-event-id",
        _ => "authorization, content-type",
    });
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    if row.cors == Cors::ClientWithCookie {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    response
}

/// Is the calling page's origin one of this client's?
pub(crate) fn is_listed(asking: &HeaderMap, client: &Client) -> bool {
    let origin = one_header(asking, &header::ORIGIN);
    origin.is_some_and(|origin| client.origins().iter().any(|o| o == origin))
}

/// Marks an answer as this client's: for the log, and readable for its origins.
pub(crate) fn answer_for(
    asking: &HeaderMap,
    client: Option<Arc<Client>>,
    mut response: Response,
) -> Response {
    if asking.contains_key(header::ORIGIN) {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let (Some(client), Some(origin)) = (client.as_deref(), asking.get(header::ORIGIN))
            && is_listed(asking, client)
        {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let exposed = HeaderValue::from_static("www-authenticate, retry-after, x-request-id");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
    if let Some(client) = client {
        response.extensions_mut().insert(ForClient(client));
    }
    response
}

/// Lets the script read an answer that came with cookies.
pub(crate) fn with_credentials(response: &mut Response) {
    let headers = response.headers_mut();
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}
