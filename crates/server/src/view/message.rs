//! The texts of the pages, by key, in a folder a language and a file a topic (`locales/`). A text names its
//! arguments in braces; one that is unknown or lacks an argument is an error, which the test that renders
//! every page finds. A text that counts stands there once for each plural category of its language (CLDR):
//! `sessions.one`, `sessions.other`, chosen by the argument `n`.

use super::ViewError;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The topics of a language.
macro_rules! topics {
    ($lang:literal: $($topic:literal)*) => {
        ($lang, &[$(include_str!(concat!("../../locales/", $lang, "/", $topic, ".json"))),*])
    };
}

/// Each language with its topics; English first.
pub(super) const EMBEDDED: &[(&str, &[&str])] = &[
    topics!("en": "common" "login" "account" "codes" "mail" "passkey" "upstream" "signup"),
    topics!("de": "common" "login" "account" "mail" "passkey" "codes" "upstream" "signup"),
    topics!("es": "common" "login" "account" "mail" "passkey" "codes" "upstream" "signup"),
    topics!("fr": "common" "login" "account" "mail" "passkey" "codes" "upstream" "signup"),
    topics!("ja": "common" "login" "account" "mail" "passkey" "codes" "upstream" "signup"),
    topics!("zh-Hans": "common" "login" "account" "mail" "passkey" "codes" "upstream" "signup"),
];

/// One language's texts.
#[derive(Debug)]
pub(crate) struct Messages {
    lang: String,
    texts: BTreeMap<String, String>,
}

impl Messages {
    /// A language's topics, with those of `own` in their place; where it has none, `english` stands.
    pub(super) fn embedded(
        lang: &str,
        topics: &[&str],
        own: BTreeMap<String, String>,
        english: Option<&Self>,
    ) -> Result<Self, ViewError> {
        let mut texts = english.map(|e| e.texts.clone()).unwrap_or_default();
        for topic in topics {
            texts.append(&mut parse(lang, topic)?);
        }
        let unknown = |key: &&String| {
            let counts = |base: &str| texts.contains_key(&format!("{base}.other"));
            let form_of = key.rsplit_once('.').filter(|(_, form)| FORMS.contains(form));
            !texts.contains_key(*key) && !form_of.is_some_and(|(base, _)| counts(base))
        };
        if let Some(key) = own.keys().find(unknown) {
            let why = format!("no page uses {key}");
            return Err(ViewError::Messages { file: format!("{lang}.json"), why });
        }
        texts.extend(own);
        Ok(Self { lang: lang.to_owned(), texts })
    }

    /// For `lang` of the page (BCP 47).
    pub(crate) fn lang(&self) -> &str {
        &self.lang
    }

    /// What the language calls itself.
    pub(super) fn name(&self) -> &str {
        self.texts.get("lang.name").map_or(&self.lang, String::as_str)
    }

    /// For `dir` of the page.
    pub(crate) fn dir(&self) -> &str {
        self.texts.get("lang.dir").map_or("ltr", String::as_str)
    }

    /// The text with its arguments put in, not yet escaped.
    pub(crate) fn plain(&self, key: &str, args: &[(String, String)]) -> Result<String, String> {
        self.fill(key, args, |out, value| out.push_str(value), |out, text| out.push_str(text))
    }

    /// The text as HTML, each argument escaped and kept apart from the direction of the text around it.
    pub(crate) fn html(&self, key: &str, args: &[(String, String)]) -> Result<String, String> {
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
        let mut rest = self.text(key, args).ok_or_else(|| format!("no text is named {key}"))?;
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

    fn text(&self, key: &str, args: &[(String, String)]) -> Option<&str> {
        if let Some(text) = self.texts.get(key) {
            return Some(text);
        }
        let n = args.iter().find(|(name, _)| name == "n").and_then(|(_, n)| n.parse().ok())?;
        let form = self.texts.get(&format!("{key}.{}", form(&self.lang, n)));
        form.or_else(|| self.texts.get(&format!("{key}.other"))).map(String::as_str)
    }
}

/// CLDR's plural categories.
const FORMS: &[&str] = &["zero", "one", "two", "few", "many", "other"];

/// The plural category of a whole number (CLDR 48, cardinal). Languages that a folder adds have `one` for 1
/// and `other`.
fn form(lang: &str, n: u64) -> &'static str {
    match (lang.split('-').next().unwrap_or_default(), n) {
        ("ja" | "zh", _) => "other",
        ("fr", 0) | (_, 1) => "one",
        _ => "other",
    }
}

fn escape(out: &mut String, text: &str) {
    // Writing into a String does not fail.
    let _ = write!(out, "{}", minijinja::HtmlEscape(text));
}

pub(super) fn parse(file: &str, text: &str) -> Result<BTreeMap<String, String>, ViewError> {
    serde_json::from_str(text).map_err(|e| ViewError::Messages { file: file.to_owned(), why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::super::Languages;
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn english() -> Arc<Messages> {
        Languages::open(None).unwrap().iter().next().unwrap().clone()
    }

    fn args(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn arguments_are_put_in_once_and_escaped_in_html() {
        let m = english();
        let hostile = args(&[("client", "<b>{host}")]);
        assert_eq!(m.plain("signin.to", &hostile).unwrap(), "to continue to <b>{host}");
        assert_eq!(m.html("signin.to", &hostile).unwrap(), "to continue to <bdi>&lt;b&gt;{host}</bdi>");
    }

    #[test]
    fn unknown_texts_and_missing_arguments_are_errors() {
        let m = english();
        assert!(m.plain("no.such", &[]).is_err());
        assert!(m.plain("signin.to", &args(&[("host", "x")])).is_err());
    }

    #[test]
    fn a_folder_replaces_texts_but_invents_none() {
        let folder = tempfile::tempdir().unwrap();
        let texts = r#"{"brand": "Lighthouse", "signin.title": "Board"}"#;
        std::fs::write(folder.path().join("en.json"), texts).unwrap();
        let all = Languages::open(Some(folder.path())).unwrap();
        for lang in ["en", "de", "ja"] {
            assert_eq!(all.of(lang).unwrap().plain("brand", &[]).unwrap(), "Lighthouse", "{lang}");
        }
        assert_eq!(all.of("en").unwrap().plain("signin.title", &[]).unwrap(), "Board");
        assert_eq!(all.of("de").unwrap().plain("signin.title", &[]).unwrap(), "Anmelden");
        for texts in [r#"{"brnd": "Lighthouse"}"#, r#"{"brnd.other": "Lighthouse"}"#] {
            std::fs::write(folder.path().join("en.json"), texts).unwrap();
            let error = Languages::open(Some(folder.path())).unwrap_err().to_string();
            assert!(error.contains("brnd"), "{error}");
        }
    }

    #[test]
    fn texts_that_count_take_the_form_of_their_language() {
        let own = |texts: &[(&str, &str)]| {
            texts.iter().map(|(k, t)| ((*k).to_owned(), (*t).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let forms = own(&[("left.one", "{n} left, the last"), ("left.other", "{n} left")]);
        let of = |lang: &str| Messages { lang: lang.to_owned(), texts: forms.clone() };
        for (lang, n, text) in [
            ("en", "1", "1 left, the last"),
            ("en", "0", "0 left"),
            ("en", "2", "2 left"),
            ("fr", "0", "0 left, the last"),
            ("fr", "1", "1 left, the last"),
            ("fr", "2", "2 left"),
            ("ja", "1", "1 left"),
            ("zh-Hans", "1", "1 left"),
        ] {
            assert_eq!(of(lang).plain("left", &args(&[("n", n)])).unwrap(), text, "{lang} {n}");
        }
        assert!(of("en").plain("left", &args(&[("n", "many")])).is_err());
    }

    /// What every language must have the same of, the forms of a text that counts as one.
    fn shape(topics: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        let mut texts = BTreeMap::new();
        for topic in topics {
            texts.append(&mut parse("test", topic).unwrap());
        }
        let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, text) in &texts {
            let base = key
                .rsplit_once('.')
                .filter(|(base, form)| FORMS.contains(form) && texts.contains_key(&format!("{base}.other")));
            // `account.other` alone is a text like others.
            let counts = base.filter(|(base, _)| {
                texts.contains_key(&format!("{base}.one"))
                    || text.contains("{n}") && !texts.contains_key(*base)
            });
            let names = text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0.to_owned());
            out.entry(counts.map_or(key.as_str(), |(base, _)| base).to_owned()).or_default().extend(names);
        }
        out
    }

    #[test]
    fn every_language_says_all_that_english_says_and_no_more() {
        let english = shape(EMBEDDED[0].1);
        for (lang, topics) in &EMBEDDED[1..] {
            let own = shape(topics);
            // The service's own name is nobody's to translate.
            let missing: Vec<_> = english.keys().filter(|k| *k != "brand" && !own.contains_key(*k)).collect();
            let invented: Vec<_> = own.keys().filter(|k| !english.contains_key(*k)).collect();
            assert!(
                missing.is_empty() && invented.is_empty(),
                "{lang}: no {missing:?}, {invented:?} for nothing"
            );
            for (key, names) in &own {
                assert_eq!(names, &english[key], "{lang}: arguments of {key}");
            }
        }
    }

    #[test]
    fn every_text_is_used() {
        // Keys put together from parts.
        const PARTS: &[&str] = &[
            "signin.error.",
            "error.",
            "month.",
            "scope.",
            "lang.",
            "account.",
            "second.",
            "mail.",
            "upstream.trouble.",
            "link.",
            "codes.link.",
        ];
        let places = concat!(include_str!("words.rs"), include_str!("message.rs"));
        let m = english();
        for key in m.texts.keys().filter(|k| !PARTS.iter().any(|p| k.starts_with(p))) {
            let quoted = format!("\"{key}\"");
            let single = format!("'{key}'");
            let title = format!("{key}\" if trouble");
            let used = |text: &str| text.contains(&quoted) || text.contains(&title) || text.contains(&single);
            assert!(used(places) || super::super::TEMPLATES.iter().any(|(_, t)| used(t)), "{key}");
        }
    }
}
