//! Why a request was not let in, and how that is told: status, `WWW-Authenticate` (RFC 6750 3), body.

use crate::keys::KeysUnavailable;
use countersign_token::VerifyError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

/// A request that was not let in.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No bearer token in the `Authorization` header. 401, and no error code (RFC 6750 3.1).
    #[error("no access token")]
    NoCredentials,
    /// Credentials that cannot be read, or sent twice. 400 `invalid_request`.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The token is no good. 401 `invalid_token`.
    #[error(transparent)]
    InvalidToken(#[from] VerifyError),
    /// The token is good, but lacks scopes. 403 `insufficient_scope`.
    #[error("scope missing: {}", missing.join(" "))]
    MissingScope {
        /// Every scope the route asks for.
        required: Vec<String>,
        /// Those the token lacks.
        missing: Vec<String>,
    },
    /// The token is good, but its subject lacks roles. 403.
    #[error("{}", roles_text(all_of, any_of))]
    MissingRole {
        /// Roles that are missing, each of which is needed.
        all_of: Vec<String>,
        /// Roles of which one is needed and none is there.
        any_of: Vec<String>,
    },
    /// No keys to judge by. 503 with `Retry-After`, never 401: the token may be fine.
    #[error(transparent)]
    KeysUnavailable(#[from] KeysUnavailable),
}

fn roles_text(all_of: &[String], any_of: &[String]) -> String {
    if all_of.is_empty() {
        format!("one of the roles is needed: {}", any_of.join(", "))
    } else {
        format!("role missing: {}", all_of.join(", "))
    }
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoCredentials | Self::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MissingScope { .. } | Self::MissingRole { .. } => StatusCode::FORBIDDEN,
            Self::KeysUnavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The error code of RFC 6750 3.1; none where no credentials came or the fault is not the client's.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::NoCredentials | Self::KeysUnavailable(_) => None,
            Self::BadRequest(_) => Some("invalid_request"),
            Self::InvalidToken(_) => Some("invalid_token"),
            // RFC 6750 3.1: "requires higher privileges than provided by the access token".
            Self::MissingScope { .. } | Self::MissingRole { .. } => Some("insufficient_scope"),
        }
    }

    /// The `WWW-Authenticate` value for a realm; none for 503.
    pub fn challenge(&self, realm: &str) -> Option<String> {
        let mut value = format!("Bearer realm=\"{}\"", quoted(realm));
        match self {
            Self::KeysUnavailable(_) => return None,
            Self::NoCredentials => return Some(value),
            _ => {}
        }
        for (name, text) in [
            ("error", self.code().unwrap_or_default().to_owned()),
            ("error_description", described(&self.to_string())),
        ] {
            value.push_str(&format!(", {name}=\"{}\"", quoted(&text)));
        }
        if let Self::MissingScope { required, .. } = self {
            value.push_str(&format!(", scope=\"{}\"", quoted(&required.join(" "))));
        }
        Some(value)
    }

    /// The whole answer, with a JSON body for people and scripts.
    pub fn response<B: From<String>>(&self, realm: &str) -> Response<B> {
        let mut body = match self {
            Self::NoCredentials => json!({
                "error": "unauthorized",
                "error_description": "send an access token in the Authorization header: Bearer TOKEN",
            }),
            Self::KeysUnavailable(_) => json!({
                "error": "temporarily_unavailable",
                "error_description": "tokens cannot be verified at the moment",
            }),
            _ => json!({ "error": self.code(), "error_description": self.to_string() }),
        };
        let more = match self {
            Self::MissingScope { required, missing } => {
                Some(json!({ "scope": required.join(" "), "missing_scopes": missing }))
            }
            Self::MissingRole { all_of, any_of } if all_of.is_empty() => {
                Some(json!({ "any_of_roles": any_of }))
            }
            Self::MissingRole { all_of, .. } => Some(json!({ "missing_roles": all_of })),
            Self::InvalidToken(error) => Some(json!({ "reason": error.code, "claim": error.claim })),
            _ => None,
        };
        if let (Some(body), Some(serde_json::Value::Object(more))) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let mut answer = Response::new(B::from(body.to_string()));
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(Ok(value)) = self.challenge(realm).map(HeaderValue::try_from) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if let Self::KeysUnavailable(down) = self {
            // Whole seconds, rounded up: a client that comes back at once would find the same.
            let seconds = down.retry_after.as_millis().div_ceil(1000).max(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(1)));
        }
        answer
    }
}

/// The inside of an RFC 9110 `quoted-string`: `"` and `\` escaped, anything else outside visible ASCII
/// replaced, so that no text can end the value or the header.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

/// `error_description` allows neither `"` nor `\`, not even escaped (RFC 6750 3).
fn described(text: &str) -> String {
    text.replace('"', "'").replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn scope(required: &[&str], missing: &[&str]) -> Refusal {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Refusal::MissingScope { required: own(required), missing: own(missing) }
    }

    #[test]
    fn challenges_are_exact() {
        let down = KeysUnavailable { retry_after: Duration::ZERO, cause: None };
        let expired =
            VerifyError { code: "expired", claim: Some("exp"), detail: "at \"3\"\r\nX: y\\".into() };
        let roles = |all: &[&str], any: &[&str]| Refusal::MissingRole {
            all_of: all.iter().map(|s| (*s).into()).collect(),
            any_of: any.iter().map(|s| (*s).into()).collect(),
        };
        for (refusal, status, challenge) in [
            (Refusal::NoCredentials, 401, Some(r#"Bearer realm="api""#)),
            (
                Refusal::BadRequest("twice"),
                400,
                Some(r#"Bearer realm="api", error="invalid_request", error_description="twice""#),
            ),
            (
                expired.into(),
                401,
                Some(
                    r#"Bearer realm="api", error="invalid_token", error_description="expired: at '3'??X: y/""#,
                ),
            ),
            (
                scope(&["read", "write"], &["write"]),
                403,
                Some(
                    r#"Bearer realm="api", error="insufficient_scope", error_description="scope missing: write", scope="read write""#,
                ),
            ),
            (
                roles(&["admin"], &[]),
                403,
                Some(
                    r#"Bearer realm="api", error="insufficient_scope", error_description="role missing: admin""#,
                ),
            ),
            (
                roles(&[], &["admin", "ops"]),
                403,
                Some(
                    r#"Bearer realm="api", error="insufficient_scope", error_description="one of the roles is needed: admin, ops""#,
                ),
            ),
            (down.into(), 503, None),
        ] {
            assert_eq!(refusal.status(), status);
            assert_eq!(refusal.challenge("api").as_deref(), challenge);
        }
    }

    #[test]
    fn a_realm_cannot_break_out() {
        assert_eq!(
            Refusal::NoCredentials.challenge("a\"b\\c\r\nd\u{e9}").as_deref(),
            Some(r#"Bearer realm="a\"b\\c??d?""#)
        );
    }

    #[test]
    fn retry_after_is_whole_seconds_and_never_zero() {
        for (wait, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (30_000, "30")] {
            let down = KeysUnavailable { retry_after: Duration::from_millis(wait), cause: None };
            let answer: Response<String> = Refusal::from(down).response("api");
            assert_eq!(answer.headers()[RETRY_AFTER], seconds);
            assert!(!answer.headers().contains_key(WWW_AUTHENTICATE));
        }
    }
}
