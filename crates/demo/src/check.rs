//! `demo --check`: every scenario, headless, one line each.

use crate::scenario::{self, Story};
use crate::scene::Step;
use crate::stage::Stage;
use anyhow::Result;
use serde_json::json;
use std::io::Write;

/// Plays all of them in order. `true`: all passed.
pub(crate) async fn run(stage: &Stage, as_json: bool) -> Result<bool> {
    let mut out = std::io::stdout();
    let mut stories = Vec::new();
    for scenario in scenario::ALL {
        let story = scenario::play(stage, scenario).await;
        if !as_json {
            writeln!(out, "{}", line(&story))?;
            out.flush()?;
        }
        if !story.passed {
            explain(&story)?;
        }
        stories.push(story);
    }
    let failed = stories.iter().filter(|story| !story.passed).count();
    if as_json {
        let rows: Vec<_> = stories
            .iter()
            .map(|s| json!({ "id": s.id, "title": s.title, "passed": s.passed, "observed": s.observed, "millis": s.millis }))
            .collect();
        writeln!(out, "{}", json!({ "passed": failed == 0, "scenarios": rows }))?;
    } else {
        writeln!(std::io::stderr(), "{} of {} scenarios passed", stories.len() - failed, stories.len())?;
    }
    Ok(failed == 0)
}

fn line(story: &Story) -> String {
    let verdict = if story.passed { "PASS" } else { "FAIL" };
    format!(
        "{verdict} {} {} — {} ({} ms)",
        story.id,
        story.title,
        story.observed.replace('\n', " "),
        story.millis
    )
}

/// The last steps before a failure, on stderr.
fn explain(story: &Story) -> Result<()> {
    let mut err = std::io::stderr();
    for step in story.steps.iter().rev().take(6).rev() {
        let text = match step {
            Step::Note { text } => text.clone(),
            Step::Check { ok, text } => format!("{} {text}", if *ok { "ok  " } else { "not " }),
            Step::Command { line, code, output } => format!("$ {line} -> {code:?} {output}"),
            Step::Exchange(exchange) => exchange.to_string(),
        };
        writeln!(err, "  | {}", text.replace('\n', "\n  | "))?;
    }
    Ok(())
}
