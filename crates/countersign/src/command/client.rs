//! `countersign client`.

use super::Context;
use crate::input;
use crate::output::table;
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::admin::clients;
use countersign_runtime::issuer::model;
use countersign_runtime::issuer::port::Page;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Applications that ask for tokens
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign client apply clients.json")]
pub(crate) enum Client {
    /// Create or update clients from JSON: RFC 7591 metadata, one object or an array, all or none
    #[command(
        after_help = "Example:\n  countersign client apply clients.json\n  echo '{\"client_id\": \"shop\", \"token_endpoint_auth_method\": \"none\", \"redirect_uris\": [\"http://127.0.0.1:3000/callback\"]}' | countersign client apply -"
    )]
    Apply(Apply),
    /// List clients
    #[command(after_help = "Example:\n  countersign client list")]
    List,
    /// Show a client, as the JSON that `apply` takes
    #[command(after_help = "Example:\n  countersign client show shop")]
    Show(Which),
    /// Remove a client; its sessions end
    #[command(after_help = "Example:\n  countersign client remove shop")]
    Remove(Which),
    /// Make a new secret and print it; the old one stays good until the next rotation or `apply`
    #[command(after_help = "Example:\n  countersign client rotate-secret shop")]
    RotateSecret(Which),
}

/// A document.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// JSON file; `-` for standard input
    file: PathBuf,
}

/// A client.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Client id
    client: String,
}

impl Client {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let out = context.out;
        match self {
            Self::Apply(apply) => return apply.run(context).await,
            Self::List => return list(context).await,
            Self::Show(which) => {
                let shown = clients::show(&context.node().await?.issuer, &which.client).await?;
                out.data(&shown, || serde_json::to_string_pretty(&shown).unwrap_or_default())?;
            }
            Self::Remove(which) => {
                clients::remove(&context.node().await?.issuer, &which.client).await?;
                out.done(format_args!("removed {}; its sessions ended", which.client));
            }
            Self::RotateSecret(which) => {
                let secret = clients::rotate_secret(&context.node().await?.issuer, &which.client).await?;
                let json = json!({ "client_id": which.client, "client_secret": secret.expose() });
                out.data(&json, || secret.expose().to_owned())?;
                out.done("shown this once; the old secret stays good until the next rotation or apply");
            }
        }
        Ok(true)
    }
}

impl Apply {
    async fn run(self, context: &Context) -> Result<bool> {
        let document = input::document(&self.file)?;
        let applied = clients::apply(&context.node().await?.issuer, &document).await?;
        let json: Value = applied
            .iter()
            .map(|a| json!({ "client_id": a.client.id, "created": a.created, "warnings": a.warnings }))
            .collect();
        context.out.data(&json, || {
            applied.iter().map(|a| format!("{} {}\n", verb(a.created), a.client.id)).collect()
        })?;
        for one in &applied {
            for warning in &one.warnings {
                eprintln!("warning: {}: {warning}", one.client.id);
            }
        }
        Ok(true)
    }
}

/// What `apply` did with one.
pub(super) fn verb(created: bool) -> &'static str {
    if created { "created" } else { "updated" }
}

async fn list(context: &Context) -> Result<bool> {
    let node = context.node().await?;
    let mut all: Vec<model::Client> = Vec::new();
    loop {
        let after = all.last().map(|client| client.id.to_string());
        let page = clients::list(&node.issuer, Page { after, limit: 1_000 }).await?;
        let last = page.len() < 1_000;
        all.extend(page);
        if last {
            break;
        }
    }
    let json: Value = all
        .iter()
        .map(|c| {
            let m = &c.metadata;
            json!({
                "client_id": c.id, "client_name": m.client_name,
                "token_endpoint_auth_method": m.token_endpoint_auth_method, "grant_types": m.grant_types,
                "scope": m.scope, "first_party": m.first_party,
            })
        })
        .collect();
    context.out.data(&json, || {
        let row = |c: &model::Client| {
            let kind = if c.is_public() { "public" } else { "confidential" };
            vec![
                c.id.to_string(),
                kind.to_owned(),
                c.metadata.grant_types.join(","),
                c.display_name().to_owned(),
            ]
        };
        table(&["CLIENT", "KIND", "GRANTS", "NAME"], &all.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(true)
}
