//! From an issuer to the address of its keys: OpenID Connect Discovery 1.0 and RFC 8414.

use crate::fetch::{FetchError, is_localhost};
use serde::Deserialize;
use url::{Host, Url};

/// Which plain-HTTP addresses may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Never,
    OnLoopback,
}

/// Why keys could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Neither metadata document could be had.
    #[error("metadata at {url}: {cause}")]
    Metadata {
        /// Where.
        url: String,
        /// Why.
        cause: FetchError,
    },
    /// The document is not metadata.
    #[error("metadata at {url} cannot be read: {detail}")]
    Unreadable {
        /// Where.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// The metadata speaks for somebody else (OIDC Discovery 4.3, RFC 8414 3.3).
    #[error("metadata is that of {found:?}, not of {expected:?}")]
    WrongIssuer {
        /// The issuer asked for.
        expected: String,
        /// The issuer that answered.
        found: String,
    },
    /// The address may not be used.
    #[error("{url:?} may not be used: {reason}")]
    Address {
        /// Which.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// The key set could not be had.
    #[error("keys at {url}: {cause}")]
    Keys {
        /// Where.
        url: String,
        /// Why.
        cause: FetchError,
    },
    /// The key set was refused as a whole.
    #[error("keys at {url} are refused: {cause}")]
    Refused {
        /// Where.
        url: String,
        /// Why.
        cause: countersign_token::KeyError,
    },
}

/// An issuer identifier as a URL: https (or plain HTTP on loopback, where allowed), no query, no
/// fragment, no user (OIDC Discovery 2, RFC 8414 2).
pub(crate) fn issuer_url(issuer: &str, plain: Plain) -> Result<Url, SourceError> {
    let url = address(issuer, plain)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused(issuer, "an issuer has neither query nor fragment"));
    }
    Ok(url)
}

/// An address this verifier may call.
pub(crate) fn address(text: &str, plain: Plain) -> Result<Url, SourceError> {
    let url = Url::parse(text).map_err(|_| refused(text, "it is not an absolute URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(text, "it holds a user name or password"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain == Plain::OnLoopback && is_loopback(&url) => Ok(url),
        "http" if plain == Plain::OnLoopback => Err(refused(text, "plain HTTP is for loopback only")),
        "http" => Err(refused(text, "it is not https")),
        _ => Err(refused(text, "it is neither https nor http")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => is_localhost(name),
        None => false,
    }
}

fn refused(url: &str, reason: &'static str) -> SourceError {
    SourceError::Address { url: url.to_owned(), reason }
}

/// Where the metadata may stand, in the order to try: OIDC Discovery 4 appends to the path, RFC 8414 3.1
/// puts the well-known part before it.
pub(crate) fn places(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let mut oidc = issuer.clone();
    oidc.set_path(&format!("{path}/.well-known/openid-configuration"));
    let mut oauth = issuer.clone();
    oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    [oidc, oauth]
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
    revocation_feed: Option<String>,
    introspection_endpoint: Option<String>,
}

/// What the metadata of an issuer leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) jwks: Url,
    /// The metadata of its revocation feed.
    pub(crate) feed: Option<Url>,
    pub(crate) introspection: Option<Url>,
}

/// The addresses in a metadata document that speaks for exactly `issuer`. One that may not be used is an
/// error, also where nobody may need it: leaving out a feed quietly would be worse.
pub(crate) fn found(document: &[u8], at: &Url, issuer: &str, plain: Plain) -> Result<Found, SourceError> {
    let metadata: Metadata = serde_json::from_slice(document)
        .map_err(|e| SourceError::Unreadable { url: at.to_string(), detail: e.to_string() })?;
    if metadata.issuer != issuer {
        return Err(SourceError::WrongIssuer { expected: issuer.to_owned(), found: metadata.issuer });
    }
    let optional = |text: Option<String>| text.map(|text| address(&text, plain)).transpose();
    Ok(Found {
        jwks: address(&metadata.jwks_uri, plain)?,
        feed: optional(metadata.revocation_feed)?,
        introspection: optional(metadata.introspection_endpoint)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_places_follow_both_documents() {
        let of = |issuer: &str| places(&Url::parse(issuer).unwrap()).map(String::from);
        assert_eq!(
            of("https://id.example"),
            [
                "https://id.example/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server"
            ]
        );
        assert_eq!(
            of("https://id.example/tenant/"),
            [
                "https://id.example/tenant/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/tenant"
            ]
        );
    }

    #[test]
    fn only_https_or_allowed_loopback() {
        for good in ["http://localhost:1", "http://auth.localhost", "http://127.0.0.9/x", "http://[::1]:8080"]
        {
            assert!(issuer_url(good, Plain::OnLoopback).is_ok(), "{good}");
            assert!(issuer_url(good, Plain::Never).is_err(), "{good}");
        }
        for bad in [
            "http://id.example",
            "http://localhost.id.example",
            "http://10.0.0.1",
            "ftp://localhost",
            "id.example",
            "https://user:pw@id.example",
            "https://id.example?x=1",
            "https://id.example#x",
        ] {
            assert!(issuer_url(bad, Plain::OnLoopback).is_err(), "{bad}");
        }
        assert!(issuer_url("https://id.example/t", Plain::Never).is_ok());
    }
}
