//! The layers and which of them each value came from: defaults < TOML file < environment < flags.

use super::known::{self, Kind};
use super::problem::{ConfigError, Problem};
use super::{Origin, Raw};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Where each set key came from.
pub(super) type Origins = BTreeMap<String, Origin>;

/// A flag that sets a value.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The setting.
    pub key: &'static str,
    /// As typed.
    pub value: String,
    /// `--listen`.
    pub flag: &'static str,
}

/// What the process was given. The environment is an argument, so that tests can say what it holds.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; else `COUNTERSIGN_CONFIG`.
    pub file: Option<PathBuf>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Flags.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// This process's environment, with the file named by `--config`. What is not Unicode is no setting.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self { file, env: std::env::vars_os().filter_map(text).collect(), flags: Vec::new() }
    }
}

/// The layers, merged.
#[derive(Clone, Debug)]
pub struct Effective {
    pub(super) raw: Raw,
    pub(super) origins: Origins,
    /// The file read, if one.
    pub file: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY` of systemd.
    pub(super) credentials: Option<PathBuf>,
    /// `NO_COLOR` is set, not empty (no-color.org).
    pub no_color: bool,
}

const PREFIX: &str = "COUNTERSIGN_";

/// Reads and merges the layers. Values are checked by [`Effective::check`].
pub fn load(sources: &Sources) -> Result<Effective, ConfigError> {
    let var = |name: &str| sources.env.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let mut layers = Layers { tree: Map::new(), origins: Origins::new(), problems: Vec::new() };
    let file = sources
        .file
        .clone()
        .or_else(|| var("COUNTERSIGN_CONFIG").filter(|v| !v.is_empty()).map(PathBuf::from));
    if let Some(path) = &file {
        layers.file(path)?;
    }
    layers.environment(&sources.env);
    for flag in &sources.flags {
        layers.text(flag.key, &flag.value, Origin::Flag(flag.flag));
    }
    if !layers.problems.is_empty() {
        return Err(ConfigError(layers.problems));
    }
    let raw = layers.read()?;
    Ok(Effective {
        raw,
        origins: layers.origins,
        file,
        credentials: var("CREDENTIALS_DIRECTORY").filter(|v| !v.is_empty()).map(PathBuf::from),
        no_color: var("NO_COLOR").is_some_and(|v| !v.is_empty()),
    })
}

struct Layers {
    tree: Map<String, Value>,
    origins: Origins,
    problems: Vec<Problem>,
}

impl Layers {
    fn problem(&mut self, code: &'static str, key: &str, origin: Origin, text: impl Into<String>) {
        let (key, origin) = (Some(key.to_owned()), Some(origin));
        self.problems.push(Problem { code, key, origin, text: text.into() });
    }

    fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let unreadable = |why: String| ConfigError::one("config_unreadable", None, None, why);
        let text = std::fs::read_to_string(path)
            .map_err(|e| unreadable(format!("cannot read {}: {e}", path.display())))?;
        let table = DeTable::parse(&text).map_err(|e| {
            let at = e.span().map_or(1, |span| line_of(&text, span.start));
            unreadable(format!("{}:{at}: not TOML: {}", path.display(), e.message()))
        })?;
        self.table(table.get_ref(), "", path, &text);
        self.problems.sort_by_key(|p| match p.origin {
            Some(Origin::File { line, .. }) => line,
            _ => 0,
        });
        Ok(())
    }

    fn table(&mut self, table: &DeTable<'_>, at: &str, path: &Path, text: &str) {
        for (name, value) in table {
            let key =
                if at.is_empty() { name.get_ref().to_string() } else { format!("{at}.{}", name.get_ref()) };
            let line = line_of(text, name.span().start);
            let origin = Origin::File { path: path.to_owned(), line };
            if known::find(&key).is_some() {
                match json(value.get_ref()) {
                    Some(value) => self.set(&key, value, origin),
                    None => {
                        self.problem("config_invalid", &key, origin, "cannot be a date, a table or infinite")
                    }
                }
            } else if let Some(secret) = secret_file(&key) {
                match value.get_ref().as_str() {
                    Some(file) => self.secret(secret, &key, Path::new(file), origin),
                    None => self.problem("config_invalid", &key, origin, "must be a path"),
                }
            } else if known::is_section(&key) {
                match value.get_ref().as_table() {
                    Some(inner) => self.table(inner, &key, path, text),
                    None => {
                        let text = format!("is a section: write [{key}] and its settings below");
                        self.problem("config_invalid", &key, origin, text);
                    }
                }
            } else {
                self.unknown(&key, origin);
            }
        }
    }

    fn environment(&mut self, env: &[(String, String)]) {
        let mut ours: Vec<_> = env
            .iter()
            .filter_map(|(name, value)| Some((name, name.strip_prefix(PREFIX)?, value)))
            .filter(|(_, rest, _)| *rest != "CONFIG" && !is_service_link(rest))
            .collect();
        ours.sort();
        for (name, rest, value) in ours {
            let key = rest.to_ascii_lowercase().replace("__", ".");
            if known::find(&key).is_some() {
                if env.iter().any(|(other, _)| *other == format!("{name}_FILE")) {
                    let text = format!("{name} and {name}_FILE are both set; unset one");
                    self.problem("config_invalid", &key, Origin::Env(name.clone()), text);
                }
                self.text(&key, value, Origin::Env(name.clone()));
            } else if let Some(known) = key.strip_suffix("_file").filter(|k| known::find(k).is_some()) {
                self.secret(known, name, Path::new(value), Origin::Env(name.clone()));
            } else {
                self.unknown(&key, Origin::Env(name.clone()));
            }
        }
    }

    fn unknown(&mut self, key: &str, origin: Origin) {
        let (code, text) = known::explain(key);
        self.problem(code, key, origin, text);
    }

    /// A value that stands in a file of its own; the line end is not part of it.
    fn secret(&mut self, key: &str, named_by: &str, path: &Path, origin: Origin) {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let origin = Origin::SecretFile { named_by: named_by.to_owned(), path: path.to_owned() };
                self.text(key, text.trim_end_matches(['\r', '\n']), origin);
            }
            Err(e) => {
                let text = format!("cannot read {}: {e}", path.display());
                self.problem("config_unreadable", key, origin, text);
            }
        }
    }

    /// A text from the environment, a flag or a secret's file, read as its setting's kind wants.
    fn text(&mut self, key: &str, text: &str, origin: Origin) {
        let kind = known::find(key).map_or(Kind::Text, |k| k.kind);
        let value = match kind {
            Kind::Text => Ok(Value::from(text)),
            Kind::Number => text.parse::<i64>().map(Value::from).map_err(|_| "must be a whole number"),
            Kind::Flag => text.parse::<bool>().map(Value::from).map_err(|_| "must be true or false"),
            Kind::List if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).map_err(|_| "must be a JSON array or values with commas between")
            }
            Kind::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Value::Array(items.map(Value::from).collect()))
            }
        };
        match value {
            Ok(value) => self.set(key, value, origin),
            Err(why) => self.problem("config_invalid", key, origin, why),
        }
    }

    fn set(&mut self, key: &str, value: Value, origin: Origin) {
        self.origins.insert(key.to_owned(), origin);
        let mut parts: Vec<&str> = key.split('.').collect();
        let Some(last) = parts.pop() else { return };
        let mut at = &mut self.tree;
        for part in parts {
            let inner = at.entry(part).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else { return };
            at = inner;
        }
        at.insert(last.to_owned(), value);
    }

    fn read(&self) -> Result<Raw, ConfigError> {
        serde_path_to_error::deserialize(Value::Object(self.tree.clone())).map_err(|e| {
            let key = e.path().to_string();
            // An element of a list belongs to the list.
            let key = key.split('[').next().unwrap_or_default().to_owned();
            let secret = known::find(&key).is_some_and(|k| k.secret);
            let text = if secret { "is not a text".to_owned() } else { e.inner().to_string() };
            let origin = self.origins.get(&key).cloned();
            ConfigError::one("config_invalid", Some(&key), origin, text)
        })
    }
}

/// Variables that Kubernetes sets in every container when a service is called `countersign`.
fn is_service_link(rest: &str) -> bool {
    rest == "PORT"
        || rest.starts_with("PORT_")
        || rest.starts_with("SERVICE_HOST")
        || rest.starts_with("SERVICE_PORT")
}

/// `keys.master_key_file` names the file of `keys.master_key`.
fn secret_file(key: &str) -> Option<&str> {
    key.strip_suffix("_file").filter(|k| known::find(k).is_some_and(|known| known.secret))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(n) => Value::from(i64::from_str_radix(n.as_str(), n.radix()).ok()?),
        DeValue::Float(x) => Value::from(x.as_str().parse::<f64>().ok().filter(|x| x.is_finite())?),
        DeValue::Boolean(b) => Value::from(*b),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}
