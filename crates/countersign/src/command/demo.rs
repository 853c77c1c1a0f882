//! `countersign demo`.

use super::Context;
use anyhow::Result;
use clap::Args;
use std::net::SocketAddr;

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
}

impl Demo {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let options =
            countersign_demo::Options { listen: self.listen, check: self.check, json: context.out.json };
        countersign_demo::run(options).await
    }
}
