//! `countersign man`.

use crate::cli::Cli;
use crate::output::print;
use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use std::path::PathBuf;

/// Manual pages
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign man | man -l -\n  countersign man --dir /usr/local/share/man/man1"
)]
pub(crate) struct Man {
    /// Write a page for every command into this folder, instead of the main one to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> Result<bool> {
        let command = Cli::command();
        if let Some(dir) = self.dir {
            std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
            clap_mangen::generate_to(command, &dir)
                .with_context(|| format!("cannot write into {}", dir.display()))?;
            return Ok(true);
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        print(&String::from_utf8_lossy(&page))?;
        Ok(true)
    }
}
