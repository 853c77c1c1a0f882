//! The command line: names, flags, help. What a command does stands in its file under `command`.

use crate::command;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Issues, verifies and revokes JSON Web Tokens: an OpenID Connect provider in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    propagate_version = true,
    after_help = "Example:\n  countersign serve\n  echo 'a good password' | countersign user add ada@example.com --password-stdin\n\nExit codes: 0 done, 1 failed, 2 wrong use."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Global {
    /// Configuration file (TOML) [env: COUNTERSIGN_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of database and master key [env: COUNTERSIGN_DATA_DIR] [default: ./countersign-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// Where everything is kept [env: COUNTERSIGN_STORE] [default: sqlite:DATA_DIR/countersign.db]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// The issuer identifier [env: COUNTERSIGN_ISSUER] [default: http://localhost:PORT]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Data as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No messages but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the issuer
    Serve(command::serve::Serve),
    /// Issuer and sample services on loopback with made-up people, to click through
    Demo(command::demo::Demo),
    /// People
    #[command(subcommand)]
    User(command::user::User),
    /// Applications that ask for tokens
    #[command(subcommand)]
    Client(command::client::Client),
    /// Protected resources: the APIs that tokens are for
    #[command(subcommand)]
    Resource(command::resource::Resource),
    /// Messages: waiting to be sent, or given up
    #[command(subcommand)]
    Outbox(command::outbox::Outbox),
    /// The event log: follow it, search it, check that it is whole
    #[command(subcommand)]
    Audit(command::audit::Audit),
    /// Roles: sets of scopes that people hold
    #[command(subcommand)]
    Role(command::role::Role),
    /// Signing keys
    #[command(subcommand)]
    Key(command::key::Key),
    /// Take people over from another system
    #[command(subcommand)]
    Import(command::import::Import),
    /// Revoke a token, a session, or everything of a person, client or key
    Revoke(command::revoke::Revoke),
    /// Key files: make, convert, name
    #[command(subcommand)]
    Jwk(command::jwk::Jwk),
    /// Sign, verify, seal and open documents
    #[command(subcommand)]
    Document(command::document::Document),
    /// Look at tokens, verify and explain them
    #[command(subcommand)]
    Token(command::token::Token),
    /// Settings in force, and where each comes from
    #[command(subcommand)]
    Config(command::config::Config),
    /// Look at everything a server stands on and say what to do
    Doctor(command::doctor::Doctor),
    /// Shell completions
    Completions(command::completions::Completions),
    /// Manual pages
    Man(command::man::Man),
}
