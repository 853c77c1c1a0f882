//! Accepting connections: how many, for how long, in which protocol, and how they end.
//!
//! HTTP/2 is chosen by ALPN only. Guessing it from the first bytes of a plain connection would mean
//! waiting for bytes without a limit; behind a proxy, HTTP/1.1 is what proxies speak.

use crate::app::App;
use crate::layer::idle::Idle;
use crate::layer::stall::Stall;
use crate::routes::Table;
use crate::tls::{Current, H2};
use crate::{Limits, Server, feed, layer};
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pings on an HTTP/2 connection, and the time for their answer.
const H2_PING: Duration = Duration::from_secs(20);

/// What every connection shares.
struct Shared {
    app: Arc<App>,
    routes: Arc<Table>,
    tls: Option<Current>,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    /// No new work.
    shutdown: CancellationToken,
    /// No work at all.
    abort: CancellationToken,
}

pub(crate) async fn run(server: Server, listener: TcpListener, shutdown: CancellationToken) {
    let limits = server.app.config.limits.clone();
    let shared = Arc::new(Shared {
        http1: builder(&limits).http1_only(),
        http2: builder(&limits).http2_only(),
        tls: server.tls,
        app: server.app,
        routes: server.routes,
        shutdown: shutdown.clone(),
        abort: CancellationToken::new(),
    });
    let graceful = GracefulShutdown::new();
    let tasks = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut looks = tokio::time::interval(limits.certificate_look.max(Duration::from_millis(1)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut comments = tokio::time::interval(feed::COMMENTS);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = shutdown.cancelled() => break,
            next = next => next,
            _ = looks.tick() => {
                shared.tls.as_ref().inspect(|tls| tls.look());
                continue;
            }
            () = shared.app.feed.due() => {
                shared.app.feed.flush();
                continue;
            }
            _ = comments.tick() => {
                shared.app.feed.comment();
                continue;
            }
        };
        match (slot, accepted) {
            (Ok(slot), Ok((stream, peer))) => {
                let connection = connection(Arc::clone(&shared), stream, peer.ip(), graceful.watcher(), slot);
                tasks.spawn(connection);
            }
            (_, Err(e)) => pause(&e).await,
            // The semaphore is never closed.
            (Err(_), _) => break,
        }
    }
    drop(listener);
    // Streams would go on for ever.
    shared.app.feed.close();
    tasks.close();
    if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = tasks.len(), "grace is over: closing what is still open");
    }
    shared.abort.cancel();
    tasks.wait().await;
}

/// Out of file descriptors, or a connection that was gone before it was taken: nothing tells when it is
/// over, and trying at once would spin.
async fn pause(error: &std::io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(50)).await;
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.header_bytes.max(8 * 1024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING)
        .max_concurrent_streams(128)
        // What is held for one reader that does not read.
        .max_send_buf_size(limits.header_bytes)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    builder
}

async fn connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: IpAddr,
    watcher: Watcher,
    _slot: OwnedSemaphorePermit,
) {
    // Answers are small and whole: waiting to fill a segment only delays them.
    let _ = stream.set_nodelay(true);
    let limits = &shared.app.config.limits;
    let stream = Stall::new(stream, limits.write_stall);
    let Some(tls) = &shared.tls else {
        return serve(&shared, &shared.http1, stream, peer, watcher).await;
    };
    let handshake = tokio::time::timeout(limits.handshake, tls.acceptor().accept(stream));
    let stream = tokio::select! {
        () = shared.shutdown.cancelled() => return,
        done = handshake => match done {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake"),
            Err(_) => return tracing::debug!("TLS handshake timed out"),
        },
    };
    let h2 = stream.get_ref().1.alpn_protocol() == Some(H2);
    let builder = if h2 { &shared.http2 } else { &shared.http1 };
    let silence = limits.header_read.max(H2_PING * 2);
    serve(&shared, builder, Idle::new(stream, silence), peer, watcher).await;
}

async fn serve<S>(
    shared: &Arc<Shared>,
    builder: &Builder<TokioExecutor>,
    stream: S,
    peer: IpAddr,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let answering = Arc::clone(shared);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let shared = Arc::clone(&answering);
        async move {
            let request = request.map(Body::new);
            Ok::<_, Infallible>(layer::answer(&shared.app, &shared.routes, peer, request).await)
        }
    });
    let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
    tokio::select! {
        () = shared.abort.cancelled() => {}
        ended = connection => if let Err(error) = ended {
            tracing::debug!(error = %error, "connection");
        },
    }
}
