//! The credentials of a request: one token in the `Authorization` header, nothing else.

use crate::proof::Scheme;
use crate::refusal::Refusal;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};

/// A token and how it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) token: &'a str,
}

/// The token of a request: `Bearer` (RFC 6750 2.1), or `DPoP` (RFC 9449 7.1) where proofs are checked. Form bodies and the query are never read (RFC 9700 4.3.2):
/// a token in a URL ends up in logs, history and `Referer`.
pub(crate) fn credentials<'a>(
    headers: &'a HeaderMap,
    uri: &Uri,
    proofs: bool,
) -> Result<Credentials<'a>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let in_url = names_token(uri);
    let Some(value) = values.next() else { return Err(Refusal::NoCredentials) };
    if values.next().is_some() {
        return Err(Refusal::BadRequest("more than one Authorization header"));
    }
    let value = value.to_str().map_err(|_| Refusal::BadRequest("the Authorization header is not ASCII"))?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let scheme = match scheme {
        bearer if bearer.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
        dpop if proofs && dpop.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
        _ => return Err(Refusal::NoCredentials),
    };
    if in_url {
        return Err(Refusal::BadRequest("more than one way of sending a token"));
    }
    let token = rest.trim_start_matches(' ');
    match is_b64token(token) {
        true => Ok(Credentials { scheme, token }),
        false => Err(Refusal::BadRequest("the bearer token is malformed")),
    }
}

fn names_token(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).any(|(name, _)| name == "access_token")
}

/// `b64token` of RFC 6750 2.1.
fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&'static [u8]], uri: &'static str) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        credentials(&headers, &Uri::from_static(uri), false).map(|found| found.token.to_owned())
    }

    #[test]
    fn dpop_is_a_scheme_only_where_proofs_are_checked() {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("dpop a.b.c"))]);
        let read = |proofs| credentials(&headers, &Uri::from_static("/"), proofs).map(|found| found.scheme);
        assert!(matches!(read(true), Ok(Scheme::Dpop)));
        assert!(matches!(read(false), Err(Refusal::NoCredentials)));
    }

    #[test]
    fn one_bearer_header_in_any_case() {
        for value in [&b"Bearer a.b.c"[..], b"bearer a.b.c", b"BEARER   a.b.c"] {
            assert_eq!(read(&[value], "/").unwrap(), "a.b.c");
        }
        assert_eq!(read(&[b"Bearer a.b.c"], "/?other=access_token").unwrap(), "a.b.c");
    }

    #[test]
    fn no_credentials_is_not_an_error_of_the_client() {
        for (values, uri) in [
            (&[][..], "/"),
            (&[&b"Basic YTpi"[..]], "/"),
            (&[b"Bearerx a"], "/"),
            (&[], "/?access_token=a.b.c"),
        ] {
            assert!(matches!(read(values, uri), Err(Refusal::NoCredentials)), "{values:?} {uri}");
        }
    }

    #[test]
    fn malformed_or_doubled_credentials_are_bad_requests() {
        for (values, uri) in [
            (&[&b"Bearer"[..]][..], "/"),
            (&[b"Bearer "], "/"),
            (&[b"Bearer a b"], "/"),
            (&[b"Bearer a,b"], "/"),
            (&[b"Bearer a\"b"], "/"),
            (&[b"Bearer \xff"], "/"),
            (&[b"Bearer =="], "/"),
            (&[b"Bearer a.b.c", b"Bearer a.b.c"], "/"),
            (&[b"Bearer a.b.c", b"Basic YTpi"], "/"),
            (&[b"Bearer a.b.c"], "/?x=1&access_token=a.b.c"),
            (&[b"Bearer a.b.c"], "/?access%5Ftoken=a.b.c"),
        ] {
            assert!(matches!(read(values, uri), Err(Refusal::BadRequest(_))), "{values:?} {uri}");
        }
    }
}
