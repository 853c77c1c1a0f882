//! Documents made once and served as they are: metadata and keys, with a strong ETag (RFC 9110 8.8.3).

use crate::error::Fault;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use countersign_issuer::keys::Document;
use countersign_issuer::{Issuer, oauth};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::{Arc, PoisonError, RwLock};

/// The documents as they were last served.
#[derive(Default)]
pub(crate) struct Documents {
    metadata: Kept<u64>,
    jwks: Kept<i64>,
}

/// One document, good until its revision moves.
struct Kept<R>(RwLock<Option<(R, Arc<Ready>)>>);

impl<R> Default for Kept<R> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<R: PartialEq + Copy> Kept<R> {
    fn get(&self, revision: R) -> Option<Arc<Ready>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(r, _)| *r == revision).map(|(_, ready)| Arc::clone(ready))
    }
    fn keep(&self, revision: R, document: Document, cache: &HeaderValue) -> Result<Arc<Ready>, Fault> {
        let ready = Arc::new(Ready::of(document, cache.clone())?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((revision, Arc::clone(&ready)));
        Ok(ready)
    }
}

impl Documents {
    /// The metadata.
    pub(crate) async fn metadata(&self, issuer: &Issuer) -> Result<Arc<Ready>, Fault> {
        let revision = oauth::discovery::revision(issuer);
        if let Some(ready) = self.metadata.get(revision) {
            return Ok(ready);
        }
        let document = oauth::discovery::document(issuer).await?;
        self.metadata.keep(revision, document, &caching(issuer)?)
    }
    /// The published keys.
    pub(crate) fn jwks(&self, issuer: &Issuer) -> Result<Arc<Ready>, Fault> {
        let version = issuer.keys.version();
        match self.jwks.get(version) {
            Some(ready) => Ok(ready),
            None => self.jwks.keep(version, issuer.keys.jwks(), &caching(issuer)?),
        }
    }
}

/// `stale-if-error` (RFC 5861): a day, so that verifiers outlive an outage of the issuer.
pub(crate) fn caching(issuer: &Issuer) -> Result<HeaderValue, Fault> {
    let age = issuer.settings.jwks_max_age.as_secs();
    header_value(&format!("public, max-age={age}, stale-if-error=86400"))
}

fn header_value(text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text).map_err(|e| countersign_issuer::Failure::Bug(e.to_string()).into())
}

/// Body and headers, ready to go out.
pub(crate) struct Ready {
    body: Bytes,
    etag: HeaderValue,
    cache: HeaderValue,
    media_type: HeaderValue,
}

impl Ready {
    pub(crate) fn of(document: Document, cache: HeaderValue) -> Result<Self, Fault> {
        let media_type = HeaderValue::from_static("application/json");
        let (body, etag) = (Bytes::from_owner(document.body), header_value(&document.etag)?);
        Ok(Self { body, etag, cache, media_type })
    }

    /// Of this media type, which caches may keep for so long.
    pub(crate) fn typed(
        document: Document,
        media_type: &'static str,
        cache: &'static str,
    ) -> Result<Self, Fault> {
        let ready = Self::of(document, HeaderValue::from_static(cache))?;
        Ok(Self { media_type: HeaderValue::from_static(media_type), ..ready })
    }

    /// 200 with the body, or 304 for who has it (RFC 9110 13.1.2).
    pub(crate) fn answer(&self, asking: &HeaderMap) -> Response {
        let known = is_known(asking, &self.etag);
        let mut response = if known {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(Body::from(self.body.clone()))
        };
        let headers = response.headers_mut();
        headers.reserve(16);
        if !known {
            headers.insert(header::CONTENT_TYPE, self.media_type.clone());
        }
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, self.cache.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        response
    }
}

/// Whether who asks has this already.
pub(crate) fn is_known(asking: &HeaderMap, etag: &HeaderValue) -> bool {
    asking.get_all(header::IF_NONE_MATCH).iter().any(|value| matches(value, etag))
}

/// The weak comparison that `If-None-Match` asks for.
fn matches(value: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(value), Ok(etag)) = (value.to_str(), etag.to_str()) else { return false };
    value.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::matches;
    use http::HeaderValue;

    #[test]
    fn if_none_match_is_a_list_of_tags() {
        let etag = HeaderValue::from_static("\"abc\"");
        for (value, known) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", \"abc\"", true),
            ("*", true),
            ("\"abcd\"", false),
            ("abc", false),
            ("", false),
        ] {
            assert_eq!(matches(&HeaderValue::from_str(value).unwrap(), &etag), known, "{value}");
        }
    }
}
