//! `countersign demo`.

use super::Context;
use anyhow::Result;
use clap::Args;
use countersign_demo::{Function, Options};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Issuer and sample services on loopback with made-up people, in a throw-away data directory
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign demo\n  countersign demo --check")]
pub(crate) struct Demo {
    /// Where the page is served [default: 127.0.0.1:8700, or a free port]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Run every scenario without a browser, print a line each, and exit
    #[arg(long)]
    check: bool,
    /// Play a function for one event on standard input, with this folder as its memory
    #[arg(long, value_name = "DIR", hide = true, requires = "issuer")]
    function: Option<PathBuf>,
}

impl Demo {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let issuer = context.global.issuer.clone().unwrap_or_default();
        let options = Options {
            listen: self.listen,
            check: self.check,
            json: context.out.json,
            function: self.function.map(|folder| Function { issuer, folder }),
        };
        countersign_demo::run(options).await
    }
}
