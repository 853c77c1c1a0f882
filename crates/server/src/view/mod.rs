//! The pages: templates, their texts, the style sheet, and the headers a page is sent with. Embedded in the
//! binary; a folder given at start may replace any template or asset and any text, and may add `brand.css`.

mod asset;
pub(crate) mod brand;
mod failure;
mod headers;
pub(crate) mod home;
mod language;
pub(crate) mod message;
pub(crate) mod page;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use self::asset::Assets;
pub(crate) use self::language::{Lang, Languages};
use self::message::Messages;
use self::page::Page;
use crate::error::Fault;
use axum::response::{IntoResponse, Response};
use countersign_issuer::Failure;
use http::{HeaderValue, StatusCode, header};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};
use std::path::Path;
use std::sync::Arc;

const TEMPLATES: &[(&str, &str)] = &[
    ("account.html", include_str!("../../templates/account.html")),
    ("account_consents.html", include_str!("../../templates/account_consents.html")),
    ("account_data.html", include_str!("../../templates/account_data.html")),
    ("account_delete.html", include_str!("../../templates/account_delete.html")),
    ("account_deleted.html", include_str!("../../templates/account_deleted.html")),
    ("account_email.html", include_str!("../../templates/account_email.html")),
    ("account_email_sent.html", include_str!("../../templates/account_email_sent.html")),
    ("account_form.html", include_str!("../../templates/account_form.html")),
    ("account_frame.html", include_str!("../../templates/account_frame.html")),
    ("account_passkeys.html", include_str!("../../templates/account_passkeys.html")),
    ("account_phone.html", include_str!("../../templates/account_phone.html")),
    ("account_phone_sent.html", include_str!("../../templates/account_phone_sent.html")),
    ("account_providers.html", include_str!("../../templates/account_providers.html")),
    ("account_password.html", include_str!("../../templates/account_password.html")),
    ("account_recovery_codes.html", include_str!("../../templates/account_recovery_codes.html")),
    ("account_security.html", include_str!("../../templates/account_security.html")),
    ("account_totp.html", include_str!("../../templates/account_totp.html")),
    ("check_mail.html", include_str!("../../templates/check_mail.html")),
    ("choose_account.html", include_str!("../../templates/choose_account.html")),
    ("confirm_logout.html", include_str!("../../templates/confirm_logout.html")),
    ("consent.html", include_str!("../../templates/consent.html")),
    ("dev_outbox.html", include_str!("../../templates/dev_outbox.html")),
    ("enrol.html", include_str!("../../templates/enrol.html")),
    ("enrol_codes.html", include_str!("../../templates/enrol_codes.html")),
    ("enrol_phone.html", include_str!("../../templates/enrol_phone.html")),
    ("error.html", include_str!("../../templates/error.html")),
    ("form_post.html", include_str!("../../templates/form_post.html")),
    ("home.html", include_str!("../../templates/home.html")),
    ("layout.html", include_str!("../../templates/layout.html")),
    ("mail_sign_in.html", include_str!("../../templates/mail_sign_in.html")),
    ("passkey.html", include_str!("../../templates/passkey.html")),
    ("mail_link.html", include_str!("../../templates/mail_link.html")),
    ("mail_sent.html", include_str!("../../templates/mail_sent.html")),
    ("new_password.html", include_str!("../../templates/new_password.html")),
    ("recover.html", include_str!("../../templates/recover.html")),
    ("second_factor.html", include_str!("../../templates/second_factor.html")),
    ("sign_in.html", include_str!("../../templates/sign_in.html")),
    ("signed_out.html", include_str!("../../templates/signed_out.html")),
    ("upstream_link.html", include_str!("../../templates/upstream_link.html")),
    ("upstream_prove.html", include_str!("../../templates/upstream_prove.html")),
    ("upstream_start.html", include_str!("../../templates/upstream_start.html")),
    ("upstream_trouble.html", include_str!("../../templates/upstream_trouble.html")),
    ("signup.html", include_str!("../../templates/signup.html")),
    ("who.html", include_str!("../../templates/who.html")),
];

/// Why the pages cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ViewError {
    /// A file of the override folder cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A template does not parse.
    #[error("template {file}: {source}")]
    Template {
        /// Which.
        file: String,
        /// Where and why.
        source: Error,
    },
    /// A message file is not a flat JSON object of texts, or names a text that no page uses.
    #[error("messages {file}: {why}")]
    Messages {
        /// Which.
        file: String,
        /// Why.
        why: String,
    },
}

pub(crate) use self::asset::get as asset;
pub(crate) use self::failure::failure;

/// Everything needed to show a page. Made once.
pub(crate) struct Views {
    /// The same templates in each language, English first.
    templates: Vec<(Lang, Environment<'static>)>,
    languages: Arc<Languages>,
    assets: Arc<Assets>,
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").finish_non_exhaustive()
    }
}

/// A page that is to be drawn in the reader's language, on its way through an answer's extensions.
#[derive(Clone)]
struct Draft {
    template: &'static str,
    values: Value,
}

/// In which language a request is answered, and where the page is there in the others.
pub(crate) struct Speech {
    pub(crate) lang: Lang,
    /// This very page, ready for the value of `lang`; none: it cannot be asked for again.
    pub(crate) again: Option<String>,
}

/// A language in the menu of a page.
#[derive(serde::Serialize)]
struct Choice<'a> {
    tag: &'a str,
    name: &'a str,
    dir: &'a str,
    href: String,
}

impl Views {
    /// Pages whose links start with `base` (the path of the issuer, empty for most). Files in `folder`
    /// replace the embedded ones: `*.html`, `style.css`, `form-post.js`, `passkey.js`, `icon.svg`, and texts in
    /// `<language>.json`; `brand.css` is added.
    pub(crate) fn open(base: &str, folder: Option<&Path>) -> Result<Self, ViewError> {
        let languages = Arc::new(Languages::open(folder)?);
        let assets = Arc::new(Assets::open(base, folder)?);
        let mut bare = environment(base, &assets);
        for (name, text) in TEMPLATES {
            let text = overridden(folder, name)?.unwrap_or_else(|| (*text).to_owned());
            bare.add_template_owned(*name, text)
                .map_err(|source| ViewError::Template { file: (*name).to_owned(), source })?;
        }
        let speaking = |messages: &Arc<Messages>| {
            let lang = languages.exact(messages.lang()).unwrap_or_else(|| languages.fallback());
            let mut env = bare.clone();
            speak(&mut env, messages);
            (lang, env)
        };
        Ok(Self { templates: languages.iter().map(speaking).collect(), languages, assets })
    }

    /// The languages, for pages and mails.
    pub(crate) fn languages(&self) -> &Arc<Languages> {
        &self.languages
    }

    /// A page as an answer, with all its headers. It is drawn by [`Views::draw`], once it is known in which
    /// language.
    pub(crate) fn show<P: Page>(&self, status: StatusCode, page: &P) -> Response {
        let mut response = status.into_response();
        response.extensions_mut().insert(Draft { template: P::TEMPLATE, values: Value::from(Serde(page)) });
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        headers::page(response.headers_mut(), page.guard(), page.referrer());
        response
    }

    /// Draws the page that an answer is, if it is one.
    pub(crate) fn draw(&self, speech: &Speech, response: &mut Response) {
        let Some(draft) = response.extensions_mut().remove::<Draft>() else { return };
        let html = self.html_in(speech, draft.template, draft.values).unwrap_or_else(|error| {
            // An error's long form shows the values that were put in: keys and codes among them.
            let (kind, within, line) = (error.kind(), error.name(), error.line());
            let template = draft.template;
            tracing::error!(template, ?kind, within, line, "page does not render");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            "Something went wrong on our side. Please try again.".to_owned()
        });
        *response.body_mut() = html.into();
        let headers = response.headers_mut();
        if let Ok(lang) = HeaderValue::from_str(speech.lang.as_str()) {
            headers.insert(header::CONTENT_LANGUAGE, lang);
        }
        headers.append(header::VARY, HeaderValue::from_static("Accept-Language, Cookie"));
    }

    fn html_in(&self, speech: &Speech, template: &str, values: Value) -> Result<String, Error> {
        let ours = self.templates.iter().find(|(lang, _)| *lang == speech.lang).or(self.templates.first());
        let (_, env) = ours.ok_or_else(|| broken("no language".to_owned()))?;
        let menu: Vec<_> = speech.again.iter().flat_map(|again| self.menu(again)).collect();
        let values = brand::in_language(values, speech.lang.as_str());
        env.get_template(template)?.render(context! { languages => Serde(menu), ..values })
    }

    fn menu(&self, again: &str) -> impl Iterator<Item = Choice<'_>> {
        let href = move |m: &Messages| format!("{again}{}", m.lang());
        self.languages.iter().map(move |m| Choice {
            tag: m.lang(),
            name: m.name(),
            dir: m.dir(),
            href: href(m),
        })
    }

    /// The page's HTML, in English.
    #[cfg(test)]
    pub(crate) fn html<P: Page>(&self, page: &P) -> Result<String, Error> {
        let speech = Speech { lang: self.languages.fallback(), again: None };
        self.html_in(&speech, P::TEMPLATE, Value::from(Serde(page)))
    }
}

/// 303, to one of our own pages or to an address the issuer has proven.
pub(crate) fn see_other(url: &str) -> Result<Response, Fault> {
    let location = HeaderValue::from_str(url)
        .map_err(|_| Failure::Bug("an address that cannot stand in a header".to_owned()))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// The file of the override folder, when there is one.
pub(crate) fn overridden(folder: Option<&Path>, name: &str) -> Result<Option<String>, ViewError> {
    let Some(folder) = folder else { return Ok(None) };
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ViewError::Unreadable { file: path.display().to_string(), source }),
    }
}

/// Templates without a language.
fn environment(base: &str, assets: &Arc<Assets>) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    env.add_function("initial", |name: &str| words::initial(name));
    let a = assets.clone();
    env.add_function("asset", move |name: &str| {
        a.url(name).map(address).ok_or_else(|| broken(format!("no asset is named {name}")))
    });
    let base = base.to_owned();
    env.add_function("url", move |path: &str| address(&format!("{base}{path}")));
    env
}

/// Gives them one.
pub(crate) fn speak(env: &mut Environment<'static>, messages: &Arc<Messages>) {
    env.add_global("lang", messages.lang());
    env.add_global("dir", messages.dir());
    let m = messages.clone();
    env.add_function("t", move |key: &str, args: Kwargs| m.plain(key, &arguments(&args)?).map_err(broken));
    let m = messages.clone();
    env.add_function("t_or", move |key: &str, otherwise: String| m.plain(key, &[]).unwrap_or(otherwise));
    let m = messages.clone();
    env.add_function("m", move |key: &str, args: Kwargs| {
        m.html(key, &arguments(&args)?).map(Value::from_safe_string).map_err(broken)
    });
    let m = messages.clone();
    env.add_function("wait", move |seconds: u64| words::wait(&m, seconds).map_err(broken));
    let m = messages.clone();
    env.add_function("date", move |millis: i64| words::date(&m, millis).map_err(broken));
    let m = messages.clone();
    env.add_function("device", move |agent: &str| words::device(&m, agent).map_err(broken));
}

/// An address of ours for an attribute. Slashes stay: readable pages are easier to trust.
pub(crate) fn address(path: &str) -> Value {
    Value::from_safe_string(path.replace('&', "&amp;").replace('"', "&quot;").replace(['<', '>', '\''], ""))
}

/// The arguments of a text: names and values, in any order.
fn arguments(args: &Kwargs) -> Result<Vec<(String, String)>, Error> {
    let mut out = Vec::new();
    for name in args.args() {
        let value: Value = args.get(name)?;
        if matches!(value.kind(), ValueKind::Undefined | ValueKind::None) {
            return Err(broken(format!("argument {name} has no value")));
        }
        out.push((name.to_owned(), value.to_string()));
    }
    Ok(out)
}

fn broken(why: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}
