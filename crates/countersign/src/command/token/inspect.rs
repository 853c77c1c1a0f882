//! `countersign token inspect`.

use super::{Context, Source, described};
use anyhow::Result;
use clap::Args;
use countersign_runtime::tokens;
use serde_json::json;

/// Decode header and claims; checks nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pbpaste | countersign token inspect\n  countersign token inspect --file token.jwt --json"
)]
pub(crate) struct Inspect {
    #[command(flatten)]
    source: Source,
}

impl Inspect {
    pub(super) fn run(self, context: &Context) -> Result<bool> {
        let token = self.source.read()?;
        let (header, claims) = tokens::inspect(token.expose())?;
        let json = json!({ "header": header, "claims": claims });
        context.out.data(&json, || described(&header, &claims))?;
        context.out.done("nothing was verified; to do so: countersign token verify");
        Ok(true)
    }
}
