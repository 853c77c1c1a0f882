//! HTTP and web pages of the issuer.
//!
//! Owns: the transport (listener, TLS, limits, headers, logs), the shape of requests and answers, cookies,
//! cross-origin rules and which failure becomes which status. What is allowed is decided in
//! `countersign_issuer`; nothing here decides it.

mod accept;
mod account;
mod app;
mod config;
mod dev_outbox;
mod direct;
mod error;
mod extract;
mod feed;
mod health;
mod layer;
mod login;
pub mod mail;
mod mail_link;
mod oauth;
mod recover;
mod routes;
mod signup;
mod status_list;
mod tls;
mod view;

pub use config::{Config, ConfigError, Limits, Tls, check};
pub use dev_outbox::{DevOutbox, Kept};

use countersign_issuer::Issuer;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

/// Why the server does not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings do not go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Certificate or key.
    #[error("TLS: {0}")]
    Tls(String),
    /// A page template.
    #[error("templates: {0}")]
    Templates(String),
    /// The listening socket.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// Connections that may wait to be accepted; the system may set a lower limit.
const BACKLOG: u32 = 4096;

/// Takes the address; port 0 takes a free one, which `local_addr` tells.
pub async fn listen(addr: SocketAddr) -> Result<TcpListener, Error> {
    bind(addr).map_err(|source| Error::Listen { addr, source })
}

/// As `TcpListener::bind`, with a longer line than its 128: who finds it full tries again a second later.
fn bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for connections of the server before. On Windows it would allow two servers.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// The languages of pages and mails (BCP 47), those that the folder adds included; English first.
pub fn languages(template_dir: Option<&Path>) -> Result<Vec<String>, Error> {
    let all = view::Languages::open(template_dir).map_err(|e| Error::Templates(e.to_string()))?;
    Ok(all.iter().map(|m| m.lang().to_owned()).collect())
}

/// A checked server, ready to accept.
pub struct Server {
    app: Arc<app::App>,
    routes: Arc<routes::Table>,
    tls: Option<tls::Current>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("config", &self.app.config).finish_non_exhaustive()
    }
}

impl Server {
    /// Checks the settings, reads certificate and templates.
    pub fn new(issuer: Arc<Issuer>, config: Config) -> Result<Self, Error> {
        check(&config)?;
        if issuer.settings.issuer != config.public_url {
            return Err(ConfigError::OtherIssuer.into());
        }
        let tls = config.tls.clone().map(tls::Current::load).transpose()?;
        let app = Arc::new(app::App::new(issuer, config)?);
        let routes = Arc::new(routes::table(&app));
        Ok(Self { app, routes, tls })
    }

    /// Accepts until `shutdown` is cancelled; then finishes what is under way, at most `limits.grace`.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        accept::run(self, listener, shutdown).await;
    }
}
