//! What a command reads: secrets from a line of stdin or a prompt without echo, documents from a file.

use crate::failure::Usage;
use anyhow::{Context, Result, bail};
use countersign_runtime::issuer::model::Secret;
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;

/// Longest line read as a secret, in bytes.
const MAX_LINE: u64 = 64 * 1024;
/// Largest document.
const MAX_DOCUMENT: u64 = 16 * 1024 * 1024;

/// One line of stdin; asked for without echo when that is a terminal.
pub(crate) fn secret_line(what: &str) -> Result<Secret> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let typed = rpassword::prompt_password(format!("{what}: ")).context("no terminal to ask on")?;
        return nonempty(typed, what);
    }
    let mut line = String::new();
    stdin.lock().take(MAX_LINE).read_line(&mut line).context("stdin is not text")?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    nonempty(line, what)
}

fn nonempty(text: String, what: &str) -> Result<Secret> {
    if text.is_empty() {
        bail!(Usage(format!("no {what} given: write it as one line to standard input")));
    }
    Ok(Secret::new(text))
}

/// A JSON document of a file, or of stdin for `-`.
pub(crate) fn document(path: &Path) -> Result<serde_json::Value> {
    let text = text(path)?;
    serde_json::from_str(&text).with_context(|| format!("invalid_json: {} is not JSON", shown(path)))
}

/// Any bytes, of a file or of stdin for `-`. More than fits is an error, never cut.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_DOCUMENT + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot_read: {}", shown(path)))?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        bail!("too_large: {} has more than {MAX_DOCUMENT} bytes", shown(path));
    }
    Ok(bytes)
}

/// A text file, or stdin for `-`.
pub(crate) fn text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_DOCUMENT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_DOCUMENT).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot_read: {}", shown(path)))?;
    Ok(text)
}

/// The file as messages name it.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Said when a token stands on the command line.
pub(crate) const ARGUMENT_WARNING: &str = "warning: a token on the command line stays in the shell's history and shows in the process list; pipe it \
     in instead";
