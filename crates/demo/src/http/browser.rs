//! A browser without script: a cookie jar, redirects, forms.

use crate::cast::Person;
use crate::http::form::{self, Form};
use crate::http::{Answer, Ask};
use crate::scene::Scene;
use anyhow::{Context, Result, bail};
use http::header::COOKIE;
use std::collections::BTreeMap;
use url::Url;

/// Longest chain of redirects followed, as in the Fetch standard (4.4: 20).
const REDIRECTS: usize = 20;

/// A browser with its cookies.
#[derive(Default)]
pub(crate) struct Browser {
    /// By host, then name. Ports do not count (RFC 6265 8.5).
    jar: BTreeMap<String, BTreeMap<String, String>>,
    /// Addresses that belong to an installed app: the browser hands them over instead of asking for them.
    apps: Vec<String>,
}

/// Where a navigation ended.
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) answer: Answer,
    pub(crate) forms: Vec<Form>,
    /// The address handed to an installed app, if that is how it ended.
    pub(crate) handed: Option<Url>,
}

impl Page {
    /// The form that asks for a password.
    pub(crate) fn sign_in(&self) -> Option<&Form> {
        self.forms.iter().find(|form| form.password_field().is_some())
    }

    /// The form that posts to a path.
    pub(crate) fn form_to(&self, path: &str) -> Result<&Form> {
        let form = self.forms.iter().find(|form| form.action.split('?').next() == Some(path));
        form.with_context(|| format!("{} has no form for {path}", self.url))
    }

    /// The link that leads to such an address.
    pub(crate) fn link(&self, start: &str) -> Result<String> {
        let link = form::links(&self.answer.body).into_iter().find(|link| link.starts_with(start));
        link.with_context(|| format!("{} has no link to {start}", self.url))
    }
}

impl Browser {
    /// A browser on a device where an app has claimed an address.
    pub(crate) fn with_app(address: &str) -> Self {
        Self { apps: vec![address.to_owned()], ..Self::default() }
    }

    /// Opens an address and follows redirects to a page.
    pub(crate) async fn open(&mut self, scene: &mut Scene<'_>, url: &str) -> Result<Page> {
        self.navigate(scene, Ask::get(url)).await
    }

    /// Submits a form of a page.
    pub(crate) async fn submit(
        &mut self,
        scene: &mut Scene<'_>,
        page: &Page,
        form: &Form,
        typed: &[(&str, &str)],
    ) -> Result<Page> {
        let mut target = page.url.join(&form.action)?;
        let fields = form.filled(typed);
        if form.method == "post" {
            let ask = Ask::post(target.as_str()).form(fields);
            let site = if target.origin() == page.url.origin() { "same-origin" } else { "cross-site" };
            let origin = page.url.origin().ascii_serialization();
            return self.navigate(scene, ask.origin(&origin).header("sec-fetch-site", site)).await;
        }
        target.query_pairs_mut().clear().extend_pairs(fields);
        self.navigate(scene, Ask::get(target.as_str())).await
    }

    /// Signs in on the issuer's page, whether it asks for name and password at once or one after the other.
    pub(crate) async fn sign_in(&mut self, scene: &mut Scene<'_>, page: Page, who: &Person) -> Result<Page> {
        let mut page = page;
        for _ in 0..2 {
            let form = page.forms.iter().find(|f| f.password_field().or(f.user_field()).is_some());
            let form =
                form.with_context(|| format!("{} ({}) asks for no password", page.url, page.answer.status))?;
            let mut typed = Vec::new();
            typed.extend(form.user_field().map(|name| (name, who.username.as_str())));
            typed.extend(form.password_field().map(|name| (name, who.password.as_str())));
            let complete = form.password_field().is_some();
            page = self.submit(scene, &page, form, &typed).await?;
            if complete {
                return Ok(page);
            }
        }
        bail!("{} never asked for the password", page.url)
    }

    /// Keeps the cookies of an answer that a script of a page got.
    pub(crate) fn took(&mut self, answer: &Answer) -> Result<()> {
        self.keep(&Url::parse(&answer.url)?, answer);
        Ok(())
    }

    /// Names of the cookies held for a host.
    pub(crate) fn cookies(&self, host: &str) -> Vec<String> {
        self.jar.get(host).map(|held| held.keys().cloned().collect()).unwrap_or_default()
    }

    async fn navigate(&mut self, scene: &mut Scene<'_>, ask: Ask) -> Result<Page> {
        let mut ask = ask.accept("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        for _ in 0..REDIRECTS {
            let url = Url::parse(&ask.url)?;
            let answer = scene.send(self.with_cookies(ask, &url)).await?;
            self.keep(&url, &answer);
            if !answer.is_redirect() {
                let forms = if answer.is_html() { form::read(&answer.body) } else { Vec::new() };
                return Ok(Page { url, answer, forms, handed: None });
            }
            let next = url.join(answer.location())?;
            if self.apps.iter().any(|app| next.as_str().starts_with(app.as_str())) {
                return Ok(Page { url, answer, forms: Vec::new(), handed: Some(next) });
            }
            ask = Ask::get(next.as_str()).accept("text/html");
        }
        bail!("more than {REDIRECTS} redirects, last to {}", ask.url)
    }

    fn with_cookies(&self, ask: Ask, url: &Url) -> Ask {
        let held = self.jar.get(url.host_str().unwrap_or_default());
        let pairs: Vec<String> = held.into_iter().flatten().map(|(n, v)| format!("{n}={v}")).collect();
        if pairs.is_empty() { ask } else { ask.header(COOKIE.as_str(), pairs.join("; ")) }
    }

    fn keep(&mut self, url: &Url, answer: &Answer) {
        let held = self.jar.entry(url.host_str().unwrap_or_default().to_owned()).or_default();
        for cookie in answer.set_cookies() {
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let gone = parts.any(|attribute| {
                let attribute = attribute.to_ascii_lowercase();
                attribute == "max-age=0" || attribute.starts_with("expires=thu, 01 jan 1970")
            });
            if gone {
                held.remove(name);
            } else {
                held.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
