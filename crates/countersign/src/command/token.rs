//! `countersign token`.

use super::Context;
use crate::failure::Usage;
use crate::input;
use crate::output::time;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use countersign_runtime::issuer::model::Secret;
use countersign_runtime::tokens::{self, Timestamp};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Look at tokens and verify them
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  pbpaste | countersign token inspect")]
pub(crate) enum Token {
    /// Decode header and claims; checks nothing
    Inspect(Inspect),
    /// Verify an access token as a service would
    Verify(Verify),
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

/// Decode header and claims; checks nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pbpaste | countersign token inspect\n  countersign token inspect --file token.jwt --json"
)]
pub(crate) struct Inspect {
    #[command(flatten)]
    source: Source,
}

/// Verify an access token as a service would
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pbpaste | countersign token verify --issuer https://id.example.com --audience urn:api:orders\n  countersign token verify --file token.jwt --jwks jwks.json --issuer https://id.example.com --audience urn:api:orders\n\nWithout --issuer the keys and revocations of this store count."
)]
pub(crate) struct Verify {
    #[command(flatten)]
    source: Source,
    /// JWK Set to verify with, instead of fetching the issuer's
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// The name of the service as tokens carry it; may be repeated, one must fit
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
}

impl Token {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Inspect(inspect) => inspect.run(context),
            Self::Verify(verify) => verify.run(context).await,
        }
    }
}

impl Inspect {
    fn run(self, context: &Context) -> Result<bool> {
        let token = self.source.read()?;
        let (header, claims) = tokens::inspect(token.expose())?;
        let json = json!({ "header": header, "claims": claims });
        context.out.data(&json, || described(&header, &claims))?;
        context.out.done("nothing was verified; to do so: countersign token verify");
        Ok(true)
    }
}

impl Verify {
    async fn run(self, context: &Context) -> Result<bool> {
        let issuer = context.global.issuer.clone();
        if issuer.is_some() && self.audience.is_empty() {
            bail!(Usage(
                "--audience is needed: the name of the service that the token must be for".to_owned()
            ));
        }
        if issuer.is_none() && self.jwks.is_some() {
            bail!(Usage("--jwks needs --issuer: keys alone do not say whose tokens they verify".to_owned()));
        }
        let token = self.source.read()?;
        let claims = match issuer {
            Some(issuer) => {
                let jwks = self.jwks.as_deref().map(input::text).transpose()?;
                let jwks = jwks.as_ref().map(String::as_bytes);
                tokens::verify_as_service(token.expose(), &issuer, &self.audience, jwks).await?
            }
            None => tokens::verify_here(token.expose(), &context.node().await?, &self.audience)?,
        };
        let claims = serde_json::to_value(&claims)?;
        context.out.data(&claims, || pretty(&claims))?;
        context.out.done("valid");
        Ok(true)
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
