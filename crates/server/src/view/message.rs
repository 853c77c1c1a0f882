//! The texts of the pages, by key, in one file a language (`locales/`). A text names its arguments in
//! braces; one that is unknown or lacks an argument is an error, which the test that renders every page finds.

use super::{ViewError, overridden};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// One file a topic.
const ENGLISH: &[&str] = &[
    include_str!("../../locales/en/common.json"),
    include_str!("../../locales/en/login.json"),
    include_str!("../../locales/en/account.json"),
];

/// One language's texts.
#[derive(Debug)]
pub(crate) struct Messages {
    lang: &'static str,
    texts: BTreeMap<String, String>,
}

impl Messages {
    /// English, with the texts that `en.json` of the folder replaces.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, ViewError> {
        let mut texts = BTreeMap::new();
        for topic in ENGLISH {
            texts.append(&mut parse("en.json", topic)?);
        }
        if let Some(own) = overridden(folder, "en.json")? {
            for (key, text) in parse("en.json", &own)? {
                if texts.insert(key.clone(), text).is_none() {
                    let why = format!("no page uses {key}");
                    return Err(ViewError::Messages { file: "en.json".to_owned(), why });
                }
            }
        }
        Ok(Self { lang: "en", texts })
    }

    /// For `lang` of the page (BCP 47).
    pub(super) fn lang(&self) -> &'static str {
        self.lang
    }

    /// For `dir` of the page.
    pub(super) fn dir(&self) -> &str {
        self.texts.get("lang.dir").map_or("ltr", String::as_str)
    }

    /// The text with its arguments put in, not yet escaped.
    pub(super) fn plain(&self, key: &str, args: &[(String, String)]) -> Result<String, String> {
        self.fill(key, args, |out, value| out.push_str(value), |out, text| out.push_str(text))
    }

    /// The text as HTML, each argument escaped and kept apart from the direction of the text around it.
    pub(super) fn html(&self, key: &str, args: &[(String, String)]) -> Result<String, String> {
        let argument = |out: &mut String, value: &str| {
            out.push_str("<bdi>");
            escape(out, value);
            out.push_str("</bdi>");
        };
        self.fill(key, args, argument, escape)
    }

    fn fill(
        &self,
        key: &str,
        args: &[(String, String)],
        mut put_argument: impl FnMut(&mut String, &str),
        mut put_text: impl FnMut(&mut String, &str),
    ) -> Result<String, String> {
        let mut rest = self.texts.get(key).ok_or_else(|| format!("no text is named {key}"))?.as_str();
        let mut out = String::with_capacity(rest.len() + 32);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) =
                after.split_once('}').ok_or_else(|| format!("{key}: a brace stands open"))?;
            let (_, value) =
                args.iter().find(|(n, _)| n == name).ok_or_else(|| format!("{key} needs {name}"))?;
            put_text(&mut out, before);
            put_argument(&mut out, value);
            rest = behind;
        }
        put_text(&mut out, rest);
        Ok(out)
    }
}

fn escape(out: &mut String, text: &str) {
    // Writing into a String does not fail.
    let _ = write!(out, "{}", minijinja::HtmlEscape(text));
}

fn parse(file: &str, text: &str) -> Result<BTreeMap<String, String>, ViewError> {
    serde_json::from_str(text).map_err(|e| ViewError::Messages { file: file.to_owned(), why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn arguments_are_put_in_once_and_escaped_in_html() {
        let m = Messages::open(None).unwrap();
        let hostile = args(&[("client", "<b>{host}")]);
        assert_eq!(m.plain("signin.to", &hostile).unwrap(), "to continue to <b>{host}");
        assert_eq!(m.html("signin.to", &hostile).unwrap(), "to continue to <bdi>&lt;b&gt;{host}</bdi>");
    }

    #[test]
    fn unknown_texts_and_missing_arguments_are_errors() {
        let m = Messages::open(None).unwrap();
        assert!(m.plain("no.such", &[]).is_err());
        assert!(m.plain("signin.to", &args(&[("host", "x")])).is_err());
    }

    #[test]
    fn a_folder_replaces_texts_but_invents_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("en.json"), r#"{"brand": "Lighthouse"}"#).unwrap();
        let m = Messages::open(Some(folder.path())).unwrap();
        assert_eq!(m.plain("brand", &[]).unwrap(), "Lighthouse");
        std::fs::write(folder.path().join("en.json"), r#"{"brnd": "Lighthouse"}"#).unwrap();
        let error = Messages::open(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("brnd"), "{error}");
    }

    #[test]
    fn every_text_is_used() {
        // Keys put together from parts.
        const PARTS: &[&str] =
            &["signin.error.", "error.", "month.", "scope.", "lang.", "account.", "second."];
        let places = concat!(include_str!("words.rs"), include_str!("message.rs"));
        let m = Messages::open(None).unwrap();
        for key in m.texts.keys().filter(|k| !PARTS.iter().any(|p| k.starts_with(p))) {
            let quoted = format!("\"{key}\"");
            let single = format!("'{key}'");
            let title = format!("{key}\" if trouble");
            let used = |text: &str| text.contains(&quoted) || text.contains(&title) || text.contains(&single);
            assert!(used(places) || super::super::TEMPLATES.iter().any(|(_, t)| used(t)), "{key}");
        }
    }
}
