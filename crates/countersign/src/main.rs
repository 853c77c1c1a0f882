//! The `countersign` binary: arguments in, one library call, an answer out.

mod cli;
mod command;
mod failure;
mod input;
mod key_file;
mod output;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help goes to stdout and is no failure; wrong use goes to stderr. A closed pipe is neither.
            let code = if e.use_stderr() { 2 } else { 0 };
            drop(e.print());
            return ExitCode::from(code);
        }
    };
    match command::run(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => failure::report(&e),
    }
}
