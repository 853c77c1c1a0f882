//! The known keys, read from the schema of [`Raw`], so that a setting is named in one place.

use super::Raw;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Sections that are named by the documentation but not part of this version.
const LATER: [(&str, &str); 1] = [("gateway.routes", "this version has no gateway")];

/// Stands for the part of a key that the operator chooses.
pub(super) const ANY: &str = "*";

/// How a text from the environment or a flag is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    List,
}

/// A setting.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) secret: bool,
    /// A URL, which may name a password.
    pub(super) url: bool,
    /// Accepted and checked, but this version does nothing with it: why.
    pub(super) later: Option<String>,
}

pub(super) fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .with(|s| s.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Raw>()
}

/// All settings by dotted key.
pub(super) static KNOWN: LazyLock<BTreeMap<String, Known>> = LazyLock::new(|| {
    let mut out = BTreeMap::new();
    walk(schema().as_value(), "", &mut out);
    out
});

fn walk(schema: &Value, at: &str, out: &mut BTreeMap<String, Known>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, inner) in properties {
            let key = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            walk(inner, &key, out);
        }
        return;
    }
    // Sections that the operator names: `upstream.NAME`.
    if let Some(named) = schema.get("additionalProperties").filter(|more| more.get("properties").is_some()) {
        walk(named, &format!("{at}.{ANY}"), out);
        return;
    }
    let has = |name: &str| match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(many)) => many.iter().any(|t| t == name),
        _ => false,
    };
    let kind = if has("array") {
        Kind::List
    } else if has("boolean") {
        Kind::Flag
    } else if has("integer") && !has("string") {
        Kind::Number
    } else {
        Kind::Text
    };
    let marked = |mark: &str| schema.get(mark).and_then(Value::as_bool).unwrap_or(false);
    let (secret, url) = (marked("x-secret"), marked("x-url"));
    let later = schema.get("x-later").and_then(Value::as_str).map(str::to_owned);
    out.insert(at.to_owned(), Known { kind, secret, url, later });
}

/// The setting of that key.
pub(super) fn find(key: &str) -> Option<&'static Known> {
    KNOWN.get(key).or_else(|| KNOWN.get(pattern(key)?.as_str()))
}

/// `upstream.google.issuer` is an `upstream.*.issuer`.
fn pattern(key: &str) -> Option<String> {
    let (section, rest) = key.split_once('.')?;
    let (_, setting) = rest.split_once('.').filter(|(_, setting)| !setting.contains('.'))?;
    Some(format!("{section}.{ANY}.{setting}"))
}

/// Is it a section, such as `tokens` or `upstream.google`?
pub(super) fn is_section(key: &str) -> bool {
    let prefix = format!("{key}.");
    let named = key.split_once('.').filter(|(_, name)| !name.contains('.'));
    let named = named.map(|(section, _)| format!("{section}.{ANY}."));
    KNOWN.keys().any(|k| k.starts_with(&prefix) || named.as_ref().is_some_and(|n| k.starts_with(n)))
}

/// Why a key that is not known cannot be used: a later version's, or none at all, with the nearest one.
pub(super) fn explain(key: &str) -> (&'static str, String) {
    let later = LATER.iter().find(|(section, _)| {
        key == *section || key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
    });
    if let Some((_, why)) = later {
        return ("config_unsupported", format!("is not supported: {why}; remove it"));
    }
    // Of a section that the operator named, that one's.
    let own = key.split('.').nth(1).unwrap_or(ANY);
    match nearest(key).map(|near| near.replace(ANY, own)) {
        Some(near) => ("config_unknown_key", format!("there is no such setting; did you mean {near}?")),
        None => (
            "config_unknown_key",
            "there is no such setting; `countersign config show` lists them all".to_owned(),
        ),
    }
}

fn nearest(key: &str) -> Option<&'static str> {
    let last = |k: &str| k.rsplit('.').next().unwrap_or_default().to_owned();
    let wanted = last(key);
    KNOWN
        .keys()
        .map(|known| {
            let whole = strsim::normalized_damerau_levenshtein(key, known);
            // The right name in the wrong section is as good as a slip of the finger.
            let tail = 0.95 * strsim::normalized_damerau_levenshtein(&wanted, &last(known));
            (whole.max(tail), known)
        })
        .filter(|(score, _)| *score > 0.55)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_known_with_its_kind() {
        let kind = |key: &str| KNOWN.get(key).map(|k| k.kind);
        assert_eq!(kind("listen"), Some(Kind::Text));
        assert_eq!(kind("tokens.access_token_ttl"), Some(Kind::Text));
        assert_eq!(kind("password.workers"), Some(Kind::Number));
        assert_eq!(kind("direct.clients"), Some(Kind::List));
        assert_eq!(kind("oauth.registration.mode"), Some(Kind::Text));
        assert_eq!(kind("oauth.registration"), None);
        assert!(is_section("upstream") && is_section("upstream.google") && !is_section("upstream.google.x"));
        assert_eq!(find("upstream.google.scopes").map(|k| k.kind), Some(Kind::List));
        assert!(find("upstream.google.isuer").is_none() && find("upstream.scopes").is_none());
        assert!(find("upstream.a.b.scopes").is_none() && find("tokens.a.access_token_ttl").is_none());
        assert!(is_section("oauth.registration") && is_section("tls") && !is_section("listen"));
        let secrets: Vec<_> = KNOWN.iter().filter(|(_, k)| k.secret).map(|(name, _)| name.as_str()).collect();
        let due = [
            "keys.master_key",
            "mail.smtp_password",
            "sms.secret",
            "upstream.*.client_secret",
            "upstream.*.private_key",
        ];
        assert_eq!(secrets, due);
        let urls: Vec<_> = KNOWN.iter().filter(|(_, k)| k.url).map(|(name, _)| name.as_str()).collect();
        let due = [
            "gateway.return_hosts",
            "issuer",
            "mail.smtp_url",
            "password.breached_url",
            "sms.url",
            "store",
            "upstream.*.issuer",
        ];
        assert_eq!(urls, due);
    }

    #[test]
    fn the_nearest_key_is_named() {
        for (typed, meant) in [
            ("lisen", "listen"),
            ("tokens.acess_token_ttl", "tokens.access_token_ttl"),
            ("access_token_ttl", "tokens.access_token_ttl"),
            ("oauth.mode", "oauth.registration.mode"),
            ("datadir", "data_dir"),
        ] {
            assert_eq!(nearest(typed), Some(meant), "{typed}");
        }
        assert!(explain("upstream.google.isuer").1.contains("upstream.google.issuer"));
        assert_eq!(nearest("xyzzy"), None);
        assert_eq!(explain("gateway.routes").0, "config_unsupported");
        assert_eq!(explain("mailer").0, "config_unknown_key");
    }
}
