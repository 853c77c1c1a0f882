//! Headers of every answer. A handler's own value stays (pages say which content they need).

use crate::app::App;
use crate::routes::{Row, Surface};
use axum::response::Response;
use http::header::{self, HeaderName, HeaderValue};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const CSP_NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(crate) fn finish(app: &App, row: Option<&Row>, request_id: &HeaderValue, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, request_id.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut or = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    or(header::CONTENT_SECURITY_POLICY, CSP_NOTHING);
    or(header::REFERRER_POLICY, "no-referrer");
    or(header::CACHE_CONTROL, "no-store");
    or(header::X_FRAME_OPTIONS, "DENY");
    // Not on the way to a client: an application that signs people in through a pop-up would lose it.
    if !row.is_some_and(|r| r.surface == Surface::Page && r.leads_to_client) {
        or(COOP, "same-origin");
    }
    if app.site.secure {
        or(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
