//! Asking the issuer about one token (RFC 7662): what [`crate::OnStale::Introspect`] falls back on.

use crate::fetch::{FORM, Post};
use crate::verifier::Inner;
use base64_simd::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use serde::Deserialize;

/// Questions under way at once; more than that fail closed, so that an issuer in trouble is not drowned.
pub(crate) const AT_ONCE: usize = 64;

/// Bytes of an answer at most.
const MOST_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Answer {
    active: bool,
}

/// Credentials at the issuer.
pub(crate) struct Introspection {
    pub(crate) authorization: HeaderValue,
    pub(crate) at_once: tokio::sync::Semaphore,
}

impl Introspection {
    /// `None`: the credentials cannot stand in a header.
    pub(crate) fn new(client_id: &str, secret: &str) -> Option<Self> {
        let at_once = tokio::sync::Semaphore::new(AT_ONCE);
        Some(Self { authorization: basic(client_id, secret)?, at_once })
    }
}

/// RFC 6749 2.3.1: both parts are form-encoded before they are joined.
pub(crate) fn basic(client_id: &str, secret: &str) -> Option<HeaderValue> {
    let part = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let joined = format!("{}:{}", part(client_id), part(secret));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode_to_string(joined))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether the issuer calls the token active. `None`: it cannot be asked, or gave no usable answer.
pub(crate) async fn active(verifier: &Inner, token: &str) -> Option<bool> {
    let Some(own) = &verifier.introspection else {
        tracing::error!(
            "a route asks the issuer when the feed is stale, but the verifier has no credentials"
        );
        return None;
    };
    let remote = verifier.source.remote()?;
    let url = verifier.source.found()?.introspection.clone()?;
    let _permit = own.at_once.try_acquire().ok()?;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("token_type_hint", "access_token")
        .finish();
    let post = Post { authorization: Some(&own.authorization), media_type: FORM, body: Bytes::from(form) };
    match remote.post(&url, post, MOST_BYTES).await {
        Ok(body) => serde_json::from_slice::<Answer>(&body).ok().map(|answer| answer.active),
        Err(error) => {
            tracing::warn!(%error, "the issuer cannot be asked about a token");
            None
        }
    }
}
