//! The language of an answer: settled before the handler runs, since messages that it sends are in the same.
//!
//! One cookie keeps what the person chose from a page's menu, and what the application they are on the way
//! to asked for (`ui_locales`, OIDC Core 3.1.2.1), which goes first on the pages of that way and is forgotten
//! with the next request of an application. Choosing overrides both.

use crate::app::App;
use crate::extract::cookies::{self, Outgoing};
use crate::routes::Row;
use crate::view::{Lang, Speech};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use std::borrow::Cow;
use url::form_urlencoded;

/// What the menu of languages adds to a page's address.
const LANG: &str = "lang";
const UI_LOCALES: &str = "ui_locales";
const AUTHORIZE: &str = "/oauth/authorize";
/// Pages with a longer query have no menu, which would repeat it for each language.
const QUERY_MAX: usize = 4_096;

/// What the cookie keeps: `chosen~asked`, each a tag or empty.
#[derive(Default)]
struct Kept {
    chosen: Option<Lang>,
    asked: Option<Lang>,
}

impl Kept {
    fn read(app: &App, request: &Request) -> Self {
        let languages = app.views.languages();
        let value = cookies::find(request.headers(), app.cookies.lang).unwrap_or_default();
        let (chosen, asked) = value.split_once('~').unwrap_or((&value, ""));
        Self { chosen: languages.exact(chosen), asked: languages.exact(asked) }
    }

    fn value(&self) -> String {
        let tag = |lang: &Option<Lang>| lang.as_ref().map_or("", Lang::as_str).to_owned();
        match &self.asked {
            None => tag(&self.chosen),
            asked => format!("{}~{}", tag(&self.chosen), tag(asked)),
        }
    }
}

/// How a request is answered.
pub(crate) fn settle(app: &App, row: Option<&Row>, request: &Request, outgoing: &Outgoing) -> Speech {
    let languages = app.views.languages();
    let mut kept = Kept::read(app, request);
    let from_client = row.is_some_and(|r| r.path == AUTHORIZE) && is_get(request);
    if from_client && member(request, "client_id").is_some() {
        let asked = member(request, UI_LOCALES).and_then(|list| languages.first_of(list.split(' ')));
        if asked != kept.asked {
            kept.asked = asked;
            outgoing.set_lang(app.cookies, kept.value());
        }
    }
    let on_the_way = row.is_some_and(|r| r.leads_to_client);
    let accepted = || {
        let lines = request.headers().get_all(header::ACCEPT_LANGUAGE).iter();
        let lines: Vec<&str> = lines.filter_map(|v| v.to_str().ok()).collect();
        languages.accepted(&lines.join(","))
    };
    let kept = kept.asked.filter(|_| on_the_way).or(kept.chosen);
    let lang = kept.or_else(accepted).unwrap_or_else(|| languages.fallback());
    Speech { lang, again: again(app, request) }
}

/// The person chose from the menu: it is kept, and the page is asked for again without the choice.
pub(crate) fn chosen(app: &App, request: &Request) -> Option<Response> {
    if !is_get(request) {
        return None;
    }
    let outgoing = request.extensions().get::<Outgoing>()?;
    let chosen = app.views.languages().exact(&member(request, LANG)?)?;
    outgoing.set_lang(app.cookies, Kept { chosen: Some(chosen), asked: None }.value());
    let (path, rest) = without_choice(request);
    let query = if rest.is_empty() { rest } else { format!("?{rest}") };
    // With the origin: `//evil.example/` is a path too.
    let location = HeaderValue::from_str(&format!("{}{path}{query}", app.site.origin)).ok()?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, location);
    Some(response)
}

/// The page's own address up to the value of `lang`. A page that answers a form has none.
fn again(app: &App, request: &Request) -> Option<String> {
    if !is_get(request) || request.uri().query().is_some_and(|q| q.len() > QUERY_MAX) {
        return None;
    }
    let (path, rest) = without_choice(request);
    let and = if rest.is_empty() { "" } else { "&" };
    Some(format!("{}{path}?{rest}{and}{LANG}=", app.site.origin))
}

/// The path, and the query as it came without what was said of languages.
fn without_choice(request: &Request) -> (&str, String) {
    let said = |part: &&str| {
        form_urlencoded::parse(part.as_bytes())
            .next()
            .is_some_and(|(name, _)| name == LANG || name == UI_LOCALES)
    };
    let query = request.uri().query().unwrap_or_default();
    let rest: Vec<&str> = query.split('&').filter(|part| !said(part)).collect();
    (request.uri().path(), rest.join("&"))
}

fn member<'r>(request: &'r Request, name: &str) -> Option<Cow<'r, str>> {
    let query = request.uri().query()?;
    form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value)
}

fn is_get(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}
