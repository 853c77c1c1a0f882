//! The store against the contract, and against what only a file can suffer.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails has to say so, with the seed it had"
)]

mod chain;
mod contract;
mod crash;
mod file;
#[cfg(target_os = "linux")]
mod full;

use std::path::Path;
use std::process::Command;

/// Names the file to work on, for a test that was started by itself as a child process.
const CHILD: &str = "COUNTERSIGN_STORE_TEST_FILE";

/// The file, in a child process.
#[expect(clippy::disallowed_methods, reason = "the parent's word to its child")]
fn as_child() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

/// This test once more, as a process of its own that may be killed or limited.
fn child(test: &str, file: &Path, wrap: Option<&str>) -> Command {
    let exe = std::env::current_exe().unwrap();
    let mut command = match wrap {
        None => Command::new(exe),
        Some(script) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]).arg(exe);
            shell
        }
    };
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, file);
    command
}
