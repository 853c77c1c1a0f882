//! A server from settings to its last answer.

use crate::config::{Settings, StorePath};
use crate::marker::{self, Marker};
use crate::{StartError, jobs, log, open_files, signals, wire};
use countersign_issuer::port::{Page, Users};
use countersign_server::{Config, Server, Tls};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// From the first signal to the end, whatever is still under way.
const LONGEST_STOP: Duration = Duration::from_secs(25);

/// What there is to tell once a server accepts.
#[derive(Clone, Debug)]
pub struct Running {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The issuer identifier.
    pub issuer: String,
    /// TLS here.
    pub tls: bool,
    /// The database.
    pub store: PathBuf,
    /// Nobody can sign in yet.
    pub no_people: bool,
    /// Log lines are text for people, so more text may stand between them.
    pub text: bool,
}

/// Called once the server accepts.
pub type Announce = Box<dyn FnOnce(&Running) + Send>;

/// Runs a server until it is asked to stop. `color`: the terminal may be written to in colour.
pub async fn serve(mut settings: Settings, color: bool, announce: Announce) -> Result<(), StartError> {
    let text = log::start(&settings.log, color);
    let stop = CancellationToken::new();
    signals::watch(stop.clone())?;
    // First of all the address: a second server on the same port must not touch the store.
    let listener = countersign_server::listen(settings.listen).await?;
    let listen = listener.local_addr().map_err(StartError::system("the socket's address"))?;
    settings.issuer.issuer = settings.issuer_at(listen.port());
    settings.issuer.ui_locales = countersign_server::languages(settings.templates.as_deref())?;
    let node = wire::open(&settings).await?;
    wire::note_issuer(&settings)?;
    let marker = Arc::new(Marker::in_folder(&settings.data_dir));
    marker::check(&marker, &node.issuer).await?;
    let mut config = server_config(&settings, listen);
    config.dev_outbox.clone_from(&node.outbox);
    open_files::raise(config.limits.connections);
    let server = Server::new(node.issuer.clone(), config)?;
    let jobs = tokio::spawn(jobs::run(node.issuer.clone(), Arc::clone(&marker), stop.clone()));
    let StorePath::Sqlite(store) = settings.store.clone();
    let issuer = settings.issuer.issuer.clone();
    let no_people = nobody(&node).await;
    tracing::info!(%listen, issuer, store = %store.display(), durability = ?node.store.durability(), "listening");
    if no_people && !text {
        tracing::warn!(
            "there are no people yet; add the first one: countersign user add EMAIL --password-stdin"
        );
    }
    announce(&Running { listen, issuer, tls: settings.tls.is_some(), store, no_people, text });
    let serving = server.serve(listener, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
        () = stop.cancelled() => {
            if tokio::time::timeout(LONGEST_STOP, serving).await.is_err() {
                tracing::warn!("some requests did not finish in time");
            }
        }
    }
    stop.cancel();
    if let Err(e) = jobs.await {
        tracing::error!("jobs: {e}");
    }
    if let Err(e) = marker.note(&node.issuer) {
        tracing::error!("{e}");
    }
    tracing::info!("stopped");
    Ok(())
}

async fn nobody(node: &wire::Node) -> bool {
    let first = node.store.list_users(Page { after: None, limit: 1 }).await;
    first.is_ok_and(|people| people.is_empty())
}

fn server_config(settings: &Settings, listen: SocketAddr) -> Config {
    let mut config = Config::new(settings.issuer.issuer.clone(), listen);
    config.tls = settings.tls.as_ref().map(|tls| Tls::Files { cert: tls.cert.clone(), key: tls.key.clone() });
    config.trusted_proxies.clone_from(&settings.proxies);
    config.limits.streams = settings.readers.streams;
    config.limits.streams_per_address = settings.readers.streams_per_address;
    config.template_dir.clone_from(&settings.templates);
    config
}
