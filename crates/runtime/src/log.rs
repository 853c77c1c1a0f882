//! Logs: one line an event on standard error, text on a terminal and JSON elsewhere.

use crate::config::{LogFormat, LogSettings};
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Installs the process's subscriber; a second call changes nothing. Answers whether lines are text.
pub(crate) fn start(settings: &LogSettings, color: bool) -> bool {
    let terminal = std::io::stderr().is_terminal();
    let text = match settings.format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(terminal && color);
    let layer = if text { layer.boxed() } else { layer.json().flatten_event(true).boxed() };
    let registry = tracing_subscriber::registry().with(layer.with_filter(settings.targets.clone()));
    if registry.try_init().is_err() {
        tracing::debug!("logging was set up before");
    }
    text
}
