//! Strict JSON (RFC 8259) in one pass: what every header, claim set and key set is read with.
//!
//! Stricter than the grammar where two readers could disagree (RFC 7515 4, RFC 7519 4, RFC 8725 3.10):
//! duplicate members anywhere, lone surrogates, trailing data, integers outside `i64`/`u64`, numbers that
//! overflow a double, and nesting over [`MAX_DEPTH`] are refused.

mod de;
mod marks;
mod names;
mod scan;

pub(crate) use marks::{Marks, Registered};
pub(crate) use scan::{Number, Scanner};

use crate::text::shown;
use serde::Deserialize;
use std::fmt;

/// Objects and arrays inside one another, the outermost counted.
pub(crate) const MAX_DEPTH: u8 = 32;

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonError(pub(crate) String);

impl JsonError {
    fn at(what: &str, at: usize) -> Self {
        Self(format!("{what} at byte {at}"))
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonError {}

impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(shown(&message.to_string(), 120))
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
    std::str::from_utf8(document).map_err(|e| JsonError::at("not UTF-8", e.valid_up_to()))
}
