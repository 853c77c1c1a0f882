//! `countersign doctor`.

use super::Context;
use anyhow::Result;
use clap::Args;
use countersign_runtime::StartError;
use countersign_runtime::doctor::{Finding, State, examine};
use serde_json::json;

/// Look at everything a server stands on and say what to do; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign doctor --config countersign.toml")]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let found = match context.effective(Vec::new()) {
            Ok(effective) => examine(&effective).await,
            Err(e) => vec![unreadable(&e)],
        };
        let sound = found.iter().all(|f| f.state != State::Failed);
        context.out.data(&json!({ "sound": sound, "checks": found }), || found.iter().map(line).collect())?;
        Ok(sound)
    }
}

fn unreadable(e: &anyhow::Error) -> Finding {
    let saw = match e.downcast_ref::<StartError>() {
        Some(e) => e.to_string(),
        None => format!("{e:#}"),
    };
    let todo = Some("correct it, then: countersign config check".to_owned());
    Finding { check: "configuration", state: State::Failed, saw, todo }
}

fn line(finding: &Finding) -> String {
    let state = match finding.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failed => "FAILED",
    };
    let todo = finding.todo.as_ref().map(|todo| format!("{:26}-> {todo}\n", "")).unwrap_or_default();
    format!(
        "{state:8} {:16} {}\n{todo}",
        finding.check,
        finding.saw.replace('\n', "\n                          ")
    )
}
