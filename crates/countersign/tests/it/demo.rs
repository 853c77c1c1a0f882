//! `countersign demo`: every row due is played and passes, and nothing is left behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The rows of the use cases that this version owes.
const DUE: [&str; 28] = [
    "UC-01", "UC-02", "UC-03", "UC-05", "UC-06", "UC-07", "UC-08", "UC-09", "UC-10", "UC-11", "UC-12",
    "UC-13", "UC-14", "UC-15", "UC-19", "UC-21", "UC-22", "BP-01", "BP-02", "BP-03", "BP-04", "BP-05",
    "BP-06", "BP-07", "BP-08", "BP-10", "BP-11", "BP-12",
];

fn demo(tmp: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("demo").args(args).env_clear().env("TMPDIR", tmp).stdin(Stdio::null());
    command
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn every_row_due_passes() {
    let tmp = tempfile::tempdir().unwrap();
    let done = demo(tmp.path(), &["--check", "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    let report: serde_json::Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}\n{said}"));
    let rows: Vec<(&str, bool)> = report["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].as_str().unwrap(), row["passed"].as_bool().unwrap()))
        .collect();
    assert_eq!(rows, DUE.map(|id| (id, true)), "{report:#}\n{said}");
    assert!(done.status.success());
    assert!(is_empty(tmp.path()), "the check left something in the temporary folder");
}

#[cfg(unix)]
#[test]
fn asked_to_end_it_takes_its_issuer_along() {
    let tmp = tempfile::tempdir().unwrap();
    let mut child = demo(tmp.path(), &["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("Issuer")).unwrap();
    let address = line.split("http://auth.localhost:").nth(1).unwrap();
    let port: u16 = address.trim().parse().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());

    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the issuer is still there");
    assert!(is_empty(tmp.path()), "the throw-away directory is still there");
}
