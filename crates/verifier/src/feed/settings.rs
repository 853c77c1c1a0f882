//! What a builder says about the feed.

use super::Feed;
use crate::builder::{BuildError, Builder};
use crate::clock::Clock;
use crate::discovery::address;
use crate::entropy::Entropy;
use crate::introspect::basic;
use crate::keys::Limits;
use crate::staleness::Terms;
use crate::state::Dir;
use countersign_feed::{Metadata, Pins};
use countersign_token::Jwk;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Whether a feed is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Following {
    /// Where the issuer has one.
    #[default]
    Offered,
    Never,
    /// Without one nobody is let in.
    Required,
}

/// What was asked for.
#[derive(Default)]
pub(crate) struct Wanted {
    following: Following,
    pins: Vec<String>,
    relay: Option<String>,
    poll: Option<Duration>,
    acks: Option<(String, String)>,
}

/// What holds.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(super) following: Following,
    /// Thumbprints of feed keys; empty: those of the metadata are believed.
    pub(super) pins: Vec<String>,
    pub(super) relay: Option<Url>,
    /// Ask for the head this often instead of holding a stream.
    pub(super) poll: Option<Duration>,
    /// The `Authorization` header of acknowledgements.
    pub(super) acks: Option<HeaderValue>,
    pub(super) issuer: String,
    pub(super) limits: Limits,
    pub(super) dir: Option<Arc<Dir>>,
    /// What the verifier does where a route says nothing.
    pub(super) terms: Terms,
}

impl Wanted {
    pub(crate) fn settled(
        self,
        issuer: &str,
        limits: Limits,
        terms: Terms,
        dir: Option<Arc<Dir>>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Feed, BuildError> {
        let credentials = |(id, secret): (String, String)| basic(&id, &secret).ok_or(BuildError::Credentials);
        let settings = Settings {
            following: self.following,
            pins: self.pins,
            relay: self.relay.map(|relay| address(&relay, limits.plain)).transpose()?,
            poll: self.poll,
            acks: self.acks.map(credentials).transpose()?,
            issuer: issuer.to_owned(),
            limits,
            dir,
            terms,
        };
        Ok(Feed::new(settings, clock, entropy))
    }
}

impl Settings {
    /// The keys of this metadata that are believed at first.
    pub(super) fn pinned(&self, metadata: &Metadata) -> Pins {
        let named =
            |jwk: &&Jwk| self.pins.is_empty() || jwk.thumbprint().is_some_and(|own| self.pins.contains(&own));
        let keys: Vec<Jwk> = metadata.keys.iter().filter(named).cloned().collect();
        Pins::new(&self.issuer, &keys)
    }
}

impl Builder {
    /// Does not follow the issuer's revocation feed: a revoked token works until it is over.
    pub fn without_feed(mut self) -> Self {
        self.feed.following = Following::Never;
        self
    }

    /// Lets nobody in while the issuer is not known to have a revocation feed. Without this an issuer that
    /// advertises none is taken as one that has none.
    pub fn require_feed(mut self) -> Self {
        self.feed.following = Following::Required;
        self
    }

    /// Believes only the feed key of this thumbprint (RFC 7638, SHA-256, base64url), and the one that its
    /// heads announce as the next. Default: the keys of the feed's metadata when it is first had.
    pub fn feed_key(mut self, thumbprint: impl Into<String>) -> Self {
        self.feed.pins.push(thumbprint.into());
        self
    }

    /// Follows the feed through this relay (a base URL: paths are those of the issuer). A relay is not
    /// trusted: what it forges or holds back is found out, and shows as age. Metadata and keys still come
    /// from the issuer itself.
    pub fn feed_relay(mut self, url: impl Into<String>) -> Self {
        self.feed.relay = Some(url.into());
        self
    }

    /// Asks for the newest head this often instead of holding a stream: for functions that sleep between
    /// calls; see [`crate::Verifier::refresh_feed`]. At least 100 ms.
    pub fn poll(mut self, every: Duration) -> Self {
        self.feed.poll = Some(every);
        self
    }

    /// Credentials of this service for acknowledgements: the issuer's receipts then count this verifier.
    pub fn acks(mut self, client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.feed.acks = Some((client_id.into(), secret.into()));
        self
    }
}
