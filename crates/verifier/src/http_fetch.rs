//! The HTTP adapter of [`Fetch`].

use crate::fetch::{Fetch, FetchError, Incoming, Post, is_localhost};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy as Redirects;
use rustls::{ClientConfig, RootCertStore};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use url::Url;

/// HTTP/1.1 and 2 by reqwest on rustls with aws-lc-rs and the platform's certificate authorities.
/// No redirects, no cookies, no decompression, no proxy from the environment.
#[derive(Debug, Clone)]
pub struct HttpFetch {
    client: reqwest::Client,
}

impl HttpFetch {
    /// Builds the client. Installs nothing process-wide.
    pub fn new() -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(Redirects::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Arc::new(Loopback))
            .user_agent(concat!("countersign-verifier/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| FetchError::Unreachable(chain(&e)))?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn get(&self, url: &Url, max_bytes: usize) -> Result<Bytes, FetchError> {
        let request = self.client.get(url.clone()).header(ACCEPT, "application/json, */*;q=0.5");
        let answer = request.send().await.map_err(broken)?;
        match answer.status() {
            StatusCode::OK => whole(answer, max_bytes).await,
            other => Err(FetchError::Status(other.as_u16())),
        }
    }

    async fn stream(&self, url: &Url, after: Option<&str>) -> Result<Box<dyn Incoming>, FetchError> {
        const EVENTS: &str = "text/event-stream";
        let mut request = self.client.get(url.clone()).header(ACCEPT, EVENTS);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let answer = request.send().await.map_err(broken)?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let kind = answer.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        match kind.starts_with(EVENTS.as_bytes()) {
            true => Ok(Box::new(Streaming(answer))),
            false => Err(FetchError::Unreachable("the answer is no event stream".to_owned())),
        }
    }

    async fn post(&self, url: &Url, post: Post<'_>, max_bytes: usize) -> Result<Bytes, FetchError> {
        let mut request = self.client.post(url.clone()).header(CONTENT_TYPE, post.media_type).body(post.body);
        if let Some(value) = post.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let answer = request.send().await.map_err(broken)?;
        match answer.status() {
            good if good.is_success() => whole(answer, max_bytes).await,
            other => Err(FetchError::Status(other.as_u16())),
        }
    }
}

struct Streaming(reqwest::Response);

#[async_trait]
impl Incoming for Streaming {
    async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        self.0.chunk().await.map_err(broken)
    }
}

async fn whole(mut answer: reqwest::Response, max_bytes: usize) -> Result<Bytes, FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(FetchError::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn broken(error: reqwest::Error) -> FetchError {
    FetchError::Unreachable(chain(&error.without_url()))
}

fn tls() -> Result<ClientConfig, FetchError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| FetchError::Unreachable(e.to_string()))?;
    Ok(match rustls_platform_verifier::Verifier::new(provider) {
        Ok(verifier) => builder
            .dangerous() // the name of rustls for "a verifier of your own": this one is the platform's
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth(),
        Err(error) => {
            // A bare container: plain-HTTP loopback issuers still work, https ones are refused.
            tracing::warn!(%error, "no certificate authorities on this machine: https issuers are out of reach");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    })
}

/// `localhost` and everything under it is this machine, whatever the network's DNS says (RFC 6761 6.3).
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = if is_localhost(name.as_str()) {
                vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The whole cause of an error in one line: reqwest alone says only "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
