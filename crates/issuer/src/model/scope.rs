//! A set of scopes, in the order asked for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Space-separated scope tokens (RFC 6749 3.3) without duplicates, order kept.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Most scopes in one request.
    pub const MAX: usize = 64;

    /// Reads `scope`; `None` when a character is not allowed or there are more than [`Self::MAX`].
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e | b' ');
        if !text.bytes().all(allowed) {
            return None;
        }
        let set: Self = text.split(' ').filter(|s| !s.is_empty()).collect();
        (set.0.len() <= Self::MAX).then_some(set)
    }
    /// Is it in?
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|s| s == scope)
    }
    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Every scope of `self` is in `other`.
    pub fn within(&self, other: &Self) -> bool {
        self.iter().all(|s| other.contains(s))
    }
    /// Those that `keep` says yes to.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        self.iter().filter(|s| keep(s)).collect()
    }
}

impl<S: Into<String>> FromIterator<S> for Scopes {
    fn from_iter<I: IntoIterator<Item = S>>(items: I) -> Self {
        let mut out: Vec<String> = Vec::new();
        for item in items {
            let item = item.into();
            if !out.contains(&item) {
                out.push(item);
            }
        }
        Self(out)
    }
}

impl From<String> for Scopes {
    fn from(text: String) -> Self {
        text.split(' ').filter(|s| !s.is_empty()).collect()
    }
}

impl From<Scopes> for String {
    fn from(s: Scopes) -> Self {
        s.0.join(" ")
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
