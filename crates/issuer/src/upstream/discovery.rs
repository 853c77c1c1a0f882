//! The provider's metadata (OpenID Connect Discovery 1.0) and its keys.

use super::cache::{Kept, Want};
use super::{Protocol, Provider, Trouble, document, github};
use crate::Issuer;
use countersign_token::{Algorithm, KeySet, Timestamp};
use serde::Deserialize;
use std::sync::Arc;
use url::Url;

/// What is needed of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Metadata {
    pub(super) authorization: String,
    pub(super) token: String,
    pub(super) userinfo: Option<String>,
    pub(super) jwks: String,
    /// Accepted signatures: the provider's, those of them that this server takes.
    pub(super) algorithms: Vec<Algorithm>,
    /// The client secret goes into the header (RFC 6749 2.3.1), not the body.
    pub(super) basic: bool,
    /// Its answers name it (RFC 9207).
    pub(super) names_itself: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// The metadata, from the cache or the provider.
pub(super) async fn metadata(
    issuer: &Issuer,
    provider: &Provider,
    now: Timestamp,
) -> Result<Arc<Metadata>, Trouble> {
    let settings = &provider.settings;
    if settings.protocol == Protocol::GitHub {
        return Ok(Arc::new(github::metadata(&settings.issuer)));
    }
    let fetch = || async {
        let url = format!("{}/.well-known/openid-configuration", settings.issuer);
        let body = document(issuer, &url, None).await?;
        let read: Document = serde_json::from_slice(&body)
            .map_err(|e| Trouble::misconfigured(format!("its metadata cannot be read: {e}")))?;
        check(read, settings).map(Arc::new)
    };
    provider.metadata.get(Want::Fresh, now, fetch).await.map(|kept| kept.it)
}

fn check(read: Document, settings: &super::ProviderSettings) -> Result<Metadata, Trouble> {
    // Discovery 4.3: exactly, or one provider speaks for another.
    if read.issuer != settings.named {
        let came = super::shown(&read.issuer);
        return Err(Trouble::misconfigured(format!("its metadata is that of {came}")));
    }
    let plain = settings.issuer.starts_with("http://");
    let endpoint = |text: String| match Url::parse(&text) {
        Ok(url) if url.scheme() == "https" || (plain && url.scheme() == "http") => Ok(text),
        _ => Err(Trouble::misconfigured(format!("the endpoint {} is not https", super::shown(&text)))),
    };
    let named = read.id_token_signing_alg_values_supported.unwrap_or_else(|| vec!["RS256".to_owned()]);
    let offered: Vec<Algorithm> = named.iter().filter_map(|name| Algorithm::parse(name)).collect();
    let wanted = if settings.algorithms.is_empty() { Algorithm::ASYMMETRIC } else { &settings.algorithms };
    let algorithms: Vec<Algorithm> =
        wanted.iter().copied().filter(|a| !a.is_symmetric() && offered.contains(a)).collect();
    if algorithms.is_empty() {
        return Err(Trouble::misconfigured("it signs with no algorithm that is accepted"));
    }
    let methods = read.token_endpoint_auth_methods_supported;
    Ok(Metadata {
        authorization: endpoint(read.authorization_endpoint)?,
        token: endpoint(read.token_endpoint)?,
        userinfo: read.userinfo_endpoint.map(endpoint).transpose()?,
        jwks: endpoint(read.jwks_uri)?,
        algorithms,
        basic: methods.is_none_or(|m| m.iter().any(|m| m == "client_secret_basic")),
        names_itself: read.authorization_response_iss_parameter_supported,
    })
}

/// The keys it signs ID tokens with.
pub(super) async fn keys(
    issuer: &Issuer,
    provider: &Provider,
    metadata: &Metadata,
    want: Want,
    now: Timestamp,
) -> Result<Kept<KeySet>, Trouble> {
    let fetch = || async {
        let body = document(issuer, &metadata.jwks, None).await?;
        let (keys, left_out) = KeySet::from_jwks(&body)
            .map_err(|e| Trouble::misconfigured(format!("its keys cannot be used: {e}")))?;
        for error in left_out {
            tracing::debug!(provider = provider.settings.name, %error, "a key is left out");
        }
        Ok(keys)
    };
    provider.keys.get(want, now, fetch).await
}
