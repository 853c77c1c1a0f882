//! `countersign config`.

use super::Context;
use crate::output::print;
use anyhow::Result;
use clap::Subcommand;
use countersign_runtime::StartError;
use countersign_runtime::config::{self as settings, Shown};
use serde_json::{Map, Value, json};

/// Settings in force, and where each comes from
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign config show --config countersign.toml")]
pub(crate) enum Config {
    /// Every setting, its value and its source; secrets are not shown
    #[command(after_help = "Example:\n  COUNTERSIGN_LISTEN=127.0.0.1:9000 countersign config show")]
    Show,
    /// Check the configuration as `serve` would
    #[command(after_help = "Example:\n  countersign config check --config countersign.toml")]
    Check,
    /// Print the JSON schema of the configuration file
    #[command(after_help = "Example:\n  countersign config schema > countersign.schema.json")]
    Schema,
}

impl Config {
    pub(crate) fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Show => {
                let shown = context.effective(Vec::new())?.show();
                let json: Map<String, Value> = shown.iter().map(|s| (s.key.clone(), one(s))).collect();
                context.out.data(&json.into(), || text(&shown))?;
            }
            Self::Check => {
                let effective = context.effective(Vec::new())?;
                let settings = effective.check().map_err(StartError::from)?;
                for (key, why) in effective.without_effect() {
                    eprintln!("warning: {key} has no effect: {why}");
                }
                let json = json!({ "valid": true, "issuer": settings.issuer.issuer });
                if context.out.json {
                    context.out.data(&json, String::new)?;
                } else {
                    context.out.done(format_args!("valid: issuer {}", settings.issuer.issuer));
                }
            }
            Self::Schema => print(&serde_json::to_string_pretty(&settings::schema())?)?,
        }
        Ok(true)
    }
}

fn one(shown: &Shown) -> Value {
    let mut out = json!({ "value": shown.value, "source": shown.origin.to_string() });
    if let (Some(note), Some(object)) = (shown.note, out.as_object_mut()) {
        object.insert("note".to_owned(), note.into());
    }
    out
}

/// TOML, with the source of each value as a comment.
fn text(shown: &[Shown]) -> String {
    let mut out = String::new();
    let mut section = "";
    for one in shown {
        let (at, name) = one.key.rsplit_once('.').unwrap_or(("", &one.key));
        if at != section {
            out.push_str(&format!("\n[{at}]\n"));
            section = at;
        }
        let line = match &one.value {
            Value::Null => format!("# {name} is not set"),
            value => format!("{name} = {value}"),
        };
        let note = one.note.map(|note| format!("; no effect: {note}")).unwrap_or_default();
        out.push_str(&format!("{line:50} # {}{note}\n", one.origin));
    }
    out
}
