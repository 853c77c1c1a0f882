//! `[log]`: what is logged and how. Logs go to standard error.

use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};

/// As written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLog {
    /// `auto`: text on a terminal, JSON elsewhere.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`, or parts apart: `info,countersign_issuer=debug`.
    pub level: String,
}

impl Default for RawLog {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Checked.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The form of a line.
    pub format: LogFormat,
    /// What is let through.
    pub targets: Targets,
}

impl RawLog {
    pub(super) fn check(&self, problems: &mut Problems<'_>) -> LogSettings {
        let directive = |part: &str| match part.split_once('=') {
            Some((target, level)) => !target.is_empty() && level.parse::<LevelFilter>().is_ok(),
            None => part.parse::<LevelFilter>().is_ok(),
        };
        // By itself `Targets` takes an unknown word for the name of a module.
        let read = self.level.split(',').map(str::trim).all(directive).then(|| self.level.parse().ok());
        let targets = read.flatten().unwrap_or_else(|| {
            problems.push(
                "log.level",
                format!(
                    "{:?} is not a level: write error, warn, info, debug, trace, or info,countersign_issuer=debug",
                    self.level
                ),
            );
            Targets::new()
        });
        LogSettings { format: self.format, targets }
    }
}
