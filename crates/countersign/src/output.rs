//! What a command writes: data on stdout (text for people, JSON for scripts), messages on stderr.

use anyhow::{Context, Result};
use countersign_runtime::issuer::admin::is_unseen;
use countersign_runtime::tokens::Timestamp;
use serde_json::Value;
use std::io::Write;
use std::path::Path;

/// How to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Data as JSON.
    pub(crate) json: bool,
    /// No messages but errors.
    pub(crate) quiet: bool,
}

impl Output {
    /// Data: the JSON as it is, or the text.
    pub(crate) fn data(self, json: &Value, text: impl FnOnce() -> String) -> Result<()> {
        let text = if self.json { serde_json::to_string_pretty(json)? } else { text() };
        print(&text)
    }

    /// What was done, for people.
    pub(crate) fn done(self, message: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("{message}");
        }
    }
}

/// Text to stdout, ended by one line end.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Text as a terminal may show it: what is not seen, or steers the terminal, is written out.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A JSON document in one line, with the same characters as JSON escapes: it reads back as it was.
pub(crate) fn json_line(json: &Value) -> String {
    let mut out = String::new();
    for c in json.to_string().chars() {
        if is_unseen(c) {
            // Only in strings: what stands between them is ASCII that is seen.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readers {
    /// As the umask says.
    Anybody,
    /// The owner alone: mode 0600 from the beginning.
    Owner,
}

/// Writes a new file; one that exists is never written over.
pub(crate) fn new_file(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path).with_context(|| format!("cannot_write: {}", path.display()))?;
    file.write_all(bytes).and_then(|()| file.sync_all())?;
    Ok(())
}

/// Bytes as they are, to a new file or to stdout.
pub(crate) fn bytes(path: Option<&Path>, bytes: &[u8]) -> Result<()> {
    if let Some(path) = path.filter(|path| *path != Path::new("-")) {
        return new_file(path, bytes, Readers::Anybody);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Columns, as wide as their widest value; the last one as it is.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut width: Vec<usize> = head.iter().map(|h| h.len()).collect();
    for row in rows {
        for (w, cell) in width.iter_mut().zip(row) {
            *w = (*w).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (cell, w) in cells.zip(&width) {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', w.saturating_sub(cell.chars().count()) + 2));
        }
        out.trim_end().to_owned() + "\n"
    };
    let mut out = line(&mut head.iter().copied());
    for row in rows {
        out.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    out
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    let (year, month, day) = at.date();
    format!("{year:04}-{month:02}-{day:02}T{}Z", clock(at))
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn time_to_the_milli(at: Timestamp) -> String {
    let (year, month, day) = at.date();
    format!("{year:04}-{month:02}-{day:02}T{}.{:03}Z", clock(at), at.millis().rem_euclid(1_000))
}

/// A moment of today, for people.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    format!("{} UTC", clock(at))
}

fn clock(at: Timestamp) -> String {
    let rest = at.seconds().rem_euclid(86_400);
    let (h, m, s) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{h:02}:{m:02}:{s:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(time(Timestamp::from_seconds(seconds)), text);
        }
    }

    #[test]
    fn nothing_unseen_reaches_a_terminal() {
        let evil = "a\u{1b}]0;x\u{7}b\u{9b}31m\u{202e}c\u{2066}\u{200b}\u{e0041}\u{7f}\r\n";
        for text in [visible(evil), json_line(&serde_json::json!({ "device": evil }))] {
            assert!(text.chars().all(|c| matches!(c, ' '..='~')), "{text:?}");
        }
        let back: Value = serde_json::from_str(&json_line(&serde_json::json!({ "device": evil }))).unwrap();
        assert_eq!(back["device"], evil);
        assert_eq!(visible("Zo\u{eb} \u{674e}"), "Zo\u{eb} \u{674e}");
        assert_eq!(visible("\u{202e}"), "\\u{202e}");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "long one".to_owned()], vec!["bcd".to_owned(), String::new()]];
        assert_eq!(table(&["x", "y"], &rows), "x    y\na    long one\nbcd\n");
    }
}
