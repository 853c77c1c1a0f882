//! `config show` and `config schema`: every setting, its effective value and where it came from.

use super::known::{self, ANY, KNOWN, Known};
use super::{Effective, Origin};
use serde_json::Value;
use url::Url;

/// Stands for a secret.
const HIDDEN: &str = "***";

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Dotted key.
    pub key: String,
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
        let mut keys: Vec<_> = KNOWN.iter().flat_map(|(key, known)| own_keys(key, known, &tree)).collect();
        keys.sort_by(|(a, _), (b, _)| (a.contains('.'), a).cmp(&(b.contains('.'), b)));
        keys.into_iter()
            .map(|(key, known)| {
                let mut value =
                    key.split('.').try_fold(&tree, |at, part| at.get(part)).cloned().unwrap_or_default();
                let mut origin = self.origins.get(&key).cloned().unwrap_or(Origin::Default);
                if value.is_null()
                    && let Some((derived, from)) = self.derived(&key)
                {
                    (value, origin) = (Value::from(derived), Origin::Derived(from));
                }
                if known.secret && !value.is_null() {
                    value = Value::from(HIDDEN);
                }
                if known.url {
                    value = shown(value);
                }
                let set = self.origins.contains_key(&key);
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

/// A key, or one for each section that the operator named.
fn own_keys(key: &str, known: &'static Known, tree: &Value) -> Vec<(String, &'static Known)> {
    let Some((section, _)) = key.split_once(&format!(".{ANY}.")) else {
        return vec![(key.to_owned(), known)];
    };
    let names = tree.get(section).and_then(Value::as_object).into_iter().flat_map(|named| named.keys());
    names.map(|name| (key.replace(ANY, name), known)).collect()
}

/// The JSON schema of the configuration file.
pub fn schema() -> Value {
    known::schema().to_value()
}

/// One URL, or a list of them.
fn shown(value: Value) -> Value {
    match value {
        Value::String(url) => Value::from(without_password(&url)),
        Value::Array(urls) => urls.into_iter().map(shown).collect(),
        other => other,
    }
}

/// A store or another server as it may be shown. One that is refused is shown too, and may name a password:
/// before the host, as a parameter, or somewhere it does not belong.
pub(super) fn without_password(text: &str) -> String {
    if text.starts_with("sqlite:") || !text.contains(['@', '=', '?', '#']) {
        return text.to_owned();
    }
    match Url::parse(text) {
        Ok(url) if url.has_host() && !url.path().contains('@') => {
            let who = if names_user(&url) { "***@" } else { "" };
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let rest = if url.query().is_some() || url.fragment().is_some() { "?***" } else { "" };
            format!(
                "{}://{who}{}{port}{}{rest}",
                url.scheme(),
                url.host_str().unwrap_or_default(),
                url.path()
            )
        }
        _ => HIDDEN.to_owned(),
    }
}

/// Does it hold a user name or a password?
pub(super) fn names_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (store, shown) in [
            ("sqlite:/var/lib/a@b.db", "sqlite:/var/lib/a@b.db"),
            ("./x.db", "./x.db"),
            ("postgres://db.example/x", "postgres://db.example/x"),
            ("postgres://me:hunter2@db.example:5432/x", "postgres://***@db.example:5432/x"),
            ("postgresql://hunter2@db.example/x", "postgresql://***@db.example/x"),
            ("postgres://db.example/x?user=me&password=hunter2", "postgres://db.example/x?***"),
            ("postgres://me:hunter2@[::1]/x?sslmode=require", "postgres://***@[::1]/x?***"),
            ("postgres://me:hun/ter2@db.example/x", "***"),
            ("postgres://me:1/hunter2@db.example/x", "***"),
            ("host=db.example password=hunter2", "***"),
            ("me:hunter2@db.example", "***"),
            ("smtp://localhost", "smtp://localhost"),
            ("smtps://me:hunter2@mail.example:465", "smtps://***@mail.example:465"),
            ("smtps:me:hunter2@mail.example", "***"),
            ("https://sms.example/send?key=hunter2", "https://sms.example/send?***"),
            ("https://:hunter2@sms.example/#hunter2", "https://***@sms.example/?***"),
            ("https://sms.example/#hunter2", "https://sms.example/?***"),
        ] {
            assert_eq!(without_password(store), shown, "{store}");
        }
    }
}
