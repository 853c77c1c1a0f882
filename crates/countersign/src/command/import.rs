//! `countersign import`.

use super::Context;
use crate::input;
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::admin::import::{self, Imported};
use serde_json::json;
use std::path::PathBuf;

/// What another system kept
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign import users people.jsonl")]
pub(crate) enum Import {
    /// People with the password hashes they have: one JSON object a line
    Users(Users),
}

/// People with the password hashes they have
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"email\": \"ada@example.com\", \"password_hash\": \"$2b$12$...\"}' | countersign import users -"
)]
pub(crate) struct Users {
    /// A file of JSON lines with `email` and, where known, `email_verified`, `username`, `name`, `roles`,
    /// `password_hash`; `-` for standard input
    file: PathBuf,
}

impl Import {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let Self::Users(users) = self;
        let text = input::text(&users.file)?;
        let node = context.node().await?;
        let (mut added, mut there, mut refused) = (0_u64, 0_u64, Vec::new());
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let done = match import::read(line) {
                Ok(record) => import::import(&node.issuer, record).await?,
                Err(failure) => Imported::Refused(failure.to_string()),
            };
            match done {
                Imported::Added => added += 1,
                Imported::There => there += 1,
                Imported::Refused(why) => refused.push((number + 1, why)),
            }
        }
        let good = refused.is_empty();
        let lines: Vec<_> = refused.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect();
        context.out.data(&json!({ "added": added, "there": there, "refused": lines }), || {
            let mut out = String::new();
            for (line, why) in &refused {
                out.push_str(&format!("line {line}: {why}\n"));
            }
            out.push_str(&format!("{added} added, {there} were there already\n"));
            out
        })?;
        Ok(good)
    }
}
