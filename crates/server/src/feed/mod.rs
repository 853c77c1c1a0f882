//! The revocation feed over HTTP (`/.well-known/revocation-feed`, `/rev/...`): one file an endpoint, and what
//! its connections share.
//!
//! Whatever goes out is signed or proven by what is signed, so everything but acknowledgements is public and
//! may be cached and relayed by anybody.

pub(crate) mod ack;
mod caught;
pub(crate) mod hub;
pub(crate) mod log;
mod seats;
pub(crate) mod stream;

use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::client_ip;
use crate::oauth::document::{self, Ready};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use countersign_issuer::revocation::publish;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;

/// Between two comments on streams that have nothing else to say.
pub(crate) const COMMENTS: Duration = Duration::from_secs(15);

/// `/.well-known/revocation-feed`.
pub(crate) async fn metadata(State(app): State<Arc<App>>, request: Request) -> Response {
    let made = || -> Result<Response, Fault> {
        let document = publish::metadata(&app.issuer);
        Ok(Ready::of(document, document::caching(&app.issuer)?)?.answer(request.headers()))
    };
    public(made())
}

/// `/rev/head`: the newest head.
pub(crate) async fn head(State(app): State<Arc<App>>, request: Request) -> Response {
    public(newest(&app, &request))
}

fn newest(app: &App, request: &Request) -> Result<Response, Fault> {
    let newest = app.feed.newest().ok_or_else(not_yet)?;
    let etag = hub::etag(&newest.tag);
    let mut response = if document::is_known(request.headers(), &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Body::from(newest.jws.clone()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
        response
    };
    response.headers_mut().insert(header::ETAG, etag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
    Ok(response)
}

/// Readable for every page, failures too.
fn public(answer: Result<Response, Fault>) -> Response {
    let mut response = answer.unwrap_or_else(Fault::into_response);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = HeaderValue::from_static("etag, retry-after, x-request-id");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}

/// There is no head yet, or none will come any more.
fn not_yet() -> Fault {
    Http::Busy.into()
}

/// A seat for the caller, kept for as long as it is answered.
fn seat(app: &App, parts: &Parts) -> Result<seats::Seat, Fault> {
    app.feed.seats.take(client_ip::of(parts)).ok_or_else(|| Http::Busy.into())
}

/// A number as it is written in addresses: digits, no zero before others, so that each has one spelling.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(
            (decimal("0"), decimal("42"), decimal("18446744073709551615")),
            (Some(0), Some(42), Some(u64::MAX))
        );
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "\u{661}"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }
}
