//! What is wrong with a configuration: all of it at once, each with the key, where it came from and what
//! to write instead. Never a secret's value.

use super::layer::Origins;
use super::{Origin, Span};
use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable code: `config_unknown_key`, `config_unsupported`, `config_invalid`, `config_unreadable`.
    pub code: &'static str,
    /// The setting, if it is about one.
    pub key: Option<String>,
    /// Where it came from.
    pub origin: Option<Origin>,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code)?;
        if let Some(key) = &self.key {
            write!(f, "{key}")?;
            if let Some(origin) = &self.origin {
                write!(f, " ({origin})")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.text)
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Problem>);

impl ConfigError {
    pub(super) fn one(
        code: &'static str,
        key: Option<&str>,
        origin: Option<Origin>,
        text: impl Into<String>,
    ) -> Self {
        Self(vec![Problem { code, key: key.map(str::to_owned), origin, text: text.into() }])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Gathers what is wrong while the sections are checked.
pub(super) struct Problems<'a> {
    found: Vec<Problem>,
    origins: &'a Origins,
}

impl<'a> Problems<'a> {
    pub(super) fn new(origins: &'a Origins) -> Self {
        Self { found: Vec::new(), origins }
    }
    pub(super) fn push(&mut self, key: &str, text: impl Into<String>) {
        self.found.push(Problem {
            code: "config_invalid",
            key: Some(key.to_owned()),
            origin: Some(self.origins.get(key).cloned().unwrap_or(Origin::Default)),
            text: text.into(),
        });
    }
    pub(super) fn within(&mut self, key: &str, span: Span, least: Span, most: Span) {
        if span < least || span > most {
            self.push(key, format!("{span} is out of range: {least} to {most}"));
        }
    }
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.found.is_empty() { Ok(()) } else { Err(ConfigError(self.found)) }
    }
}
