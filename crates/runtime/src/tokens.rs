//! Looking at tokens from outside: decode, and verify or explain against an issuer, a key set file or this
//! store.

mod explain;

use crate::clock;
use crate::wire::Node;
use countersign_issuer::revocation::Facts;
use countersign_token::{AccessToken, Policy, TokenType, VerifyError, dangerous, verify};
use countersign_verifier::{BuildError, Refusal, Verifier};
use serde_json::Value;

pub use countersign_token::{Algorithm, Timestamp};
pub use countersign_verifier::Verdict;
pub use explain::{Check, Explained, Revoked, explain_as_service, explain_here};

/// Why a token is not accepted, or cannot be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] VerifyError),
    /// There is no judging it: keys, issuer or audience are not usable.
    #[error("cannot_verify: {0}")]
    CannotVerify(String),
}

impl From<Refusal> for TokenError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidToken(e) => Self::Refused(e),
            Refusal::Revoked(rule) => {
                let detail = format!("a revocation of its {} covers it", rule.kind);
                Self::Refused(VerifyError { code: "revoked", claim: None, detail })
            }
            other => Self::CannotVerify(other.to_string()),
        }
    }
}

impl From<BuildError> for TokenError {
    fn from(e: BuildError) -> Self {
        Self::CannotVerify(e.to_string())
    }
}

/// Header and claims, nothing checked.
pub fn inspect(token: &str) -> Result<(Value, Value), TokenError> {
    Ok(dangerous::decode(token)?)
}

/// Now, in seconds since the epoch.
pub fn now() -> i64 {
    Timestamp::from_millis(clock::wall_millis()).seconds()
}

/// Verifies an access token as a service would: keys from `jwks`, or fetched from the issuer.
pub async fn verify_as_service(
    token: &str,
    issuer: &str,
    audience: &[String],
    jwks: Option<&[u8]>,
) -> Result<AccessToken, TokenError> {
    Ok(service(issuer, audience, jwks)?.verify(token).await?.claims().clone())
}

/// A verifier as a service would have it.
fn service(issuer: &str, audience: &[String], jwks: Option<&[u8]>) -> Result<Verifier, TokenError> {
    let builder = Verifier::builder(issuer).audience(audience).allow_http_on_loopback();
    let builder = match jwks {
        Some(document) => builder.jwks(document)?,
        None => builder,
    };
    Ok(builder.build()?)
}

/// Verifies an access token with the published keys and revocation rules of this store. Without an audience, any will do.
pub fn verify_here(token: &str, node: &Node, audience: &[String]) -> Result<AccessToken, TokenError> {
    let keys = node.issuer.keys.verifying();
    let policy = Policy::issuer(node.issuer.settings.issuer.clone());
    let policy = if audience.is_empty() { policy.any_audience() } else { policy.audience(audience) };
    let policy = policy.token_type(TokenType::Access).algorithms(&node.issuer.keys.algorithms());
    let now = Timestamp::from_millis(clock::wall_millis());
    let verified = verify::<AccessToken>(token, &keys, &policy, now)?;
    let claims = verified.claims;
    let facts = Facts {
        kid: verified.kid.as_deref().unwrap_or_default(),
        iat: claims.iat,
        client: &claims.client_id,
        sub: &claims.sub,
        sid: claims.sid.as_deref(),
        jti: &claims.jti,
    };
    if let Some(kind) = node.issuer.directory.rules().covers(&facts) {
        let detail = format!("a revocation of its {} covers it", kind.name());
        return Err(TokenError::Refused(VerifyError { code: "revoked", claim: None, detail }));
    }
    Ok(claims)
}
