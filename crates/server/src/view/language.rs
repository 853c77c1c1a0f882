//! The languages of pages and mails, and which of them a reader wants: what the application asked for
//! (`ui_locales`, OIDC Core 3.1.2.1), else what the person chose, else `Accept-Language` (RFC 9110 12.5.4),
//! else English.

use super::ViewError;
use super::message::{EMBEDDED, Messages, parse};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// More ranges than this in one list are not looked at.
const RANGES: usize = 32;

/// A language that pages are there in, by its tag (BCP 47).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lang(Arc<str>);

impl Lang {
    /// `zh-Hans`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// All of them, English first.
#[derive(Debug)]
pub(crate) struct Languages(Vec<Arc<Messages>>);

impl Languages {
    /// The embedded ones, with the texts that `<tag>.json` of the folder replaces; a tag that is not
    /// embedded is a language more, in English where it has no text.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, ViewError> {
        let mut own = overrides(folder)?;
        let mut all: Vec<Arc<Messages>> = Vec::with_capacity(EMBEDDED.len());
        for (tag, topics) in EMBEDDED {
            let own = own.remove(*tag).unwrap_or_default();
            let messages = Messages::embedded(tag, topics, own, all.first().map(AsRef::as_ref))?;
            all.push(Arc::new(messages));
        }
        for (tag, texts) in own {
            let english = all.first().map(AsRef::as_ref);
            let messages = Messages::embedded(&tag, &[], texts, english)?;
            all.push(Arc::new(messages));
        }
        Ok(Self(all))
    }

    /// Each language's texts, English first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Messages>> {
        self.0.iter()
    }

    /// The texts for a reader of `tag`; English when there are none.
    pub(crate) fn of(&self, tag: &str) -> Option<&Arc<Messages>> {
        self.best(tag).or_else(|| self.0.first())
    }

    /// The language of exactly that tag.
    pub(crate) fn exact(&self, tag: &str) -> Option<Lang> {
        self.0.iter().find(|m| m.lang().eq_ignore_ascii_case(tag)).map(|m| lang(m))
    }

    /// The first of these tags that there is a language for.
    pub(crate) fn first_of<'a>(&self, tags: impl Iterator<Item = &'a str>) -> Option<Lang> {
        tags.take(RANGES).find_map(|tag| self.best(tag)).map(|m| lang(m))
    }

    /// What an `Accept-Language` asks for. A weight of 0 rules nothing out: some language must be shown.
    pub(crate) fn accepted(&self, list: &str) -> Option<Lang> {
        let mut ranges: Vec<(u16, &str)> = list.split(',').take(RANGES).filter_map(range).collect();
        ranges.sort_by_key(|(weight, _)| Reverse(*weight));
        let wanted = ranges.iter().filter(|(weight, _)| *weight > 0).map(|(_, range)| *range);
        self.first_of(wanted.map(|range| if range == "*" { "en" } else { range }))
    }

    /// English.
    pub(crate) fn fallback(&self) -> Lang {
        self.0.first().map_or_else(|| Lang(Arc::from("en")), |m| lang(m))
    }

    /// Lookup (RFC 4647 3.4): the range is cut from its end until a tag matches; then any tag of the same
    /// language will do, `zh-Hans` for `zh-CN`.
    fn best(&self, range: &str) -> Option<&Arc<Messages>> {
        let mut rest = range.trim();
        loop {
            if let Some(found) = self.0.iter().find(|m| m.lang().eq_ignore_ascii_case(rest)) {
                return Some(found);
            }
            match rest.rsplit_once('-') {
                Some((shorter, _)) => rest = shorter,
                None => break,
            }
        }
        let primary = |m: &&Arc<Messages>| {
            m.lang().split('-').next().is_some_and(|p| !rest.is_empty() && p.eq_ignore_ascii_case(rest))
        };
        self.0.iter().find(primary)
    }
}

fn lang(messages: &Messages) -> Lang {
    Lang(Arc::from(messages.lang()))
}

/// A range with its weight in thousandths (RFC 9110 12.4.2); `None`: not one.
fn range(item: &str) -> Option<(u16, &str)> {
    let (tag, weight) = match item.split_once(';') {
        None => (item, 1_000),
        Some((tag, weight)) => {
            let (name, value) = weight.trim().split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("q") {
                return None;
            }
            (tag, thousandths(value.trim())?)
        }
    };
    let tag = tag.trim();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'*';
    (!tag.is_empty() && tag.bytes().all(plain)).then_some((weight, tag))
}

fn thousandths(value: &str) -> Option<u16> {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

/// The texts of each `<tag>.json` of the folder.
fn overrides(folder: Option<&Path>) -> Result<BTreeMap<String, BTreeMap<String, String>>, ViewError> {
    let mut out = BTreeMap::new();
    let Some(folder) = folder else { return Ok(out) };
    let unreadable = |source| ViewError::Unreadable { file: folder.display().to_string(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let file = path.display().to_string();
        let tag = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let primary = tag.split('-').next().unwrap_or_default();
        let subtag = |s: &str| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric());
        if !matches!(primary.len(), 2 | 3) || !tag.split('-').all(subtag) {
            let why = "the name is not a language tag (BCP 47)".to_owned();
            return Err(ViewError::Messages { file, why });
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ViewError::Unreadable { file: file.clone(), source })?;
        out.insert(tag.to_owned(), parse(&file, &text)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_range_that_is_there_wins() {
        let all = Languages::open(None).unwrap();
        for (list, lang) in [
            ("de", Some("de")),
            ("DE-at", Some("de")),
            ("de-DE-1996, en;q=0.9", Some("de")),
            ("en;q=0.8, fr;q=0.9", Some("fr")),
            ("pt-BR, pt;q=0.9, es;q=0.8, en;q=0.7", Some("es")),
            ("en;q=0.5,ja;q=0.5", Some("en")),
            ("zh-CN", Some("zh-Hans")),
            ("zh-Hans-SG", Some("zh-Hans")),
            ("zh", Some("zh-Hans")),
            ("nl, *;q=0.1", Some("en")),
            ("*", Some("en")),
            ("de;q=0, fr;q=0.001", Some("fr")),
            ("de;q=0", None),
            ("de; q=0.3 , es ; Q = 0.4", Some("es")),
            // Not weights: such a range is left out.
            ("de;q=2, fr", Some("fr")),
            ("de;q=0.1234, fr;q=0.1", Some("fr")),
            ("de;q=-1", None),
            ("de;level=1", None),
            ("", None),
            (",,;,-,--,de-", Some("de")),
            ("d", None),
            ("deu", None),
            ("tlh", None),
            ("<script>, \u{202e}de", None),
        ] {
            assert_eq!(all.accepted(list).as_ref().map(Lang::as_str), lang, "{list}");
        }
        let many = format!("{}de", "xx,".repeat(RANGES));
        assert_eq!(all.accepted(&many), None, "a list without end is not read to its end");
    }

    #[test]
    fn a_folder_adds_a_language() {
        let folder = tempfile::tempdir().unwrap();
        let texts = r#"{"lang.name": "Pirate", "lang.dir": "rtl", "signin.submit": "Board"}"#;
        std::fs::write(folder.path().join("en-x-pirate.json"), texts).unwrap();
        let all = Languages::open(Some(folder.path())).unwrap();
        let pirate = all.of("en-x-pirate").unwrap();
        assert_eq!((pirate.plain("signin.submit", &[]).unwrap().as_str(), pirate.dir()), ("Board", "rtl"));
        assert_eq!(pirate.plain("signin.title", &[]).unwrap(), "Sign in", "the rest is English");
        assert_eq!(all.of("en-GB").unwrap().plain("signin.submit", &[]).unwrap(), "Sign in");

        std::fs::write(folder.path().join("settings.json"), "{}").unwrap();
        let error = Languages::open(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("settings.json"), "{error}");
    }
}
