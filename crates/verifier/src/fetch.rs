//! Getting a document: the port a verifier fetches metadata and keys through, and its HTTP adapter.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy as Redirects;
use rustls::{ClientConfig, RootCertStore};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Why a document could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Answered, but not with 200. Redirects are never followed, so they end here.
    #[error("the answer was HTTP {0}, not 200")]
    Status(u16),
    /// Larger than allowed; what was read is dropped.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// No complete answer in time.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// No connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// This [`Fetch`] has no such call.
    #[error("this way of fetching cannot {0}")]
    Unsupported(&'static str),
}

/// Media type of a form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Gets documents. Must not follow redirects, and must not answer anything but a 200. Callers bound the time.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The body, at most `max_bytes` long.
    async fn get(&self, url: &Url, max_bytes: usize) -> Result<Bytes, FetchError>;

    /// Opens server-sent events, after this event where one is named (`Last-Event-ID`). Without it the
    /// revocation feed is followed by asking, through [`Self::get`].
    async fn stream(&self, _url: &Url, _after: Option<&str>) -> Result<Box<dyn Incoming>, FetchError> {
        Err(FetchError::Unsupported("hold a stream"))
    }

    /// Posts a body of this media type; any 2xx is an answer. Without it there are neither acknowledgements
    /// nor introspection.
    async fn post(&self, _url: &Url, _body: Post<'_>, _max_bytes: usize) -> Result<Bytes, FetchError> {
        Err(FetchError::Unsupported("post"))
    }
}

/// A body that comes in pieces.
#[async_trait]
pub trait Incoming: Send {
    /// The next piece; none at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError>;
}

/// What is posted.
#[derive(Debug, Clone)]
pub struct Post<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a HeaderValue>,
    /// The media type.
    pub media_type: &'static str,
    /// The body.
    pub body: Bytes,
}

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

/// A loopback name of RFC 6761.
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
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
