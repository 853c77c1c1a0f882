//! The credentials of a request: one bearer token in the `Authorization` header, nothing else.

use crate::refusal::Refusal;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};

/// The bearer token of a request (RFC 6750 2.1). Form bodies and the query are never read (RFC 9700 4.3.2):
/// a token in a URL ends up in logs, history and `Referer`.
pub(crate) fn token<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let in_url = names_token(uri);
    let Some(value) = values.next() else { return Err(Refusal::NoCredentials) };
    if values.next().is_some() {
        return Err(Refusal::BadRequest("more than one Authorization header"));
    }
    let value = value.to_str().map_err(|_| Refusal::BadRequest("the Authorization header is not ASCII"))?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::NoCredentials);
    }
    if in_url {
        return Err(Refusal::BadRequest("more than one way of sending a token"));
    }
    let token = rest.trim_start_matches(' ');
    if is_b64token(token) { Ok(token) } else { Err(Refusal::BadRequest("the bearer token is malformed")) }
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
        token(&headers, &Uri::from_static(uri)).map(str::to_owned)
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
