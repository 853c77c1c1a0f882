//! A server from settings to its last answer.

use crate::config::{Settings, StorePath};
use crate::marker::{self, Marker};
use crate::{StartError, doctor, jobs, log, open_files, signals, wire};
use countersign_issuer::port::{Accounts, Page, Users};
use countersign_server::{Config, Server, Tls};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// From the first signal to the end, whatever is still under way, requests and jobs alike. Whoever runs servers
/// kills them after 30 s, and then the end is not written down.
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
    warn_of_stranded(&settings, &node).await;
    announce(&Running { listen, issuer, tls: settings.tls.is_some(), store, no_people, text });
    let serving = server.serve(listener, stop.clone());
    let between = || {
        stop.cancel();
        // Before the jobs end: nobody is told of the feed any more, and a delivery may take as long as there is.
        if let Err(e) = marker.note(&node.issuer) {
            tracing::error!("{e}");
        }
    };
    to_the_end(serving, between, jobs, end_of(stop.clone())).await;
    tracing::info!("stopped");
    Ok(())
}

/// Comes when a server that was told to stop must have ended.
async fn end_of(stop: CancellationToken) {
    stop.cancelled().await;
    drop(tokio::time::timeout(LONGEST_STOP, std::future::pending::<()>()).await);
}

/// Serves, then lets the jobs finish what they are at; neither beyond `end`. A message whose delivery is broken off
/// there is sent again when its lease is over.
async fn to_the_end(
    serving: impl Future<Output = ()>,
    between: impl FnOnce(),
    mut jobs: JoinHandle<()>,
    end: impl Future<Output = ()>,
) {
    tokio::pin!(end);
    let late = tokio::select! {
        () = serving => false,
        () = &mut end => {
            tracing::warn!("some requests did not finish in time");
            true
        }
    };
    between();
    let end = async {
        if !late {
            end.await;
        }
    };
    let ended = tokio::select! {
        biased;
        ended = &mut jobs => ended,
        () = end => {
            tracing::warn!("some messages were not handed over in time; they are tried again");
            jobs.abort();
            jobs.await
        }
    };
    match ended {
        Err(e) if !e.is_cancelled() => tracing::error!("jobs: {e}"),
        _ => {}
    }
}

/// Taking away a factor is not to go unnoticed.
async fn warn_of_stranded(settings: &Settings, node: &wire::Node) {
    match node.store.count_stranded(&settings.issuer.login.usable_seconds()).await {
        Ok(0) => {}
        Ok(count) => tracing::warn!("{}; {}", doctor::stranded_people(count), doctor::STRANDED),
        Err(e) => tracing::warn!("second factors not counted: {e}"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use tokio::sync::oneshot;

    /// A job that never ends, and what comes when it is gone.
    fn stuck() -> (JoinHandle<()>, oneshot::Receiver<()>) {
        let (held, gone) = oneshot::channel::<()>();
        let job = tokio::spawn(async move {
            pending::<()>().await;
            drop(held);
        });
        (job, gone)
    }

    #[tokio::test]
    async fn at_the_end_requests_and_jobs_are_broken_off() {
        for served in [true, false] {
            let (job, gone) = stuck();
            let mut noted = false;
            let serving = async {
                if !served {
                    pending::<()>().await;
                }
            };
            to_the_end(serving, || noted = true, job, ready(())).await;
            assert!(noted);
            assert!(gone.await.is_err(), "the job is gone, not left alone");
        }
    }

    #[tokio::test]
    async fn jobs_that_finish_are_waited_for() {
        let (go, gone) = oneshot::channel();
        let (done, seen) = oneshot::channel();
        let job = tokio::spawn(async move {
            gone.await.unwrap();
            done.send(()).unwrap();
        });
        // They are told to stop only when no request is left.
        to_the_end(ready(()), || go.send(()).unwrap(), job, pending()).await;
        seen.await.unwrap();
    }
}
