//! One file a command. Each reads its arguments, calls the library once and prints.

pub(crate) mod audit;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod document;
pub(crate) mod import;
pub(crate) mod jwk;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod outbox;
pub(crate) mod resource;
pub(crate) mod revoke;
pub(crate) mod role;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod user;

use crate::cli::{Cli, Command, Global};
use crate::output::Output;
use anyhow::Result;
use countersign_runtime::config::{self as settings, Effective, Flag, Sources};
use countersign_runtime::{Node, StartError};
use std::time::Duration;

/// What every command has: its flags and how to write.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) out: Output,
}

impl Context {
    /// The merged layers; `more` are flags of the command itself.
    pub(crate) fn effective(&self, more: Vec<Flag>) -> Result<Effective> {
        let g = &self.global;
        let mut sources = Sources::of_process(g.config.clone());
        let global = [
            ("data_dir", &g.data_dir, "--data-dir"),
            ("store", &g.store, "--store"),
            ("issuer", &g.issuer, "--issuer"),
        ];
        for (key, value, flag) in global {
            if let Some(value) = value.clone() {
                sources.flags.push(Flag { key, value, flag });
            }
        }
        sources.flags.extend(more);
        Ok(settings::load(&sources).map_err(StartError::from)?)
    }

    /// Opens the store of the settings in force.
    pub(crate) async fn node(&self) -> Result<Node> {
        let settings = self.effective(Vec::new())?.check().map_err(StartError::from)?;
        Ok(countersign_runtime::open_beside(settings).await?)
    }
}

/// For what was begun beside the command and cannot be broken off.
const LONGEST_LEFT: Duration = Duration::from_secs(1);

/// Runs the command. `false`: it ran, and the answer is no.
pub(crate) fn run(cli: Cli) -> Result<bool> {
    let out = Output { json: cli.global.json, quiet: cli.global.quiet };
    let context = Context { global: cli.global, out };
    let busy = matches!(cli.command, Command::Serve(_) | Command::Demo(_));
    let mut runtime = match busy {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    let done = runtime.block_on(dispatch(cli.command, context));
    // A name that the system looks up cannot be called off, and nobody waits for it any more.
    runtime.shutdown_timeout(LONGEST_LEFT);
    done
}

async fn dispatch(command: Command, context: Context) -> Result<bool> {
    match command {
        Command::Serve(c) => c.run(&context).await,
        Command::Demo(c) => c.run(&context).await,
        Command::User(c) => c.run(&context).await,
        Command::Client(c) => c.run(&context).await,
        Command::Resource(c) => c.run(&context).await,
        Command::Role(c) => c.run(&context).await,
        Command::Key(c) => c.run(&context).await,
        Command::Import(c) => c.run(&context).await,
        Command::Audit(c) => c.run(&context).await,
        Command::Outbox(c) => c.run(&context).await,
        Command::Revoke(c) => c.run(&context).await,
        Command::Jwk(c) => c.run(&context),
        Command::Document(c) => c.run(&context),
        Command::Token(c) => c.run(&context).await,
        Command::Config(c) => c.run(&context),
        Command::Doctor(c) => c.run(&context).await,
        Command::Completions(c) => c.run(),
        Command::Man(c) => c.run(),
    }
}
