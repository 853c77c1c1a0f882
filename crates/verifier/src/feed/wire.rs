//! Where the parts of a feed are, and how they are asked for: addresses, sizes, times.

use super::FeedError;
use super::settings::Settings;
use crate::discovery::{Plain, address};
use crate::fetch::{Fetch, FetchError, Incoming};
use bytes::Bytes;
use countersign_feed::page::{MOST_HEAD, MOST_RULES};
use countersign_feed::stream::Position;
use countersign_feed::{BLOCK, Metadata, Page, Rule, SnapRef, snapshot};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Bytes of a page at most: its rules, a head, and what goes around them.
const MOST_PAGE: usize = MOST_RULES * Rule::BYTES + MOST_HEAD + 256;
/// Bytes of one rule in a snapshot at most: three LEB128 numbers.
const MOST_SNAPSHOT_RULE: usize = 10 + 5 + 5;
/// The longest wait for a snapshot: 16 M rules on a slow line.
const SNAPSHOT_TIME: Duration = Duration::from_secs(120);

/// One feed's addresses. All but that of acknowledgements lead to the relay, where there is one.
pub(super) struct Wire {
    fetch: Arc<dyn Fetch>,
    timeout: Duration,
    plain: Plain,
    relay: Option<Url>,
    head: Url,
    log: Url,
    snapshot: Url,
    stream: Url,
    pub(super) ack: Url,
    /// The stream comes from the issuer itself: its hints count.
    pub(super) is_issuers_own: bool,
}

impl Wire {
    /// Reads the feed's metadata, of exactly this issuer.
    pub(super) async fn metadata(
        fetch: &dyn Fetch,
        url: &Url,
        settings: &Settings,
    ) -> Result<Metadata, FeedError> {
        let limits = settings.limits;
        let document = bounded(limits.timeout, fetch.get(url, limits.max_bytes))
            .await
            .map_err(|e| FeedError::new(format!("metadata at {url}: {e}")))?;
        let metadata: Metadata = serde_json::from_slice(&document)
            .map_err(|e| FeedError::new(format!("metadata at {url} cannot be read: {e}")))?;
        match metadata.issuer == settings.issuer {
            true => Ok(metadata),
            false => Err(FeedError::new(format!("metadata at {url} is that of {:?}", metadata.issuer))),
        }
    }

    pub(super) fn new(
        fetch: Arc<dyn Fetch>,
        metadata: &Metadata,
        settings: &Settings,
    ) -> Result<Self, FeedError> {
        let Settings { limits, relay, issuer, .. } = settings;
        let direct = |text: &str| address(text, limits.plain).map_err(|e| FeedError::new(e.to_string()));
        let at = |text: &str| direct(text).map(|url| through(relay.as_ref(), url));
        let stream = at(&metadata.stream_endpoint)?;
        let own = direct(issuer)?.origin() == stream.origin();
        Ok(Self {
            fetch,
            timeout: limits.timeout,
            plain: limits.plain,
            relay: relay.clone(),
            head: at(&metadata.head_endpoint)?,
            log: at(&metadata.log_endpoint)?,
            snapshot: at(&metadata.snapshot_endpoint)?,
            ack: direct(&metadata.ack_endpoint)?,
            is_issuers_own: own && relay.is_none(),
            stream,
        })
    }

    pub(super) async fn head(&self) -> Result<String, FeedError> {
        let body = self.get(&self.head, MOST_HEAD, self.timeout).await?;
        let text = std::str::from_utf8(&body).map_err(|_| FeedError::new("a head that is not UTF-8"))?;
        Ok(text.trim().to_owned())
    }

    /// Rules of an epoch after this one and the newest head; waits so many seconds for news.
    pub(super) async fn tail(&self, epoch: u64, after: u64, wait: u64) -> Result<Page, FeedError> {
        let mut url = self.log.clone();
        url.query_pairs_mut()
            .append_pair("epoch", &epoch.to_string())
            .append_pair("from", &after.to_string())
            .append_pair("wait", &wait.to_string());
        self.page(&url, self.timeout + Duration::from_secs(wait)).await
    }

    /// The full block with the rule after this one.
    pub(super) async fn block(&self, epoch: u64, after: u64) -> Result<Page, FeedError> {
        let mut url = self.log.clone();
        let path = format!("{}/{epoch}/{}", url.path().trim_end_matches('/'), after / BLOCK);
        url.set_path(&path);
        self.page(&url, self.timeout).await
    }

    pub(super) async fn snapshot(&self, named: &SnapRef) -> Result<Bytes, FeedError> {
        let url = match self.snapshot.join(&named.url) {
            Ok(url) => through(self.relay.as_ref(), url),
            Err(_) => return Err(FeedError::new("the head names a snapshot at no address")),
        };
        let url = address(url.as_str(), self.plain).map_err(|e| FeedError::new(e.to_string()))?;
        let rules = usize::try_from(named.seq).unwrap_or(usize::MAX).min(snapshot::MOST_RULES);
        self.get(&url, rules * MOST_SNAPSHOT_RULE + 1024, SNAPSHOT_TIME.max(self.timeout)).await
    }

    pub(super) async fn stream(&self, at: Option<Position>) -> Result<Box<dyn Incoming>, FeedError> {
        let after = at.map(|at| at.to_string());
        let opening = self.fetch.stream(&self.stream, after.as_deref());
        match tokio::time::timeout(self.timeout, opening).await {
            Ok(opened) => opened.map_err(|e| FeedError::new(format!("{}: {e}", self.stream))),
            Err(_) => Err(FeedError::new(format!("{}: no answer within {:?}", self.stream, self.timeout))),
        }
    }

    async fn page(&self, url: &Url, time: Duration) -> Result<Page, FeedError> {
        let body = self.get(url, MOST_PAGE, time).await?;
        Page::read(&body).map_err(|e| FeedError::new(format!("{url}: {e}")))
    }

    async fn get(&self, url: &Url, most: usize, time: Duration) -> Result<Bytes, FeedError> {
        let body = bounded(time, self.fetch.get(url, most)).await;
        let body = body.map_err(|e| FeedError::new(format!("{url}: {e}")))?;
        if body.len() > most { Err(FeedError::new(format!("{url}: too large"))) } else { Ok(body) }
    }
}

/// The bounds hold for every `Fetch`, also one that forgets them.
async fn bounded<T>(
    time: Duration,
    asked: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    tokio::time::timeout(time, asked).await.unwrap_or(Err(FetchError::Timeout(time)))
}

/// The same path at the relay.
fn through(relay: Option<&Url>, url: Url) -> Url {
    let Some(relay) = relay else { return url };
    let mut at = relay.clone();
    at.set_path(&format!("{}{}", relay.path().trim_end_matches('/'), url.path()));
    at.set_query(url.query());
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_serves_the_issuers_paths() {
        let url = |text: &str| Url::parse(text).unwrap();
        let told =
            |relay: &str| through(Some(&url(relay)), url("https://id.example/t/rev/log?x=1")).to_string();
        assert_eq!(told("https://relay.example"), "https://relay.example/t/rev/log?x=1");
        assert_eq!(told("https://relay.example/feeds/"), "https://relay.example/feeds/t/rev/log?x=1");
    }
}
