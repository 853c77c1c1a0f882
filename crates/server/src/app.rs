//! What every handler sees: the issuer, the settings, the pages, and where this issuer lives.

use crate::Error;
use crate::config::{Config, ConfigError, is_loopback};
use crate::extract::cookies::Names;
use crate::feed::hub::Hub;
use crate::oauth::document::Documents;
use crate::view::Views;
use countersign_issuer::Issuer;
use std::sync::Arc;
use url::Url;

/// The state behind all handlers: `State<Arc<App>>`.
pub(crate) struct App {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) config: Config,
    pub(crate) site: Site,
    pub(crate) cookies: Names,
    pub(crate) views: Views,
    pub(crate) documents: Documents,
    pub(crate) feed: Arc<Hub>,
    pub(crate) request_ids: crate::layer::request_id::Source,
}

impl App {
    pub(crate) fn new(issuer: Arc<Issuer>, config: Config) -> Result<Self, Error> {
        let site = Site::of(&config.public_url)?;
        let views = Views::open(&site.base, config.template_dir.as_deref())
            .map_err(|e| Error::Templates(e.to_string()))?;
        let request_ids = crate::layer::request_id::Source::new(issuer.entropy.as_ref());
        Ok(Self {
            cookies: Names::of(site.secure),
            documents: Documents::default(),
            feed: Hub::start(&issuer.feed, &config.limits),
            site,
            views,
            issuer,
            config,
            request_ids,
        })
    }

    /// The public URL of a path of ours: `app.url("/login")`.
    pub(crate) fn url(&self, path: &str) -> String {
        self.issuer.settings.url(path)
    }
}

/// The public address, taken apart once.
pub(crate) struct Site {
    /// `https://id.example.com`, as browsers send it in `Origin`.
    pub(crate) origin: String,
    /// `id.example.com`, without port.
    pub(crate) host: String,
    /// What stands before every path of ours: empty, or `/auth` for `https://example.com/auth`.
    pub(crate) base: String,
    /// https: cookies are `Secure`, and HSTS is sent.
    pub(crate) secure: bool,
    /// Plain HTTP on this machine.
    pub(crate) loopback: bool,
}

impl Site {
    fn of(public_url: &str) -> Result<Self, ConfigError> {
        let bad = || ConfigError::Issuer(public_url.to_owned());
        let url = Url::parse(public_url).map_err(|_| bad())?;
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            host: url.host_str().ok_or_else(bad)?.to_owned(),
            base: url.path().trim_end_matches('/').to_owned(),
            secure: url.scheme() == "https",
            loopback: url.scheme() == "http" && is_loopback(&url),
        })
    }
}
