//! `config show` and `config schema`: every setting, its effective value and where it came from.

use super::known::{self, KNOWN};
use super::{Effective, Origin};
use serde_json::Value;

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Dotted key.
    pub key: &'static str,
    /// Effective value; `null`: not set. A secret shows as `***`.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
    /// What to know about it.
    pub note: Option<&'static str>,
}

impl Effective {
    /// Every setting, sections in the order of their names.
    pub fn show(&self) -> Vec<Shown> {
        let tree = serde_json::to_value(&self.raw).unwrap_or_default();
        let mut keys: Vec<_> = KNOWN.iter().collect();
        keys.sort_by_key(|(key, _)| (key.contains('.'), *key));
        keys.into_iter()
            .map(|(key, known)| {
                let mut value =
                    key.split('.').try_fold(&tree, |at, part| at.get(part)).cloned().unwrap_or_default();
                let mut origin = self.origins.get(key).cloned().unwrap_or(Origin::Default);
                if value.is_null()
                    && let Some((derived, from)) = self.derived(key)
                {
                    (value, origin) = (Value::from(derived), Origin::Derived(from));
                }
                if known.secret && !value.is_null() {
                    value = Value::from("***");
                }
                let set = self.origins.contains_key(key);
                Shown { key, value, origin, note: known.later.as_deref().filter(|_| set) }
            })
            .collect()
    }

    /// Settings that were given but do nothing in this version, and why: said at start, never silent.
    pub fn without_effect(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let set = |key: &str| self.origins.contains_key(key);
        KNOWN
            .iter()
            .filter(move |(key, _)| set(key))
            .filter_map(|(key, known)| Some((key.as_str(), known.later.as_deref()?)))
    }
}

/// The JSON schema of the configuration file.
pub fn schema() -> Value {
    known::schema().to_value()
}
