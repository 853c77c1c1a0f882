//! Strict JSON (RFC 8259) in one pass: what every header, claim set and key set is read with.
//!
//! Stricter than the grammar where two readers could disagree (RFC 7515 4, RFC 7519 4, RFC 8725 3.10):
//! duplicate members anywhere, lone surrogates, trailing data, integers outside `i64`/`u64`, numbers that
//! overflow a double, and nesting over [`MAX_DEPTH`] are refused.

mod cursor;
mod de;
mod marks;
mod names;
mod scan;

pub(crate) use cursor::{Cursor, Number};
pub(crate) use marks::{Marks, Registered};
pub(crate) use scan::Scanner;

use crate::text::shown;
use serde::Deserialize;
use std::fmt;

/// Objects and arrays inside one another, the outermost counted.
pub(crate) const MAX_DEPTH: u8 = 32;

/// Why a text was refused. One pointer, so that the good path carries no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonError(Box<Cause>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cause {
    detail: String,
    missing: Option<&'static str>,
}

impl JsonError {
    fn new(detail: String) -> Self {
        Self(Box::new(Cause { detail, missing: None }))
    }

    /// For people.
    pub(crate) fn detail(self) -> String {
        self.0.detail
    }

    /// The member that a type asked for and that is absent.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        self.0.missing
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for JsonError {}

impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(shown(&message.to_string(), 120))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Box::new(Cause { detail: format!("no {field}"), missing: Some(field) }))
    }
}

/// Reads a whole document.
pub(crate) fn read<'de, T: Deserialize<'de>>(document: &'de [u8]) -> Result<T, JsonError> {
    let text = utf8(document)?;
    let mut scanner = Scanner::new(text);
    let value = T::deserialize(&mut scanner)?;
    scanner.end()?;
    Ok(value)
}

/// The document as text.
pub(crate) fn utf8(document: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(document)
        .map_err(|e| JsonError::new(format!("not UTF-8 at byte {}", e.valid_up_to())))
}
