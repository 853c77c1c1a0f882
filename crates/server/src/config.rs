//! Settings of the transport, and the check that plain HTTP is used nowhere it must not be.

use crate::dev_outbox::DevOutbox;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// Where certificate chain and private key (PEM) come from.
#[derive(Clone)]
pub enum Tls {
    /// Files, read at start and again when they change.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// PKCS#8, PKCS#1 or SEC1.
        key: PathBuf,
    },
    /// The PEM itself.
    Pem {
        /// The chain, leaf first.
        cert: Vec<u8>,
        /// PKCS#8, PKCS#1 or SEC1.
        key: Vec<u8>,
    },
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Files { cert, key } => {
                f.debug_struct("Files").field("cert", cert).field("key", key).finish()
            }
            Self::Pem { .. } => f.write_str("Pem(..)"),
        }
    }
}

/// What a connection or request may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; further ones wait in the system's queue.
    pub connections: usize,
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// For a request's head, and between two requests of a connection. Longer than proxies keep idle
    /// connections (60 s), or they would use one that is just being closed.
    pub header_read: Duration,
    /// Bytes of a request's head (431 above).
    pub header_bytes: usize,
    /// Bytes of a body (413 above).
    pub body_bytes: usize,
    /// For a body (408 after).
    pub body_read: Duration,
    /// For an answer (503 after).
    pub request: Duration,
    /// For a reader that takes nothing of what it is sent; its connection is closed then.
    pub write_stall: Duration,
    /// Streams and long polls of the revocation feed at once (503 above). Fewer than `connections`, so that
    /// readers of the feed never keep everybody else out.
    pub streams: usize,
    /// Those of one address (of one /64 with IPv6).
    pub streams_per_address: usize,
    /// For what is under way at shutdown.
    pub grace: Duration,
    /// Between two looks at the certificate's files.
    pub certificate_look: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(75),
            header_bytes: 64 * 1024,
            body_bytes: 64 * 1024,
            body_read: Duration::from_secs(10),
            request: Duration::from_secs(30),
            write_stall: Duration::from_secs(20),
            streams: 8_000,
            streams_per_address: 2_000,
            grace: Duration::from_secs(10),
            certificate_look: Duration::from_secs(60),
        }
    }
}

/// Settings of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer identifier: what browsers and clients call. Nothing is ever derived from `Host`.
    pub public_url: String,
    /// Where to listen.
    pub listen: SocketAddr,
    /// TLS here; else plain HTTP.
    pub tls: Option<Tls>,
    /// Peers whose `X-Forwarded-For` is believed, and who may speak plain HTTP for the public.
    pub trusted_proxies: Vec<IpNet>,
    /// Limits.
    pub limits: Limits,
    /// Templates found here replace the built-in ones of the same name.
    pub template_dir: Option<PathBuf>,
    /// Messages kept for `/dev/outbox`; without, there is no such page.
    pub dev_outbox: Option<Arc<DevOutbox>>,
}

impl Config {
    /// With defaults for the rest.
    pub fn new(public_url: impl Into<String>, listen: SocketAddr) -> Self {
        Self {
            public_url: public_url.into(),
            listen,
            tls: None,
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            template_dir: None,
            dev_outbox: None,
        }
    }
}

/// Settings that do not go together. Each says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not an URL that can be an issuer (RFC 8414 2).
    #[error(
        "the issuer {0:?} is not usable: write https://host[:port][/path] (or http:// on localhost), without \
         user, query, fragment and trailing slash"
    )]
    Issuer(String),
    /// Public and plain.
    #[error("the issuer {0:?} is public, so it must be https: plain HTTP is for loopback only")]
    PublicHttp(String),
    /// Public, no certificate, nobody in front.
    #[error(
        "the issuer is https but nothing here speaks TLS: give a certificate and key, or declare the proxy in \
         front of it as trusted"
    )]
    NoTls,
    /// A loopback issuer offered to the network in plain text.
    #[error(
        "plain HTTP on {0}, which is not loopback: listen on 127.0.0.1 or [::1], give a certificate and key, or \
         declare the proxy in front of it as trusted"
    )]
    PlainListener(SocketAddr),
    /// Everybody could read everybody's messages.
    #[error(
        "/dev/outbox shows every message to whoever asks: issuer and address to listen on must be of this machine \
         alone"
    )]
    PublicOutbox,
    /// The issuer's settings name another one.
    #[error("the server's public URL is not the issuer's")]
    OtherIssuer,
}

/// May a server with these settings start?
pub fn check(config: &Config) -> Result<(), ConfigError> {
    let url = issuer_url(&config.public_url).ok_or_else(|| ConfigError::Issuer(config.public_url.clone()))?;
    let secure = url.scheme() == "https";
    if !secure && !is_loopback(&url) {
        return Err(ConfigError::PublicHttp(config.public_url.clone()));
    }
    let listens_here = config.listen.ip().to_canonical().is_loopback();
    if config.dev_outbox.is_some() && !(is_loopback(&url) && listens_here) {
        return Err(ConfigError::PublicOutbox);
    }
    if config.tls.is_some() || !config.trusted_proxies.is_empty() {
        return Ok(());
    }
    if secure {
        return Err(ConfigError::NoTls);
    }
    if !listens_here {
        return Err(ConfigError::PlainListener(config.listen));
    }
    Ok(())
}

fn issuer_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    let bare = url.query().is_none() && url.fragment().is_none() && !text.ends_with('/');
    let web = matches!(url.scheme(), "https" | "http") && url.has_host();
    (plain && bare && web).then_some(url)
}

/// Does the URL name this machine (RFC 6761 6.3, RFC 8252 7.3)?
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_loopback_name(name),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// `localhost`, `x.localhost`, `127.0.0.0/8`, `::1`; brackets allowed, no port.
pub(crate) fn is_loopback_name(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str, listen: &str) -> Config {
        Config::new(url, listen.parse().unwrap())
    }
    fn proxied(mut config: Config) -> Config {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        config
    }
    fn with_tls(mut config: Config) -> Config {
        config.tls = Some(Tls::Pem { cert: Vec::new(), key: Vec::new() });
        config
    }

    #[test]
    fn plain_http_is_for_loopback_or_behind_a_declared_proxy() {
        let public = config("https://id.example.com", "0.0.0.0:443");
        assert_eq!(check(&public), Err(ConfigError::NoTls));
        assert_eq!(check(&proxied(public.clone())), Ok(()));
        assert_eq!(check(&with_tls(public)), Ok(()));
        let local = config("http://localhost:8080", "127.0.0.1:8080");
        assert_eq!(check(&local), Ok(()));
        assert_eq!(check(&config("http://[::1]:8080", "[::1]:8080")), Ok(()));
        assert_eq!(check(&config("http://auth.localhost:8080", "127.0.0.1:8080")), Ok(()));
        let offered = config("http://localhost:8080", "0.0.0.0:8080");
        assert_eq!(check(&offered), Err(ConfigError::PlainListener("0.0.0.0:8080".parse().unwrap())));
        assert_eq!(check(&proxied(offered)), Ok(()));
    }

    #[test]
    fn the_development_outbox_is_for_this_machine_alone() {
        let open = |config: Config| {
            check(&Config { dev_outbox: Some(Arc::default()), ..config }) == Err(ConfigError::PublicOutbox)
        };
        assert!(!open(config("http://localhost:8080", "127.0.0.1:8080")));
        assert!(!open(config("http://localhost:8080", "[::1]:8080")));
        assert!(!open(with_tls(config("https://localhost:8443", "127.0.0.1:8443"))));
        for listen in ["0.0.0.0:8443", "[::]:8443", "192.0.2.1:8443"] {
            assert!(open(with_tls(config("https://localhost:8443", listen))), "{listen}");
            assert!(open(proxied(config("http://localhost:8080", listen))), "{listen}");
        }
        assert!(open(with_tls(config("https://id.example.com", "127.0.0.1:8443"))));
        assert!(open(proxied(config("https://id.example.com", "127.0.0.1:8443"))));
    }

    #[test]
    fn a_public_issuer_is_https_whatever_stands_in_front() {
        for url in ["http://id.example.com", "http://192.0.2.1:8080", "http://localhost.example.com"] {
            let config = config(url, "127.0.0.1:8080");
            assert_eq!(check(&config), Err(ConfigError::PublicHttp(url.to_owned())), "{url}");
            assert_eq!(
                check(&proxied(config.clone())),
                Err(ConfigError::PublicHttp(url.to_owned())),
                "{url}"
            );
            assert_eq!(check(&with_tls(config)), Err(ConfigError::PublicHttp(url.to_owned())), "{url}");
        }
    }

    #[test]
    fn an_issuer_is_a_bare_web_address() {
        for url in [
            "id.example.com",
            "ftp://id.example.com",
            "https://id.example.com/",
            "https://id.example.com?x=1",
            "https://id.example.com#x",
            "https://me@id.example.com",
            "mailto:me@example.com",
            "",
        ] {
            let config = with_tls(config(url, "0.0.0.0:443"));
            assert_eq!(check(&config), Err(ConfigError::Issuer(url.to_owned())), "{url}");
        }
        assert_eq!(check(&with_tls(config("https://example.com/auth", "0.0.0.0:443"))), Ok(()));
    }
}
