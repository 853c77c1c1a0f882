//! `countersign token`: one file a command.

mod inspect;
mod verify;

use super::Context;
use crate::input;
use crate::output::time;
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::model::Secret;
use countersign_runtime::tokens::{self, Timestamp};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Look at tokens and verify them
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  pbpaste | countersign token inspect")]
pub(crate) enum Token {
    /// Decode header and claims; checks nothing
    Inspect(inspect::Inspect),
    /// Verify an access token as a service would
    Verify(verify::Verify),
}

impl Token {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Inspect(inspect) => inspect.run(context),
            Self::Verify(verify) => verify.run(context).await,
        }
    }
}

/// Where the token comes from.
#[derive(Debug, Args)]
struct Source {
    /// File that holds the token; `-` or nothing: standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The token itself (better: pipe it in)
    #[arg(conflicts_with = "file", hide = true)]
    token: Option<String>,
}

impl Source {
    fn read(self) -> Result<Secret> {
        match (self.token, self.file) {
            (Some(token), _) if token != "-" => {
                eprintln!("{}", input::ARGUMENT_WARNING);
                Ok(Secret::new(token))
            }
            (_, Some(path)) if path != Path::new("-") => Ok(Secret::new(input::text(&path)?.trim())),
            _ => input::secret_line("token"),
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn described(header: &Value, claims: &Value) -> String {
    let mut out = format!("header {}\nclaims {}\n", pretty(header), pretty(claims));
    for name in ["iat", "nbf", "auth_time", "exp"] {
        if let Some(seconds) = claims.get(name).and_then(Value::as_i64) {
            out.push_str(&format!("{name:9} {}\n", time(Timestamp::from_seconds(seconds))));
        }
    }
    if claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| exp <= tokens::now()) {
        out.push_str("expired\n");
    }
    out
}
