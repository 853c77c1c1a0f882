//! Messages to people as they are read: subject, text and HTML of a mail, the text of an SMS. Templates
//! (`mail/letter.html`, `mail/letter.txt`) and texts can be replaced as those of the pages.

mod content;
#[cfg(test)]
mod tests;

use crate::Error;
use crate::config::ConfigError;
use crate::view::message::Messages;
use crate::view::{Languages, ViewError, address, overridden, speak};
use content::Content;
use countersign_issuer::model::message::About;
use countersign_issuer::model::{Brand, JobId};
use countersign_issuer::port::Parcel;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use url::Url;

const HTML: &str = "mail/letter.html";
const TEXT: &str = "mail/letter.txt";
const TEMPLATES: [(&str, &str); 2] = [
    (HTML, include_str!("../../templates/mail/letter.html")),
    (TEXT, include_str!("../../templates/mail/letter.txt")),
];

/// A mail's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The whole message as plain text.
    pub text: String,
    /// The same as a document of its own.
    pub html: String,
    /// What the document shows, to travel with it.
    pub logo: Option<Picture>,
}

/// A picture within a mail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Picture {
    /// Its `Content-ID` without brackets (RFC 2392): the document names it as `cid:`.
    pub cid: String,
    /// The file.
    #[serde(skip)]
    pub png: Vec<u8>,
}

impl Picture {
    /// A brand's logo. `None`: it has none, or an SVG, which mail programs do not show.
    fn of(brand: &Brand, job: JobId) -> Option<Self> {
        let picture = brand.picture().filter(|p| !p.svg)?;
        Some(Self { cid: format!("logo@{job}"), png: picture.bytes })
    }
}

/// Puts messages into words. Made once.
pub struct Letters {
    /// The same templates in each language, English first.
    templates: Vec<(String, Environment<'static>)>,
    languages: Languages,
    site: Site,
}

/// Where the messages come from.
struct Site {
    host: String,
    account: String,
    /// Browsers fill in codes of an SMS that names their host, which https vouches for.
    names_host: bool,
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letters").finish_non_exhaustive()
    }
}

impl Letters {
    /// `issuer`: its identifier. `folder`: replaces templates and texts, as for pages.
    pub fn open(issuer: &str, folder: Option<&Path>) -> Result<Self, Error> {
        let url = Url::parse(issuer).map_err(|_| ConfigError::Issuer(issuer.to_owned()))?;
        let site = Site {
            host: url.host_str().unwrap_or_default().to_owned(),
            account: format!("{issuer}/account"),
            names_host: url.scheme() == "https",
        };
        let wrong = |e: ViewError| Error::Templates(e.to_string());
        let languages = Languages::open(folder).map_err(wrong)?;
        let mut bare = environment();
        for (name, text) in TEMPLATES {
            let text = overridden(folder, name).map_err(wrong)?.unwrap_or_else(|| text.to_owned());
            bare.add_template_owned(name, text)
                .map_err(|source| wrong(ViewError::Template { file: name.to_owned(), source }))?;
        }
        let speaking = |messages: &Arc<Messages>| {
            let mut env = bare.clone();
            speak(&mut env, messages);
            (messages.lang().to_owned(), env)
        };
        Ok(Self { templates: languages.iter().map(speaking).collect(), languages, site })
    }

    /// Its words, and the texts of its language.
    fn content(&self, parcel: &Parcel<'_>) -> Result<(Content, &Arc<Messages>), String> {
        let messages = self.languages.of(&parcel.message.lang).ok_or("no language")?;
        Ok((Content::of(parcel, messages, &self.site)?, messages))
    }

    /// A mail. The error is for the log and names no secret.
    pub fn letter(&self, parcel: &Parcel<'_>) -> Result<Letter, String> {
        let (content, messages) = self.content(parcel)?;
        let ours = self.templates.iter().find(|(lang, _)| lang == messages.lang());
        let (_, templates) = ours.ok_or("no language")?;
        let render = |name: &str| {
            let template = templates.get_template(name).map_err(|e| e.to_string())?;
            // An error's long form shows the values that were put in, the code among them.
            template.render(Serde(&content)).map_err(|e| format!("{name} does not render: {:?}", e.kind()))
        };
        let (text, html) = (render(TEXT)?, render(HTML)?);
        Ok(Letter { subject: content.subject, text: plain(&text), html, logo: content.logo })
    }

    /// An SMS: short, and where it holds a code, in the form that browsers fill in by themselves ("origin-bound
    /// one-time codes": the last line is `@host #code`).
    pub fn sms(&self, parcel: &Parcel<'_>) -> Result<String, String> {
        let (content, messages) = self.content(parcel)?;
        let fill = |key: &str, args: &[(&str, &str)]| {
            let args: Vec<_> = args.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            messages.plain(key, &args)
        };
        match (&content.code, &content.link) {
            (Some(code), _) => {
                let text = fill("mail.sms.code", &[("code", code), ("app", &content.app)])?;
                Ok(match self.site.names_host {
                    true => format!("{text}\n\n@{} #{code}", self.site.host),
                    false => text,
                })
            }
            (None, Some(link)) => fill("mail.sms.link", &[("subject", &content.subject), ("link", link)]),
            (None, None) => Ok(content.subject),
        }
    }

    /// What stands in a list of messages: where to and a subject without code.
    pub fn summary(&self, parcel: &Parcel<'_>) -> Result<String, String> {
        self.content(parcel).map(|(content, _)| content.heading)
    }
}

/// No more than one empty line in a row, none at the ends.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines() {
        // "-- " is where a signature begins (RFC 3676 4.3).
        let line = if line == "-- " { line } else { line.trim_end() };
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Templates without a language.
fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    env.add_filter("address", |url: &str| address(url));
    env
}

/// The stable name of what a message is about.
pub fn kind(about: &About) -> &'static str {
    content::kind(about)
}
