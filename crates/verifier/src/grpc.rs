//! Refusals as gRPC tells them: HTTP 200 with the status in the one header block ("trailers-only").

use crate::refusal::Refusal;
use http::header::{CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// Milliseconds after which a client may try again (gRPC proposal A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// Whether a request is one of gRPC: `application/grpc`, alone or with `+proto` and the like.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const TYPE: &[u8] = b"application/grpc";
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    value.split_at_checked(TYPE.len()).is_some_and(|(head, rest)| {
        head.eq_ignore_ascii_case(TYPE) && matches!(rest.first(), None | Some(b'+' | b';'))
    })
}

/// UNAUTHENTICATED, PERMISSION_DENIED or UNAVAILABLE.
fn code(status: StatusCode) -> u8 {
    match status {
        StatusCode::FORBIDDEN => 7,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        _ => 16,
    }
}

/// The whole answer. Its body is empty, so that the status is the end of the stream.
pub(crate) fn response<B: From<String>>(refusal: &Refusal, realm: &str) -> Response<B> {
    let mut answer = Response::new(B::from(String::new()));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(STATUS, HeaderValue::from(u16::from(code(refusal.status()))));
    if let Ok(message) = HeaderValue::try_from(percent(&refusal.to_string())) {
        headers.insert(MESSAGE, message);
    }
    if let Some(Ok(value)) = refusal.challenge(realm).map(HeaderValue::try_from) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let Some(wait) = refusal.retry_after() {
        headers.insert(PUSHBACK, HeaderValue::from(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
    }
    answer
}

/// `Percent-Encoded` of the gRPC protocol: space to `~`, but `%`.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grpc_is_answered_as_grpc() {
        for (value, grpc) in [
            ("application/grpc", true),
            ("Application/gRPC+proto", true),
            ("application/grpc;charset=x", true),
            ("application/grpc-web", false),
            ("application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(is_grpc(&headers), grpc, "{value}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(percent("100 % sure\n\u{e9}"), "100 %25 sure%0A%C3%A9");
    }
}
