//! What handlers take from a request: address, cookies, browser, forms, JSON, tokens.

pub(crate) mod authorization;
pub(crate) mod body;
pub(crate) mod browser;
pub(crate) mod client_ip;
pub(crate) mod cookies;
pub(crate) mod csrf;
pub(crate) mod form;
pub(crate) mod json;

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

/// A header's text; `None` when it is absent, there twice, or not visible ASCII.
pub(crate) fn one_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// What the browser calls itself, cut to 200 characters; bytes that are no text show as such.
pub(crate) fn device(headers: &HeaderMap) -> String {
    let named = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    String::from_utf8_lossy(named).chars().take(200).collect()
}
