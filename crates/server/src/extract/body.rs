//! A request's body, within its limits of size and time.

use crate::app::App;
use crate::error::Http;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Reads it whole.
pub(crate) async fn read(app: &App, body: Body) -> Result<Bytes, Http> {
    let limit = app.config.limits.body_bytes;
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(Http::BodyTooLarge);
    }
    let collected = tokio::time::timeout(app.config.limits.body_read, Limited::new(body, limit).collect());
    match collected.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(Http::BodyTooLarge),
        Ok(Err(_)) => Err(Http::BodyBroken),
        Err(_) => Err(Http::BodyTimeout),
    }
}

/// Is the content type this one, parameters apart (`charset`, if given, must be UTF-8)?
pub(crate) fn is_type(content_type: Option<&str>, wanted: &str) -> bool {
    let Some(text) = content_type else { return false };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().is_some_and(|t| t.eq_ignore_ascii_case(wanted));
    let charset = parts.filter_map(|p| p.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    essence && charset
}

#[cfg(test)]
mod tests {
    use super::is_type;

    #[test]
    fn content_types_are_compared_without_case_and_parameters() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(is_type(Some(good), "application/json"), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonx", "application/json; charset=utf-16", "json"] {
            assert!(!is_type(Some(bad), "application/json"), "{bad}");
        }
        assert!(!is_type(None, "application/json"));
    }
}
