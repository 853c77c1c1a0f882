//! `countersign key`.

use super::Context;
use crate::failure::Usage;
use crate::output::{table, time};
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::keys;
use countersign_runtime::issuer::model::KeyRecord;
use countersign_runtime::tokens::Algorithm;
use serde_json::{Value, json};

/// Signing keys
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign key list")]
pub(crate) enum Key {
    /// List keys and where they are in their life
    #[command(after_help = "Example:\n  countersign key list --json")]
    List,
    /// Make new keys; they sign once every verifier can know them
    Rotate(Rotate),
    /// Withdraw a key at once: what it signed is refused, a new one takes its place
    #[command(
        after_help = "Example:\n  countersign key withdraw 4f0sPNl2cyZ6nUBZIhqFXy6kJ9m0UDhkPyM2qUY0X_s"
    )]
    Withdraw(Which),
    /// Print the public keys as a JWK Set
    #[command(after_help = "Example:\n  countersign key export > jwks.json")]
    Export,
}

/// Make new keys
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign key rotate\n  countersign key rotate --alg ES256 --now")]
pub(crate) struct Rotate {
    /// Only keys of this algorithm [default: each in use]
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Sign with them at once, although verifiers may not know them yet
    #[arg(long)]
    now: bool,
}

/// A key.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its id
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

impl Key {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let out = context.out;
        match self {
            Self::List => {
                let all = keys::list(&context.node().await?.issuer).await?;
                let json: Value = all.iter().map(shown).collect();
                out.data(&json, || listed(&all))?;
            }
            Self::Rotate(rotate) => {
                let alg = rotate.alg.as_deref().map(|name| {
                    Algorithm::parse(name)
                        .ok_or_else(|| Usage(format!("--alg {name}: no algorithm of that name")))
                });
                let alg = alg.transpose()?;
                let made = keys::rotate(&context.node().await?.issuer, alg, rotate.now).await?;
                let json: Value = made.iter().map(shown).collect();
                out.data(&json, || listed(&made))?;
                if !rotate.now {
                    out.done("published now, signing once every verifier can know them");
                }
            }
            Self::Withdraw(which) => {
                keys::withdraw(&context.node().await?.issuer, &which.kid).await?;
                out.done(format_args!("withdrawn {}: what it signed is refused", which.kid));
            }
            Self::Export => {
                let node = context.node().await?;
                let jwks: Value = serde_json::from_slice(&node.issuer.keys.jwks().body)?;
                out.data(&jwks, || serde_json::to_string_pretty(&jwks).unwrap_or_default())?;
            }
        }
        Ok(true)
    }
}

fn listed(keys: &[KeyRecord]) -> String {
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let row = |key: &KeyRecord| {
        vec![
            key.kid.clone(),
            key.alg.name().to_owned(),
            word(json!(key.purpose)),
            word(json!(key.state)),
            time(key.created_at),
            time(key.active_at),
        ]
    };
    table(
        &["KID", "ALG", "FOR", "STATE", "PUBLISHED", "SIGNING FROM"],
        &keys.iter().map(row).collect::<Vec<_>>(),
    )
}

fn shown(key: &KeyRecord) -> Value {
    json!({
        "kid": key.kid, "alg": key.alg.name(), "state": key.state, "use": key.purpose,
        "created_at": time(key.created_at), "active_at": time(key.active_at),
        "retired_at": key.retired_at.map(time),
    })
}
