//! What operators do, shared by the command line and (later) console and admin API. They work on an
//! [`crate::Issuer`] over the same store, also while a server runs on it.
//!
//! Every change is written with its event; other nodes learn of it from the log, this one at once.

pub mod audit;
pub mod clients;
pub mod import;
mod invisible;
mod metadata;
mod redirect;
pub mod resources;
pub mod revoke;
pub mod roles;
pub mod users;

pub use invisible::is_unseen;

use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{Acr, Rule};
use crate::port::Position;
use crate::revocation;
use serde_json::{Map, Value};

/// A change is in the store: it is in force here at once.
async fn settled(issuer: &Issuer) -> Result<()> {
    issuer.directory.follow().await.map(drop)
}

/// As [`settled`], of a change that revoked; answers where the revocation feed stood then.
async fn revoked(issuer: &Issuer, rules: &[Rule]) -> Result<Position> {
    let at = revocation::enforce(issuer, rules).await?;
    settled(issuer).await?;
    Ok(at)
}

fn not_found(what: &str, name: &str) -> Failure {
    rejected(Code::NotFound, format!("There is no {what} {}.", shown(name)))
}

/// What somebody wrote, fit for a message: short, ASCII, without quotes.
fn shown(text: &str) -> String {
    let fit = |c: char| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '?' };
    let mut out: String = text.chars().take(80).map(fit).collect();
    if text.chars().count() > 80 {
        out.push_str("...");
    }
    out
}

/// A level of sign-in by its name; what is wrong, as the end of "member ...".
fn level(name: &str) -> Result<Acr, String> {
    let names = Acr::ALL.map(Acr::name).join(", ");
    Acr::parse(name).ok_or_else(|| format!("must be one of {names}, not {}", shown(name)))
}

/// The objects of a document: one, or an array of them.
fn objects<'a>(document: &'a Value, what: &str) -> Result<Vec<&'a Map<String, Value>>> {
    let items = match document {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    let objects: Option<Vec<_>> = items.into_iter().map(Value::as_object).collect();
    match objects {
        Some(objects) if !objects.is_empty() => Ok(objects),
        _ => Err(rejected(
            Code::InvalidClientMetadata,
            format!("The document must be a JSON object (one {what}) or an array of them."),
        )),
    }
}

/// The known name nearest to an unknown one, as the end of a message.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let best = known.into_iter().map(|k| (strsim::damerau_levenshtein(name, k), k)).min();
    match best {
        Some((distance, known)) if distance <= 3.max(name.len() / 3) => format!("; did you mean {known}?"),
        _ => "; see the reference for the names there are".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_nothing_that_breaks_them() {
        assert_eq!(shown("a\"b\\c\n\u{e9}"), "a?b?c??");
        assert_eq!(shown(&"x".repeat(100)).len(), 83);
    }

    #[test]
    fn unknown_names_get_a_neighbour() {
        let known = ["redirect_uris", "client_name", "scope"];
        assert_eq!(nearest("redirect_uri", known), "; did you mean redirect_uris?");
        assert_eq!(nearest("scopes", known), "; did you mean scope?");
        assert!(nearest("qqqqqqqqqqqqqqqqq", known).contains("reference"));
    }

    #[test]
    fn documents_are_objects_or_arrays_of_them() {
        assert_eq!(objects(&serde_json::json!({"a": 1}), "x").unwrap().len(), 1);
        assert_eq!(objects(&serde_json::json!([{}, {}]), "x").unwrap().len(), 2);
        for bad in [serde_json::json!([]), serde_json::json!([{}, 1]), serde_json::json!("x"), Value::Null] {
            assert!(objects(&bad, "x").is_err());
        }
    }
}
