//! `countersign completions`.

use crate::cli::Cli;
use crate::output::print;
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Shell completions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign completions bash > /etc/bash_completion.d/countersign")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<bool> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "countersign", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(true)
    }
}
