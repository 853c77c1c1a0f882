//! How a command that did not work says so: what happened, what to do, with a stable code.

use countersign_runtime::StartError;
use countersign_runtime::issuer::Failure;
use std::fmt;
use std::process::ExitCode;

/// The command line asks for something that makes no sense.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A thing named on the command line does not exist.
pub(crate) fn not_found(what: &str, name: &str) -> anyhow::Error {
    anyhow::anyhow!("not_found: there is no {what} {name:?}")
}

/// Says it on stderr and answers the exit code.
pub(crate) fn report(e: &anyhow::Error) -> ExitCode {
    if let Some(io) = e.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        // Whoever read us has seen enough.
        return ExitCode::SUCCESS;
    }
    if let Some(usage) = e.downcast_ref::<Usage>() {
        eprintln!("error: {usage}\n\nFor more information, try '--help'.");
        return ExitCode::from(2);
    }
    if let Some(Failure::Rejected(rejected)) = failure(e) {
        eprintln!("error: {rejected}");
        if let Some(detail) = &rejected.private {
            eprintln!("       {detail}");
        }
    } else if let Some(code) = e.downcast_ref::<StartError>().and_then(StartError::code) {
        eprintln!("error: {code}: {e}");
    } else {
        for line in format!("{e:#}").lines() {
            eprintln!("error: {line}");
        }
    }
    ExitCode::FAILURE
}

fn failure(e: &anyhow::Error) -> Option<&Failure> {
    match e.downcast_ref::<StartError>() {
        Some(StartError::Issuer(failure)) => Some(failure),
        Some(_) => None,
        None => e.downcast_ref::<Failure>(),
    }
}
