//! Why a request was not let in, and how that is told: status, `WWW-Authenticate` (RFC 6750 3), body.

use crate::keys::KeysUnavailable;
use crate::proof::ProofError;
use countersign_token::VerifyError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The nonce a client must put into its next DPoP proof (RFC 9449 9).
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The rule that covers a token, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Revocation {
    /// What was revoked: `iss`, `kid`, `cid`, `sub`, `subpfx` (a bucket of subjects), `sid`, `jti`, or
    /// `introspection` when the issuer itself said so.
    pub kind: &'static str,
    /// Epoch of the feed.
    pub epoch: Option<u64>,
    /// Number of the rule in its epoch, where it is known: rules are kept without their numbers.
    pub number: Option<u64>,
    /// Tokens with `iat` up to this second are covered; none: all are.
    pub cutoff: Option<i64>,
    /// The second at which the rule drops out, since no covered token lives then.
    pub until: Option<i64>,
}

impl Revocation {
    /// The issuer said so when asked.
    pub(crate) fn introspected() -> Self {
        Self { kind: "introspection", epoch: None, number: None, cutoff: None, until: None }
    }
}

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
    /// The token was good and is revoked. 401 `invalid_token`, reason `revoked`.
    #[error("the token was revoked")]
    Revoked(Revocation),
    /// The proof of possession was not accepted. 401 with a `DPoP` challenge (RFC 9449 7.1).
    #[error("{error}")]
    Proof {
        /// What the hook said.
        error: ProofError,
        /// Algorithms of proofs that the hook takes, space-separated.
        algorithms: String,
    },
    /// The token is good, but the person must prove again, or better, who they are. 401
    /// `insufficient_user_authentication` (RFC 9470 3).
    #[error("{}", authentication_text(acr_values, *max_age))]
    InsufficientAuthentication {
        /// Authentication context classes of which one is due; none: any will do.
        acr_values: Vec<String>,
        /// The longest time since the person proved who they are, in seconds.
        max_age: Option<u64>,
    },
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
    /// What is known of revocations is older than the hard bound, and the route says [`crate::OnStale::Closed`].
    /// 503 with `Retry-After`, never 401: the token may be fine.
    #[error("revocations cannot be checked at the moment")]
    Stale {
        /// When another try makes sense.
        retry_after: Duration,
        /// How old the knowledge is; none: nothing was ever proven.
        age: Option<Duration>,
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

fn authentication_text(acr_values: &[String], max_age: Option<u64>) -> String {
    match (acr_values, max_age) {
        ([], None) => "another sign-in is needed".to_owned(),
        ([], Some(seconds)) => format!("a sign-in of the last {seconds} s is needed"),
        (classes, None) => format!("a stronger sign-in is needed: {}", classes.join(" or ")),
        (classes, Some(seconds)) => {
            format!("a sign-in of the last {seconds} s is needed: {}", classes.join(" or "))
        }
    }
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoCredentials
            | Self::InvalidToken(_)
            | Self::Revoked(_)
            | Self::Proof { .. }
            | Self::InsufficientAuthentication { .. } => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MissingScope { .. } | Self::MissingRole { .. } => StatusCode::FORBIDDEN,
            Self::KeysUnavailable(_) | Self::Stale { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The error code of RFC 6750 3.1; none where no credentials came or the fault is not the client's.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::NoCredentials | Self::KeysUnavailable(_) | Self::Stale { .. } => None,
            Self::BadRequest(_) => Some("invalid_request"),
            Self::InvalidToken(_) | Self::Revoked(_) => Some("invalid_token"),
            Self::Proof { error, .. } => Some(error.code),
            Self::InsufficientAuthentication { .. } => Some("insufficient_user_authentication"),
            // RFC 6750 3.1: "requires higher privileges than provided by the access token".
            Self::MissingScope { .. } | Self::MissingRole { .. } => Some("insufficient_scope"),
        }
    }

    /// When another try makes sense; for 503 only.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KeysUnavailable(down) => Some(down.retry_after),
            Self::Stale { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// The `WWW-Authenticate` value for a realm; none for 503.
    pub fn challenge(&self, realm: &str) -> Option<String> {
        let scheme = if matches!(self, Self::Proof { .. }) { "DPoP" } else { "Bearer" };
        let mut value = format!("{scheme} realm=\"{}\"", quoted(realm));
        let mut add = |name, text: &str| value.push_str(&format!(", {name}=\"{}\"", quoted(text)));
        match self {
            Self::KeysUnavailable(_) | Self::Stale { .. } => return None,
            Self::NoCredentials => return Some(value),
            _ => {}
        }
        add("error", self.code().unwrap_or_default());
        add("error_description", &described(&self.to_string()));
        match self {
            Self::MissingScope { required, .. } => add("scope", &required.join(" ")),
            Self::Proof { algorithms, .. } => add("algs", algorithms),
            Self::InsufficientAuthentication { acr_values, max_age } => {
                if !acr_values.is_empty() {
                    add("acr_values", &acr_values.join(" "));
                }
                if let Some(seconds) = max_age {
                    add("max_age", &seconds.to_string());
                }
            }
            _ => {}
        }
        Some(value)
    }

    /// The whole answer, with a JSON body for people and scripts.
    pub fn response<B: From<String>>(&self, realm: &str) -> Response<B> {
        let mut answer = Response::new(B::from(self.body().to_string()));
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(Ok(value)) = self.challenge(realm).map(HeaderValue::try_from) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if let Self::Proof { error: ProofError { nonce: Some(nonce), .. }, .. } = self
            && let Ok(nonce) = HeaderValue::try_from(nonce)
        {
            headers.insert(DPOP_NONCE, nonce);
        }
        if let Some(wait) = self.retry_after() {
            // Whole seconds, rounded up: a client that comes back at once would find the same.
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(1)));
        }
        answer
    }

    fn body(&self) -> Value {
        let mut body = match self {
            Self::NoCredentials => json!({
                "error": "unauthorized",
                "error_description": "send an access token in the Authorization header: Bearer TOKEN",
            }),
            Self::KeysUnavailable(_) => json!({
                "error": "temporarily_unavailable",
                "error_description": "tokens cannot be verified at the moment",
            }),
            Self::Stale { .. } => json!({
                "error": "temporarily_unavailable",
                "error_description": self.to_string(),
            }),
            _ => json!({ "error": self.code(), "error_description": self.to_string() }),
        };
        let more = match self {
            Self::MissingScope { required, missing } => {
                json!({ "scope": required.join(" "), "missing_scopes": missing })
            }
            Self::MissingRole { all_of, any_of } if all_of.is_empty() => json!({ "any_of_roles": any_of }),
            Self::MissingRole { all_of, .. } => json!({ "missing_roles": all_of }),
            Self::InvalidToken(error) => json!({ "reason": error.code, "claim": error.claim }),
            Self::Revoked(_) => json!({ "reason": "revoked" }),
            Self::Stale { .. } => json!({ "reason": "stale" }),
            Self::InsufficientAuthentication { acr_values, max_age } => {
                json!({ "acr_values": acr_values.join(" "), "max_age": max_age })
            }
            _ => Value::Null,
        };
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        body
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
            (Refusal::Stale { retry_after: Duration::ZERO, age: None }, 503, None),
            (
                Refusal::Revoked(Revocation {
                    kind: "sub",
                    epoch: Some(1),
                    number: None,
                    cutoff: None,
                    until: None,
                }),
                401,
                Some(
                    r#"Bearer realm="api", error="invalid_token", error_description="the token was revoked""#,
                ),
            ),
            (
                Refusal::InsufficientAuthentication {
                    acr_values: vec!["urn:mfa".into(), "urn:key".into()],
                    max_age: Some(300),
                },
                401,
                Some(
                    r#"Bearer realm="api", error="insufficient_user_authentication", error_description="a sign-in of the last 300 s is needed: urn:mfa or urn:key", acr_values="urn:mfa urn:key", max_age="300""#,
                ),
            ),
            (
                Refusal::Proof {
                    error: ProofError { code: "invalid_dpop_proof", detail: "no proof".into(), nonce: None },
                    algorithms: "ES256".into(),
                },
                401,
                Some(
                    r#"DPoP realm="api", error="invalid_dpop_proof", error_description="no proof", algs="ES256""#,
                ),
            ),
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
