//! A loopback issuer has one name: cookies set at `localhost` are not sent to `127.0.0.1`, so a page asked
//! for by another loopback name goes on at the issuer's.

use crate::app::App;
use crate::config::is_loopback_name;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};

/// Where to, if this page must be asked for elsewhere.
pub(crate) fn redirect(app: &App, request: &Request) -> Option<Response> {
    if !app.site.loopback || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let header = request.headers().get(header::HOST).and_then(|v| v.to_str().ok());
    let asked = request.uri().authority().map(|a| a.as_str()).or(header)?;
    let name = without_port(asked);
    // Only names of this machine: whatever else is in `Host` is not ours to judge, and is never echoed.
    if name.eq_ignore_ascii_case(&app.site.host) || !is_loopback_name(name) {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let location = HeaderValue::from_str(&format!("{}{path}", app.site.origin)).ok()?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, location);
    Some(response)
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn ports_are_cut() {
        for (authority, host) in [
            ("localhost:8080", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:", "127.0.0.1"),
        ] {
            assert_eq!(without_port(authority), host);
        }
    }
}
