//! `countersign resource`.

use super::Context;
use super::client::verb;
use crate::input;
use crate::output::table;
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::admin::resources;
use countersign_runtime::issuer::model;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Protected resources: the APIs that tokens are for
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign resource list")]
pub(crate) enum Resource {
    /// Create or update resources from JSON, one object or an array, all or none
    #[command(
        after_help = "Example:\n  echo '{\"resource\": \"urn:api:orders\", \"name\": \"Orders\", \"scopes\": [\"orders:read\"]}' | countersign resource apply -"
    )]
    Apply(Apply),
    /// List resources
    #[command(after_help = "Example:\n  countersign resource list --json")]
    List,
    /// Show a resource, as the JSON that `apply` takes
    #[command(after_help = "Example:\n  countersign resource show urn:api:orders")]
    Show(Which),
    /// Remove a resource
    #[command(after_help = "Example:\n  countersign resource remove urn:api:orders")]
    Remove(Which),
}

/// A document.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// JSON file; `-` for standard input
    file: PathBuf,
}

/// A resource.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its identifier (URL or URN)
    resource: String,
}

impl Resource {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Apply(apply) => return apply.run(context).await,
            Self::List => {
                let all = resources::list(&context.node().await?.issuer).await?;
                let json: Value = all.iter().map(document).collect();
                context.out.data(&json, || {
                    let row = |r: &model::Resource| {
                        vec![r.resource.clone(), r.scopes.to_string(), r.name.clone().unwrap_or_default()]
                    };
                    table(&["RESOURCE", "SCOPES", "NAME"], &all.iter().map(row).collect::<Vec<_>>())
                })?;
            }
            Self::Show(which) => {
                let resource = resources::show(&context.node().await?.issuer, &which.resource).await?;
                let json = document(&resource);
                context.out.data(&json, || serde_json::to_string_pretty(&json).unwrap_or_default())?;
            }
            Self::Remove(which) => {
                resources::remove(&context.node().await?.issuer, &which.resource).await?;
                context.out.done(format_args!("removed {}", which.resource));
            }
        }
        Ok(true)
    }
}

impl Apply {
    async fn run(self, context: &Context) -> Result<bool> {
        let given = input::document(&self.file)?;
        let applied = resources::apply(&context.node().await?.issuer, &given).await?;
        let json: Value = applied
            .iter()
            .map(|a| {
                let mut one = json!({ "resource": a.resource.resource, "created": a.created });
                if let (Some(secret), Some(object)) = (&a.secret, one.as_object_mut()) {
                    object.insert("secret".to_owned(), secret.expose().into());
                }
                one
            })
            .collect();
        context.out.data(&json, || {
            let line = |a: &resources::Applied| {
                let secret = a.secret.as_ref().map(|s| format!(" secret {}", s.expose()));
                format!("{} {}{}\n", verb(a.created), a.resource.resource, secret.unwrap_or_default())
            };
            applied.iter().map(line).collect()
        })?;
        if applied.iter().any(|a| a.secret.is_some()) {
            context.out.done("a secret made here is shown this once");
        }
        Ok(true)
    }
}

/// As `apply` takes it, without the secret.
fn document(resource: &model::Resource) -> Value {
    let mut out = json!({
        "resource": resource.resource,
        "scopes": resource.scopes.iter().collect::<Vec<_>>(),
        "by_role": resource.by_role.iter().collect::<Vec<_>>(),
    });
    if let Some(object) = out.as_object_mut() {
        if let Some(name) = &resource.name {
            object.insert("name".to_owned(), name.clone().into());
        }
        if let Some(ttl) = resource.access_token_ttl {
            object.insert("access_token_ttl".to_owned(), ttl.into());
        }
        if let Some(alg) = resource.signing_alg {
            object.insert("signing_alg".to_owned(), alg.name().into());
        }
        if resource.status_list {
            object.insert("status_list".to_owned(), true.into());
        }
    }
    out
}
