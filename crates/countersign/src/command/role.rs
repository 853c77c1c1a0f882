//! `countersign role`.

use super::Context;
use crate::failure::{Usage, not_found};
use crate::output::table;
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::admin::roles;
use countersign_runtime::issuer::model::{self, Scopes};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Roles: sets of scopes that people hold
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign role list")]
pub(crate) enum Role {
    /// Create or replace a role
    Add(Add),
    /// List roles
    #[command(after_help = "Example:\n  countersign role list --json")]
    List,
    /// Show a role
    #[command(after_help = "Example:\n  countersign role show editor")]
    Show(Which),
    /// Remove a role, from everybody too
    #[command(after_help = "Example:\n  countersign role remove editor")]
    Remove(Which),
    /// Give a role to a person
    #[command(after_help = "Example:\n  countersign role assign ada@example.com editor")]
    Assign(Holder),
    /// Take a role from a person
    #[command(after_help = "Example:\n  countersign role unassign ada@example.com editor")]
    Unassign(Holder),
}

/// Create or replace a role
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign role add editor --grant urn:api:orders=orders:read,orders:write"
)]
pub(crate) struct Add {
    /// 1 to 64 characters of A-Za-z0-9._:-
    name: String,
    /// For people
    #[arg(long, default_value = "")]
    description: String,
    /// Scopes granted at a resource; may be repeated
    #[arg(long = "grant", value_name = "RESOURCE=SCOPE,..")]
    grants: Vec<String>,
}

/// A role.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its name
    role: String,
}

/// A person and a role.
#[derive(Debug, Args)]
pub(crate) struct Holder {
    /// E-mail, user name or id
    user: String,
    /// Name of the role
    role: String,
}

impl Role {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let out = context.out;
        match self {
            Self::Add(add) => {
                let grants = add.grants()?;
                let node = context.node().await?;
                let role = roles::apply(&node.issuer, &add.name, &add.description, grants).await?;
                out.data(&shown(&role), || role.name.clone())?;
                out.done(format_args!("role {} is in force", role.name));
            }
            Self::List => {
                let all = roles::list(&context.node().await?.issuer).await?;
                let json: Value = all.iter().map(shown).collect();
                out.data(&json, || {
                    let row = |r: &model::Role| vec![r.name.clone(), grants_text(r), r.description.clone()];
                    table(&["ROLE", "GRANTS", "DESCRIPTION"], &all.iter().map(row).collect::<Vec<_>>())
                })?;
            }
            Self::Show(which) => {
                let all = roles::list(&context.node().await?.issuer).await?;
                let role = all.iter().find(|r| r.name == which.role);
                let role = role.ok_or_else(|| not_found("role", &which.role))?;
                out.data(&shown(role), || {
                    format!(
                        "role         {}\ndescription  {}\ngrants       {}\n",
                        role.name,
                        role.description,
                        grants_text(role)
                    )
                })?;
            }
            Self::Remove(which) => {
                roles::remove(&context.node().await?.issuer, &which.role).await?;
                out.done(format_args!("removed {}", which.role));
            }
            Self::Assign(holder) => {
                roles::assign(&context.node().await?.issuer, &holder.user, &holder.role).await?;
                out.done(format_args!("{} holds {}", holder.user, holder.role));
            }
            Self::Unassign(holder) => {
                roles::unassign(&context.node().await?.issuer, &holder.user, &holder.role).await?;
                out.done(format_args!("{} no longer holds {}", holder.user, holder.role));
            }
        }
        Ok(true)
    }
}

impl Add {
    fn grants(&self) -> Result<BTreeMap<String, Scopes>> {
        let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in &self.grants {
            // The last `=`: a resource may be a URL with a query.
            let (resource, scopes) = text
                .rsplit_once('=')
                .ok_or_else(|| Usage(format!("--grant {text}: write RESOURCE=SCOPE,SCOPE")))?;
            let scopes = scopes.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_owned);
            out.entry(resource.to_owned()).or_default().extend(scopes);
        }
        let parsed = |(resource, scopes): (String, Vec<String>)| {
            let set = Scopes::parse(&scopes.join(" ")).ok_or_else(|| {
                Usage(format!("--grant {resource}: a scope has a character that is not allowed"))
            })?;
            Ok((resource, set))
        };
        out.into_iter().map(parsed).collect()
    }
}

fn shown(role: &model::Role) -> Value {
    let grants: BTreeMap<&str, Vec<&str>> =
        role.grants.iter().map(|(resource, scopes)| (resource.as_str(), scopes.iter().collect())).collect();
    json!({ "name": role.name, "description": role.description, "grants": grants })
}

fn grants_text(role: &model::Role) -> String {
    let grants = role
        .grants
        .iter()
        .map(|(resource, scopes)| format!("{resource}={}", scopes.iter().collect::<Vec<_>>().join(",")));
    grants.collect::<Vec<_>>().join(" ")
}
