//! CORS of the APIs: one listed origin, bearer tokens, no cookies.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::sync::Arc;

/// Answers preflights and marks answers, for the listed origin only (Fetch, "HTTP-CORS protocol").
pub(crate) fn allow(api: Router, origin: &str) -> Router {
    api.layer(from_fn_with_state(Arc::<str>::from(origin), judge))
}

async fn judge(State(listed): State<Arc<str>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).filter(|origin| **origin == *listed).cloned();
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    // A preflight carries no credentials, so it is answered before the guards.
    let mut answer = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    mark(answer.headers_mut(), origin, preflight);
    answer
}

fn mark(headers: &mut HeaderMap, origin: Option<HeaderValue>, preflight: bool) {
    headers.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let more = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST", true),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type", true),
        (ACCESS_CONTROL_MAX_AGE, "600", true),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "www-authenticate", false),
    ];
    for (name, value, of_preflight) in more {
        if of_preflight == preflight {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
