//! `countersign token`: one file a command.

mod explain;
mod inspect;
mod sign;
mod verify;

use super::Context;
use crate::failure::Usage;
use crate::input;
use crate::output::time;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use countersign_runtime::issuer::model::Secret;
use countersign_runtime::tokens::{self, Timestamp};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Look at tokens, verify, explain and sign them
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  pbpaste | countersign token inspect")]
pub(crate) enum Token {
    /// Decode header and claims; checks nothing
    Inspect(inspect::Inspect),
    /// Verify an access token as a service would
    Verify(verify::Verify),
    /// Sign claims as a token, with a key of yours
    Sign(sign::Sign),
    /// Say why a token is accepted or refused, check by check
    Explain(explain::Explain),
}

impl Token {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Inspect(inspect) => inspect.run(context),
            Self::Verify(verify) => verify.run(context).await,
            Self::Sign(sign) => sign.run(context),
            Self::Explain(explain) => explain.run(context).await,
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

/// A token, and by whose keys and for whom it is judged.
#[derive(Debug, Args)]
struct Judge {
    #[command(flatten)]
    source: Source,
    /// JWK Set to verify with, instead of fetching the issuer's
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// The name of the service as tokens carry it; may be repeated, one must fit
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
}

/// The same, read.
struct Asked {
    token: Secret,
    /// None: this store.
    issuer: Option<String>,
    audience: Vec<String>,
    jwks: Option<String>,
}

impl Judge {
    fn read(self, context: &Context) -> Result<Asked> {
        let issuer = context.global.issuer.clone();
        if issuer.is_some() && self.audience.is_empty() {
            bail!(Usage(
                "--audience is needed: the name of the service that the token must be for".to_owned()
            ));
        }
        if issuer.is_none() && self.jwks.is_some() {
            bail!(Usage("--jwks needs --issuer: keys alone do not say whose tokens they verify".to_owned()));
        }
        let jwks = self.jwks.as_deref().map(input::text).transpose()?;
        Ok(Asked { token: self.source.read()?, issuer, audience: self.audience, jwks })
    }
}

impl Asked {
    fn jwks(&self) -> Option<&[u8]> {
        self.jwks.as_ref().map(String::as_bytes)
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
