//! `countersign demo`: the use cases, running.
//!
//! Owns the stage (an issuer as a child process of the same binary, two sample services, made-up people),
//! the scenarios played on it, the page that shows them and the headless check that judges them.

mod cast;
mod check;
mod forge;
mod function;
mod http;
mod issuer;
mod live;
mod mailbox;
mod page;
mod random;
mod relay;
mod scenario;
mod scene;
mod service;
mod stage;
mod view;

use anyhow::{Context, Result};
use stage::Stage;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What `countersign demo` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the page is served; by default 127.0.0.1:8700, or a free port when that is taken.
    pub listen: Option<SocketAddr>,
    /// Plays every scenario without a browser, prints a line each, and ends.
    pub check: bool,
    /// With `check`: one JSON document instead of lines.
    pub json: bool,
    /// Plays a function for the row about serverless: handles one event from standard input, and ends.
    pub function: Option<Function>,
}

/// What the function of the demo knows.
#[derive(Debug, Clone)]
pub struct Function {
    /// Whose tokens it takes.
    pub issuer: String,
    /// What it may keep between starts.
    pub folder: PathBuf,
}

/// Where the page is served unless told otherwise.
const PAGE: &str = "127.0.0.1:8700";

/// Runs the demo until it is interrupted, or the check to its end. `true`: every scenario passed.
pub async fn run(options: Options) -> Result<bool> {
    if let Some(Function { issuer, folder }) = &options.function {
        return function::run(issuer, folder).await.map(|()| true);
    }
    // From the first moment on: a request to end must not fall between two waits.
    let mut interrupt = Interrupt::listen()?;
    let listener = listen(&options).await?;
    let stage = tokio::select! {
        stage = Stage::set(listener.local_addr()?) => Arc::new(stage?),
        // What was started so far is dropped with the other branch: a process, a directory.
        interrupted = interrupt.came() => return interrupted.map(|()| !options.check),
    };
    let outcome = tokio::select! {
        done = play(listener, &stage, &options) => done,
        interrupted = interrupt.came() => interrupted.map(|()| !options.check),
    };
    // Whoever waits for the demo finds its issuer gone, too.
    stage.issuer.stop().await?;
    outcome
}

async fn play(listener: TcpListener, stage: &Arc<Stage>, options: &Options) -> Result<bool> {
    if options.check {
        return check::run(stage, options.json).await;
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}", stage.welcome())?;
    out.flush()?;
    page::serve(listener, Arc::clone(stage)).await.map(|()| true)
}

/// Ctrl-C, or a request to end.
struct Interrupt {
    #[cfg(unix)]
    pressed: tokio::signal::unix::Signal,
    #[cfg(unix)]
    ended: tokio::signal::unix::Signal,
}

impl Interrupt {
    #[cfg(unix)]
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { pressed: signal(SignalKind::interrupt())?, ended: signal(SignalKind::terminate())? })
    }

    #[cfg(unix)]
    async fn came(&mut self) -> Result<()> {
        tokio::select! {
            _ = self.pressed.recv() => Ok(()),
            _ = self.ended.recv() => Ok(()),
        }
    }

    #[cfg(not(unix))]
    fn listen() -> Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn came(&mut self) -> Result<()> {
        tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")
    }
}

async fn listen(options: &Options) -> Result<TcpListener> {
    if let Some(address) = options.listen {
        return TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"));
    }
    let free = || TcpListener::bind("127.0.0.1:0");
    let listener = if options.check {
        free().await
    } else {
        match TcpListener::bind(PAGE).await {
            Ok(listener) => Ok(listener),
            Err(_) => free().await,
        }
    };
    listener.context("cannot listen on 127.0.0.1")
}
