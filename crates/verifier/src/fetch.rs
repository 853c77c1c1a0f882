//! Getting a document: the port a verifier fetches metadata and keys through.

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderValue;
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

/// A loopback name of RFC 6761.
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}
