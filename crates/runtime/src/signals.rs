//! Signals: SIGTERM and SIGINT stop gracefully, a second one at once; SIGHUP is answered, not obeyed.

use crate::StartError;
use tokio_util::sync::CancellationToken;

/// Cancels `stop` when the process is asked to end.
#[cfg(unix)]
pub(crate) fn watch(stop: CancellationToken) -> Result<(), StartError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = || StartError::system("signal handlers");
    let mut term = signal(SignalKind::terminate()).map_err(failed())?;
    let mut int = signal(SignalKind::interrupt()).map_err(failed())?;
    let mut hup = signal(SignalKind::hangup()).map_err(failed())?;
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = term.recv() => "SIGTERM",
                _ = int.recv() => "SIGINT",
                _ = hup.recv() => {
                    tracing::warn!("SIGHUP: configuration and certificates are read at start; restart to load them anew");
                    continue;
                }
            };
            if stop.is_cancelled() {
                tracing::warn!(signal = name, "asked again: stopping at once");
                std::process::exit(1);
            }
            tracing::info!(signal = name, "stopping: finishing what is under way");
            stop.cancel();
        }
    });
    Ok(())
}

/// Cancels `stop` when the process is asked to end.
#[cfg(not(unix))]
pub(crate) fn watch(stop: CancellationToken) -> Result<(), StartError> {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            tracing::info!("stopping: finishing what is under way");
            stop.cancel();
        }
    });
    Ok(())
}
